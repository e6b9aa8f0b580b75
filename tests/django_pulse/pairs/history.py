"""One row with a field for every pair of type and rule, written to by devices and by the ORM."""

from __future__ import annotations

import itertools
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from decimal import Decimal
from typing import Any
from unittest import mock

from django.contrib.auth import get_user_model
from django.db.models import F, Value
from django.db.models.functions import Concat

from crdt import frames
from crdt.messages import Changes
from django_pulse.tables import Document as StoredDocument
from tests.django_pulse.phones import Phone, Switchboard
from tests.project.kinds.fields import REFERRED
from tests.project.kinds.models import EveryPair
from tests.project.kinds.rules import PAIRS, Shortest
from tests.project.relations.models import Category, Country, Project

from .edits import edited, letter
from .laws import Op, same

__all__ = ["DEVICES", "MODEL", "STALE", "History", "ticking"]

MODEL = "kinds.everypair"
DEVICES = 3
STALE = 2
"""Instances of the row that are kept, and saved when they are."""

NAMES = list(PAIRS)
_numbers = itertools.count(800_000)  # a replica id is its first user's for ever


class Clock:
    """Milliseconds that pass when a test says so: a later edit is later for everybody."""

    def __init__(self) -> None:
        self.now_ms = 1_900_000_000_000

    def tick(self) -> None:
        self.now_ms += 1_000

    def time_ns(self) -> int:
        return self.now_ms * 1_000_000


@contextmanager
def ticking() -> Iterator[Clock]:
    clock = Clock()
    with mock.patch("time.time_ns", clock.time_ns):
        yield clock


class History:
    """What everybody did, to be compared with what has become of it."""

    def __init__(self, board: Switchboard, clock: Clock) -> None:
        self.board, self.clock = board, clock
        EveryPair.objects.all().delete()
        StoredDocument.objects.filter(model=MODEL).delete()
        user, is_new = get_user_model().objects.get_or_create(username="ada")
        if is_new:
            _make_what_is_referred_to()
        self.row = EveryPair.objects.create()
        self.phones = [_Phone(board, user, next(_numbers), [Shortest()]) for _ in range(DEVICES)]
        for phone in self.phones:
            phone.sync()
        self.start = self.columns()
        self.stale = [self.loaded() for _ in range(STALE)]
        self.ops: dict[str, list[Op]] = {name: [] for name in NAMES}
        self.edits = 0
        self.knows: list[set[int]] = [set() for _ in range(DEVICES)]
        self.server: dict[int, int] = {}
        """The numbers of the edits that the server has, and in which order they came."""
        self.waits = [False] * DEVICES
        """Has a device sent what it has, and not heard the answer?"""

    # What the writers see

    def loaded(self) -> EveryPair:
        row: EveryPair = EveryPair.objects.get(pk=self.row.pk)
        return row

    def columns(self, row: EveryPair | None = None) -> dict[str, Any]:
        row = row or self.loaded()
        return {name: PAIRS[name][0].shown(row, name) for name in NAMES}

    def values(self, who: int) -> dict[str, Any]:
        return self.phones[who].row(MODEL, self.row.sync_id)

    # Edits: `choice` says which, `spread` how many fields pass between two that are edited

    def device(self, who: int, choice: int, spread: int) -> None:
        seen = self.values(who)
        wrote = self.wanted(seen, choice, spread)
        wrote = {name: new for name, new in wrote.items() if PAIRS[name][1].client_writes}
        self.phones[who].replica.set(MODEL, self.row.sync_id, **wrote)
        self.note(wrote, seen, seen, who)

    def save(self, which: int, choice: int, spread: int, bulk: bool) -> None:
        row, there = self.stale[which], self.columns()
        seen = self.columns(row)
        wrote = self.wanted(seen, choice, spread)
        for name, new in self.attributes(wrote).items():
            setattr(row, name, new)
        if bulk and wrote:
            EveryPair.objects.bulk_update([row], sorted(_fields(wrote)))
        else:
            row.save()
        self.note(wrote, seen, there)

    def reload(self, which: int) -> None:
        self.stale[which].refresh_from_db()

    def update(self, choice: int, spread: int) -> None:
        there = self.columns()
        wrote = self.wanted(there, choice, spread)
        EveryPair.objects.filter(pk=self.row.pk).update(**self.attributes(wrote))
        self.note(wrote, there, there)

    def add(self, choice: int, spread: int) -> None:
        """What only the database can compute: the column as it is, and something more."""
        there, amount = self.columns(), choice % 3 + 1
        sums: dict[str, Any] = {}
        wrote: dict[str, Any] = {}
        for _, name in self.chosen(choice, spread):
            known, rule = PAIRS[name]
            if rule.text and known.at == len(known.start) and (typed := letter(known, self.edits)):
                wrote[name] = there[name] + typed
                sums[name] = Concat(F(name), Value(typed))
            elif known.kind in {"int", "decimal"} and known.takes_parts and _is_small(there[name]):
                wrote[name] = there[name] + amount
                sums[name] = F(name) + amount
        EveryPair.objects.filter(pk=self.row.pk).update(**sums)
        self.note(wrote, there, there)

    def wanted(self, seen: Mapping[str, Any], choice: int, spread: int) -> dict[str, Any]:
        found = {}
        for index, name in self.chosen(choice, spread):
            known, rule = PAIRS[name]
            new = edited(known, rule, seen[name], choice + index, self.edits)
            if not same(new, seen[name]):
                found[name] = new
        return found

    def chosen(self, choice: int, spread: int) -> Iterator[tuple[int, str]]:
        for index, name in enumerate(NAMES):
            if (index + choice) % (spread + 1) == 0:
                yield index, name

    def attributes(self, values: Mapping[str, Any]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for name, value in values.items():
            found |= PAIRS[name][0].attributes(name, value)
        return found

    def note(
        self,
        wrote: Mapping[str, Any],
        seen: Mapping[str, Any],
        there: Mapping[str, Any],
        who: int | None = None,
    ) -> None:
        number, self.edits = self.edits, self.edits + 1
        knew = frozenset(self.server if who is None else self.knows[who])
        if who is None:
            self.arrive({number})
        else:
            self.knows[who].add(number)
        for name, new in wrote.items():
            op = Op(number, knew, seen[name], new, there[name])
            self.ops[name].append(op)
        self.clock.tick()

    # The network

    def sync(self, who: int) -> None:
        self.arrive(self.knows[who])
        self.phones[who].sync()
        self.knows[who] |= self.server.keys()
        self.waits[who] = False

    def send(self, who: int) -> None:
        if self.phones[who].session is not None and not self.waits[who]:
            self.waits[who] = self.phones[who].send()
            self.arrive(self.knows[who])

    def cut(self, who: int) -> None:
        self.phones[who].cut()
        self.waits[who] = False

    def restart(self, who: int) -> None:
        self.phones[who].restart()
        self.waits[who] = False

    def arrive(self, numbers: set[int]) -> None:
        for number in sorted(numbers - self.server.keys()):
            self.server[number] = len(self.server)


class _Phone(Phone):
    """Keeps every update that it was ever sent."""

    def __init__(self, *args: Any) -> None:
        self.updates: list[bytes] = []
        super().__init__(*args)

    def deliver(self, steps: Any) -> None:
        before = len(self.inbox)
        super().deliver(steps)
        for frame in self.inbox[before:]:
            message = frames.decode(frame)
            if isinstance(message, Changes):
                self.updates += [item.data for item in message.items if item.model == MODEL]


def _make_what_is_referred_to() -> None:
    pks = range(1, REFERRED + 1)
    Project.objects.bulk_create(Project(pk=pk, sync_id=uuid.UUID(int=pk)) for pk in pks)
    Category.objects.bulk_create(Category(pk=pk, name=str(pk)) for pk in pks)
    Country.objects.bulk_create(Country(pk=pk, code=f"c{pk}") for pk in pks)


def _fields(names: Mapping[str, Any]) -> Iterator[str]:
    """The names of the fields behind pairs."""
    for name in names:
        for field in PAIRS[name][0].fields(name):
            if EveryPair._meta.get_field(field).concrete:
                yield field


def _is_small(value: Any) -> bool:
    return value is not None and abs(value) < Decimal(30_000)
