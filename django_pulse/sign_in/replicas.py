"""Whose a replica id is.

Laws:

1. A replica id belongs to the user and device that used it first, for ever. Nobody gets the
   server's own, of any database.
2. From then on it takes its certificate, which no client can make: the server's signature under
   whose the id is and how often it was welcomed. Each welcome gives the next one, so that of two
   copies of a store the second to come is told that it is a copy.
3. A welcome that never arrived is given again, to whoever knows the random number of the hello that
   asked for it: a copy made before that does not.
4. The marks of what a replica is about to push are stored before any of it is: a copy learns which
   of its unsent edits are not its own. What it is told to push itself is marked as well, for the
   next copy.
5. A certificate of this epoch that is of a later welcome than any we know of proves that the
   database was restored from a backup since: another epoch begins, before its device is served.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import orjson
from django.core.signing import BadSignature, Signer
from django.db import DEFAULT_DB_ALIAS, transaction

from crdt.errors import ReplicaTaken
from crdt.messages import Hello, Mark

from .. import identity
from ..identity import REPLICA_BITS, ClockRow, random_replica, take_write_lock
from ..prepared import Prepared
from ..sql import update_many
from ..tables import Device
from ..visibility.scopes import databases

if TYPE_CHECKING:
    from django.contrib.auth.base_user import AbstractBaseUser

__all__ = ["MAX_MARKS", "claim_replica", "note_marks", "replica_for"]

MAX_MARKS = 1_000
"""Marks kept for each replica, the newest: a mark stands for a minute in which somebody edited.
What a copy has from before cannot be told from its own edits, and is pushed again.
"""

MAX_GENERATION_DIGITS = 16
"""A replica that is welcomed every second needs ten."""

logger = logging.getLogger("django_pulse")

_SALT = "django_pulse.sign_in.replicas"

_COLUMNS = tuple(field.attname for field in Device._meta.concrete_fields)
_LOCKED = Prepared(
    lambda replica: (
        Device.objects.filter(replica=replica).select_for_update().values_list(*_COLUMNS)
    )
)

_Stored = Iterable[Sequence[int]]
"""Marks as they are stored: the mark, its number of edits, and `refused`, see `_joined`."""


def claim_replica(user: AbstractBaseUser, hello: Hello, using: str = DEFAULT_DB_ALIAS) -> str:
    """Register the replica id to this user and device, or check that it is theirs; returns the
    certificate for the next time.

    Raises `ReplicaTaken` otherwise: whoever could borrow a replica id could write entries that
    another device will believe are its own.
    """
    owner = str(user.pk)
    clocks = {each: identity.clock(each) for each in dict.fromkeys([using, *databases()])}
    servers = {clock.replica for clock in clocks.values()}
    if not 0 < hello.replica < 2**REPLICA_BITS or hello.replica in servers:
        raise ReplicaTaken
    with transaction.atomic(using=using):
        take_write_lock(using)
        found, is_new = _locked(hello.replica, using), False
        if found is None:
            rows = Device.objects.using(using).select_for_update()
            found, is_new = rows.get_or_create(
                replica=hello.replica, defaults={"user": owner, "device": hello.device}
            )
        if (found.user, found.device) != (owner, hello.device):
            raise ReplicaTaken
        shown, shown_in = _shown(hello.certificate, found)
        if shown > found.generation and shown_in == _epoch(clocks):
            clocks = _restored(clocks)
        refused = not is_new and not _may_enter(found, shown, hello)
        if refused:
            shared, doubtful = _compared(hello, _marks_of(owner, using))
            told = {*shared, *doubtful}
            own = [mark for mark in hello.marks if mark.tag not in told]
            found.marks = _joined(found.marks, own, hello.attempts[-1] if hello.attempts else 0)
        else:
            if shown != found.generation - 1 or is_new:
                found.generation = max(shown, found.generation) + 1
            found.attempt = hello.attempts[-1] if hello.attempts else None
            found.marks = _joined(found.marks, hello.marks)
        content = found.generation, found.attempt, found.marks
        update_many(Device, using, ("generation", "attempt", "marks"), [(found.pk, content)])
    if refused:
        raise ReplicaTaken(shared, doubtful)
    return _certificate(found, _epoch(clocks))


def note_marks(replica: int, marks: Sequence[Mark], using: str = DEFAULT_DB_ALIAS) -> None:
    """Store the marks of what `replica` is about to push."""
    with transaction.atomic(using=using):
        take_write_lock(using)
        found = _locked(replica, using)
        if found is not None:
            joined = _joined(found.marks, marks)
            update_many(Device, using, ("marks",), [(found.pk, (joined,))])


def _locked(replica: int, using: str) -> Device | None:
    """The device that has the replica id, locked until the transaction ends."""
    rows = _LOCKED.rows(using, replica)
    return Device.from_db(using, _COLUMNS, rows[0]) if rows else None


def replica_for(user: AbstractBaseUser, device: str, using: str = DEFAULT_DB_ALIAS) -> int:
    """The replica id as which the server writes for a client that keeps no documents.

    The same one for the same user and device, for ever; `device` may be empty. No device can claim
    the name under which it is registered: `hello` takes printable ones only.
    """
    owner = {"user": str(user.pk), "device": f"\n{device}"}
    rows = Device.objects.using(using).filter(**owner).order_by("pk")
    found = rows.values_list("replica", flat=True).first()
    if found is None:
        Device.objects.using(using).create(replica=random_replica(), **owner)
        found = rows.values_list("replica", flat=True)[0]  # two at once agree on the first
    return found


def _may_enter(device: Device, shown: int, hello: Hello) -> bool:
    """Is this the store that was welcomed last, or the one whose welcome was lost?

    A certificate from the future is one of ours: see `_restored`. Ids that were registered before
    there were certificates get one now.
    """
    if not device.generation or shown >= device.generation:
        return True
    is_repeated = device.attempt in hello.attempts
    return is_repeated and shown == device.generation - 1


def _restored(clocks: dict[str, ClockRow]) -> dict[str, ClockRow]:
    """Begin another epoch in every database: which of them was restored, nothing tells."""
    logger.error(
        "A device was welcomed more often than the database knows: it was restored from a backup, "
        "or lost commits in a failover. Devices read everything anew, and send what it lost."
    )
    return {using: identity.begin_epoch(using, clock.epoch) for using, clock in clocks.items()}


def _epoch(clocks: dict[str, ClockRow]) -> str:
    """That of all databases that rows are in, as a welcome tells it."""
    return identity.epoch_of([clocks[each] for each in databases() or clocks])


def _shown(certificate: str | None, device: Device) -> tuple[int, str]:
    """Which welcome a certificate is of, and of which epoch; 0 for none, and for what is none of
    ours.
    """
    number, _, rest = (certificate or "").partition(".")
    epoch, _, signature = rest.rpartition(".")
    if not (number.isascii() and number.isdigit()) or len(number) > MAX_GENERATION_DIGITS:
        return 0, ""
    generation = int(number)
    try:
        _signer().unsign(f"{_signed(device, generation, epoch)}:{signature}")
    except BadSignature:
        return 0, ""
    return generation, epoch


def _certificate(device: Device, epoch: str) -> str:
    signature = _signer().signature(_signed(device, device.generation, epoch))
    return f"{device.generation}.{epoch}.{signature}"


def _signer() -> Signer:
    """HMAC-SHA256 with a key made from SECRET_KEY; those in SECRET_KEY_FALLBACKS verify, too."""
    return Signer(salt=_SALT)


def _signed(device: Device, generation: int, epoch: str) -> str:
    told = [device.replica, device.user, device.device, generation]
    return orjson.dumps([*told, epoch] if epoch else told).decode()


def _joined(stored: _Stored, marks: Iterable[Mark], refused: int = 0) -> list[list[int]]:
    """The stored marks and these, of each the one with more edits; the newest last.

    `refused` is the number of the hello that was told to push them under another id.
    """
    found = {mark[0]: mark for mark in stored}
    for tag, edits in marks:
        before = found.pop(tag, (tag, 0, 0))
        found[tag] = [tag, max(edits, before[1]), refused]
    return [list(mark) for mark in found.values()][-MAX_MARKS:]


def _marks_of(user: str, using: str) -> list[list[int]]:
    """Those of all the user's devices: the copy may be one of a copy that has an id of its own."""
    rows = Device.objects.using(using).filter(user=user).values_list("marks", flat=True)
    return [mark for marks in rows for mark in marks]


def _compared(hello: Hello, stored: _Stored) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Which of a copy's marks are shared with another store, and which are doubtful."""
    known: dict[int, int] = {}
    for tag, edits, refused in stored:
        if not refused or refused not in hello.attempts:  # else it was this store itself
            known[tag] = max(edits, known.get(tag, 0))
    mine = [mark for mark in hello.marks if mark.tag in known]
    shared = tuple(mark.tag for mark in mine if mark.edits <= known[mark.tag])
    return shared, tuple(mark.tag for mark in mine if mark.edits > known[mark.tag])
