"""What a simulation happens in: devices, lines, the server, chance, and what is known of it all."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import cache
from random import Random
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from django.db import connection
from django.db.models import F

from crdt import Replica
from crdt.messages import Item, Key
from crdt.state import read_state
from django_pulse.changefeed import hints
from django_pulse.changefeed.pages import Heads, Page
from django_pulse.mapping.schema import schema_of
from django_pulse.prepared import OneOf, Prepared
from django_pulse.tables import Outbox
from django_pulse.visibility.scopes import channel_of
from django_pulse.writes import ItemResult

from ..bank.memos import LABELS
from ..bank.releases import Bank
from ..world import Clock, Device, Line, Server
from ..world.device import _rules
from ..world.server import SignedIn
from .faults import Crash, Faults, FaultyStore
from .ledger import Ledger
from .observing import Observer

if TYPE_CHECKING:
    from django.contrib.auth.base_user import AbstractBaseUser
    from django.contrib.auth.models import AnonymousUser

__all__ = ["ACCOUNT", "MEMO", "Part", "Scenery", "Violation"]

ACCOUNT: Final = "bank.account"
MEMO: Final = "bank.memo"

FIRST_REPLICA: Final = 101

Part = Mapping[str, Mapping[str, Any]] | None
"""What a device asked for: of each model, the values that fields must have; None for everything."""

_ACK: Final = b'{"type":"ack"'
_ERROR: Final = b'{"type":"error"'
"""How the header of an ack begins, and that of an error."""


class Violation(BaseException):
    """A promise that was not kept: no code that is tried out may catch this."""


class Scenery:
    """See the module's docstring."""

    def __init__(self, seed: int, clients: int, bank: Bank, users: list[Any]) -> None:
        self.random = Random(f"simulation/{seed}")
        self.clock = Clock()
        self.faults = Faults()
        self.bank = bank
        self.release = 1
        self.users = users
        self.server = Post(self)
        self.ledger = Ledger(lambda: self.clock.now_ms)
        self.observer = Observer()
        self.counts: Counter[str] = Counter()
        self.pairs: set[tuple[str, str]] = set()
        self.digest = hashlib.sha256()
        self.log: list[str] = []
        self.ghosts: list[Line] = []
        """Connections that devices gave up, of which the server does not know that yet."""
        self.partitioned: dict[int, int] = {}
        """Devices that nothing reaches, until a step."""
        self.step = 0
        self.mark = 0
        """A number that no edit before this one had."""
        self.touched: tuple[Any, Key | None] = (None, None)
        """Who edited a row last, or had an edit taken, and which row."""
        self.newest: dict[int, Key] = {}
        """The row that each device made last."""
        self.parts: dict[int, Part] = {}
        """What each device asked for."""
        self.labels = iter(range(1, LABELS + 1))
        """Those that hang nowhere yet."""
        self._last = ""
        self._waited: dict[int, int] = {}
        self._ids = iter(range(1, 100_000))
        self.last_id = UUID(int=0)
        self.branches = list(bank.branch.objects.order_by("pk"))
        self.stale: dict[UUID, Any] = {}
        self.forgotten: set[Key] = set()
        """Rows that the server purged."""
        self.devices = [self._device(number) for number in range(clients)]

    def _device(self, number: int) -> Device:
        return SimulatedDevice(
            f"d{number}",
            self.users[number % len(self.users)],
            FIRST_REPLICA + number,
            self.clock,
            self.new_id,
            FaultyStore(self.faults),
        )

    def new_id(self) -> UUID:
        """The next row's id."""
        self.last_id = UUID(int=next(self._ids))
        return self.last_id

    def tell(self, what: str, told: str = "") -> None:
        """Write down what happens now."""
        self.mark += 1
        self.counts[what] += 1
        self.pairs.add((self._last, what))
        self._last = what
        line = f"{self.step} {self.clock.now_ms} {what} {told}"
        self.log.append(line)
        self.digest.update(line.encode())

    def passed(self, frame: bytes, queue: Collection[bytes] = ()) -> None:
        """A frame of a connection's queue reached somebody."""
        self.digest.update(frame)
        if self._waited.get(id(queue)):
            self._waited[id(queue)] -= 1
            self.counts["frame delayed"] += 1

    def note_what_waits(self) -> None:
        """A step begins: what waits now is delayed."""
        lines = (*self.server.lines, *self.ghosts)
        self._waited = {id(queue): len(queue) for line in lines for queue in (line.up, line.down)}

    def lost(self, line: Line | None, *, goes_on: bool = False) -> None:
        """A connection broke, and what was on its way down; what was on its way up may `go on`."""
        if line is not None:
            self.counts["frame lost"] += len(line.down) + (0 if goes_on else len(line.up))

    def reachable(self) -> list[Device]:
        """The devices that the network reaches now."""
        return [
            device
            for number, device in enumerate(self.devices)
            if self.partitioned.get(number, 0) <= self.step
        ]


class SimulatedDevice(Device):
    """A device whose process may die at its store, and which is observed."""

    def _start(self) -> Replica:
        while True:
            try:
                return Replica(self.store, self._now, self._new_id, lambda: self.number, _rules())
            except Crash:
                self.store = self.store.copy()

    def own_clock(self, key: Key) -> int:
        """Up to where this replica wrote a document."""
        return self.replica._shelf.held(key).view.clock(self.number)


class Guarded(SignedIn):
    """The real services, watched: nobody's edit of a row that he may not see is taken, and whoever
    asks what is new hears of all that was committed, whatever a crash left without a position.
    """

    def __init__(self, user: Any, scenery: Scenery) -> None:
        super().__init__(user)
        self._scenery = scenery

    def scope_heads(self, user: AbstractBaseUser) -> Heads:
        heads = super().scope_heads(user)
        if _UNSTAMPED.rows("default"):
            raise Violation(f"{user} was told the heads, and changes were left without a position")
        return heads

    def push(
        self, user: AbstractBaseUser | AnonymousUser, replica: int, items: Sequence[Item]
    ) -> Sequence[ItemResult]:
        ids = [item.id for item in items]
        hidden = {each for (each,) in _hidden(self._scenery.bank).rows("default", user.pk, ids)}
        results = super().push(user, replica, items)
        for item, result in zip(items, results, strict=True):
            if result.status != "ok":
                continue
            if item.id in hidden:
                raise Violation(f"{user} may not see {item.key}, and his edit of it was taken")
            self._scenery.touched = user, item.key
            self._count(item)
        return results

    def _count(self, item: Item) -> None:
        model = self._scenery.bank.account if item.model == ACCOUNT else self._scenery.bank.memo
        known = schema_of(model)
        for entry in read_state(item.data).entries.values():
            field = known.get(entry.field)
            if field is not None:
                self._scenery.counts[f"rule {type(field.rule).__name__}"] += 1


_UNSTAMPED: Final = Prepared(lambda: Outbox.objects.values_list("pk")[:1])


@cache
def _hidden(bank: Bank) -> Prepared:
    """Accounts that a user may not see."""
    return Prepared(
        lambda user, ids: (
            bank.account.objects.filter(OneOf(F("sync_id"), ids))
            .exclude(branch__members=user)
            .values_list("sync_id")
        )
    )


class Post(Server):
    """The server, whose hints wait in each line until the network delivers them."""

    def __init__(self, scenery: Scenery) -> None:
        super().__init__(page_rows=3)
        self._scenery = scenery

    def connect(self, user: Any, services: Any = None) -> Line:
        return super().connect(user, Guarded(user, self._scenery))

    def sending(self, line: Line, frame: bytes) -> None:
        _check_committed("sent")
        if frame.startswith(_ERROR, 4) and b'"internal"' in frame:
            raise Violation(f"The server failed to answer {line.user}")
        if frame.startswith(_ACK, 4):
            self._scenery.faults.reach("before ack")
            line.down.append(frame)
            self._scenery.faults.reach("after ack")
        else:
            line.down.append(frame)

    def broadcast(self, page: Page) -> None:
        _check_committed("told")
        self._scenery.faults.reach("before broadcast")
        hint = page.scope, hints.encoded(page), page.access
        for line in tuple(self.lines):
            line.hints.append(hint)
        self._scenery.faults.reach("after broadcast")

    def call(self, channels: Iterable[str], ended: str = "") -> None:
        if self._scenery.random.random() < 0.3:
            self._scenery.counts["call lost"] += 1
            return
        called = set(channels)
        for line in tuple(self.lines):
            if channel_of(line.user.pk) in called:
                line.perform(line.session.check(ended))


def _check_committed(done: str) -> None:
    """Whatever anybody is told stays true if the server dies now."""
    if connection.in_atomic_block:
        raise Violation(f"Something was {done} before it was committed")
