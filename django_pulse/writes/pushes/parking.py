"""Parking: documents whose rows cannot be there yet, and what they wait for.

Laws:

1. A parked document is durable, has no row and is in no scope; only the user who pushed it may push
   more to it. It is merged like any other.
2. What a document waits for is listed (`Awaited`) in the transaction that parks it, and unlisted in
   the one that lets its row in. What is listed anew is ready: it is looked at once more after the
   commit, since it may have come meanwhile.
3. Of one user only so many may wait: beyond, nothing of the push is taken.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.db import DEFAULT_DB_ALIAS

from crdt.entry import Entry
from crdt.update import Push

from ...changefeed import feed
from ...conf import conf
from ...mapping.columns import Column, columns_of
from ...sql import insert_many
from ...tables import Awaited, Device
from ..locking import Held, Stored
from ..merging import Merged, Target

if TYPE_CHECKING:
    from django.contrib.auth.base_user import AbstractBaseUser

__all__ = ["Reason", "Waits", "everything", "is_his", "park", "told", "waiting_for"]
__all__ += ["target_of", "without_others"]

WAITING = "It refers to a row that has not arrived, or that you may not see."


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a row is not there yet; `awaits` may let it in. `into` names the row that took it in.

    `fields` are as in a revert: `{"value", "code", "message"}` by the name in documents.
    """

    code: str
    message: str
    fields: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    awaits: Collection[Target] = ()
    into: UUID | None = None

    def told(self) -> dict[str, Any]:
        """The reason as a client is told it."""
        told = {"code": self.code, "message": self.message, "fields": dict(self.fields)}
        return told if self.into is None else told | {"into": str(self.into)}


def park(merged: Merged, user: AbstractBaseUser, replica: int, reason: Reason) -> None:
    """Let the document wait for its row, for this reason."""
    merged.held.document.parked = {"user": str(user.pk), "replica": replica, **reason.told()}
    stored = merged.held.document
    own = (stored.model, str(stored.sync_id))  # nothing else lets it in than a push to itself
    merged.awaits = {} if reason.into else dict.fromkeys(reason.awaits or [own], 0)


def is_his(document: Stored, user: AbstractBaseUser) -> bool:
    """Was the document parked by this user?"""
    return document.parked is not None and document.parked["user"] == str(user.pk)


def waiting_for(merged: Merged) -> Reason:
    """The reason of a row that refers to what is not there."""
    known = merged.schema.fields
    waiting = {name: known[name].read(merged.document) for name in merged.held_back}
    waiting |= {name: list(keys.values()) for name, keys in merged.withheld.items() if keys}
    fields = {
        known[name].wire: {
            "value": known[name].encode(value),
            "code": "waiting",
            "message": WAITING,
        }
        for name, value in sorted(waiting.items())
    }
    return Reason("waiting", WAITING, fields, tuple(merged.awaits))


def told(merged: Merged) -> dict[str, Any] | None:
    """Why the row, or what this user made of it, is not there yet; None if it is."""
    parked = merged.held.document.parked
    if parked is not None:
        return {name: parked[name] for name in parked.keys() - {"user", "replica"}}
    return waiting_for(merged).told() if 0 in _awaited(merged).values() else None


def everything(merged: Merged, awaited: Collection[Target]) -> Push:
    """All that was not let in yet, as one push: what a parked document holds; of one whose row is
    there, the entries that refer to what this user `awaited`.
    """
    document = merged.document
    entries: Iterable[Entry] = _that_refer_to(merged, awaited)
    texts: Iterable[str] = ()
    if merged.held.document.parked is not None:
        entries = document.entries.values()
        texts = (f.wire for f in merged.schema.fields.values() if f.rule.text)
    return Push(
        0, 0, 0, tuple(entries), frozenset(t for t in texts if document.text(t)), {}, True, b""
    )


def without_others(
    pushes: Mapping[int, tuple[Merged, Push]], user: AbstractBaseUser
) -> dict[int, tuple[Merged, Push]]:
    """The same, without what devices of other users have written: that waits for these."""
    replicas = {entry.dot.replica for _, push in pushes.values() for entry in push.entries}
    others: Collection[int] = ()
    if replicas:
        devices = Device.objects.using(DEFAULT_DB_ALIAS).filter(replica__in=replicas)
        others = set(devices.exclude(user=str(user.pk)).values_list("replica", flat=True))
    return {
        place: (
            merged,
            replace(push, entries=tuple(e for e in push.entries if e.dot.replica not in others)),
        )
        for place, (merged, push) in pushes.items()
    }


def _that_refer_to(merged: Merged, awaited: Collection[Target]) -> Iterator[Entry]:
    columns = {} if merged.row is None else columns_of(type(merged.row))
    for name in merged.held_back | merged.waiting_sets():
        known, column = merged.schema.fields[name], columns[name]
        for entry in merged.document.live(known.wire):
            for live in known.live([entry]):
                values = (live.value or ()) if column.is_set else (live.value,)
                if any(target_of(column, value) in awaited for value in values):
                    yield entry


def target_of(column: Column, value: Any) -> Target | None:
    """The row that a value refers to, as `Awaited` lists it."""
    try:
        reference = column.refers_to(value)
    except ValueError:
        return None
    return None if reference is None else (reference[0].label, str(reference[1]))


_LISTED = ("document", "pk", "model", "key", "user")


@dataclass(slots=True)
class Waits:
    """What the documents of a batch wait for, for one user and for others."""

    using: str
    user: str
    listed: dict[int, dict[int, tuple[str, str, str]]] = field(default_factory=dict)
    """(model, key, user) by document, and there by the primary key of the list's row."""

    @classmethod
    def of(cls, using: str, user: AbstractBaseUser, held: Iterable[Held], *, look: bool) -> Waits:
        """Read them. To `look` clears `ready`: do it before looking whether they came."""
        waits = cls(using, str(user.pk))
        documents = [h.document.pk for h in held if look or h.document.was_marked]
        if documents:
            rows = Awaited.objects.using(using).filter(document__in=documents)
            if look:
                rows.filter(user=waits.user).update(ready=False)
            for document, pk, model, key, whose in rows.values_list(*_LISTED):
                waits.listed.setdefault(document, {})[pk] = (model, key, whose)
        return waits

    def his(self, document: Stored) -> set[Target]:
        """What this user makes the document wait for."""
        listed = self.listed.get(document.pk or 0, {})
        return {(model, key) for model, key, user in listed.values() if user == self.user}

    def beyond_bound(self, batch: Mapping[int, Merged]) -> list[int]:
        """The places of those by which too much of this user would wait."""
        more = {
            place: len(self._new(merged)) for place, merged in batch.items() if _awaited(merged)
        }
        if not any(more.values()):
            return []
        rows = Awaited.objects.using(self.using).filter(user=self.user)
        room = conf.MAX_PARKED_PER_USER - rows.count()
        beyond = []
        for place, count in more.items():
            if count > room:
                beyond.append(place)
            else:
                room -= count
        return beyond

    def write(self, batch: Sequence[Merged]) -> None:
        """List what the documents wait for from now on, which are written, and nothing else."""
        gone: list[int] = []
        for merged in batch:
            listed = self.listed.get(merged.held.document.pk or 0, {})
            gone += [pk for pk, wait in listed.items() if wait[:2] not in _awaited(merged)]
        if gone:
            Awaited.objects.using(self.using).filter(pk__in=gone).delete()
        new = [
            (merged.held.document.pk, *target, self.user, True)
            for merged in batch
            for target in self._new(merged)
        ]
        new += self._left_to_others(batch)
        if new:
            insert_many(Awaited, self.using, ("document", "model", "key", "user", "ready"), new)
            feed.admit_after_commit(self.using)

    def _new(self, merged: Merged) -> list[Target]:
        his = self.his(merged.held.document)
        return [target for target, of in _awaited(merged).items() if not of and target not in his]

    def _left_to_others(
        self, batch: Iterable[Merged]
    ) -> list[tuple[int | None, str, str, str, bool]]:
        """What waits, and nobody waits for it: what a value replaced that was undone, or won
        against it. Its own writer does from now on.
        """
        left = []
        for merged in batch:
            listed = {
                wait[:2] for wait in self.listed.get(merged.held.document.pk or 0, {}).values()
            }
            waits = _awaited(merged).items()
            left += [(merged, target, of) for target, of in waits if of and target not in listed]
        if not left:
            return []
        devices = Device.objects.using(DEFAULT_DB_ALIAS).filter(replica__in={of for *_, of in left})
        users = dict(devices.values_list("replica", "user"))
        return [
            (merged.held.document.pk, *target, users[of], True)
            for merged, target, of in left
            if of in users
        ]


def _awaited(merged: Merged) -> Mapping[Target, int]:
    """A deleted row waits for nothing."""
    return {} if merged.held.document.deleted else merged.awaits
