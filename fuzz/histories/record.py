"""What the server took, from whom, and what it wrote itself: kept beside it, and never thrown away.

The server deletes what was replaced, folds what adds up and undoes what may not stand. Here all of
it stays, so that what a row should say can be worked out a second time, from everything.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from uuid import UUID

from pycrdt import merge_updates

from crdt import Dot, Entry, Field, MergeRule
from crdt.entry import live_entries
from crdt.rules import Counter
from crdt.state import read_state
from django_pulse.writes import ItemResult

from ..world.server import SignedIn

if TYPE_CHECKING:
    from django.contrib.auth.base_user import AbstractBaseUser
    from django.contrib.auth.models import AnonymousUser

    from crdt.messages import Item

__all__ = ["Record", "Recorded", "Recording"]

DELETED = "deleted"
"""The code of fields that stand, in a row that somebody had deleted."""


@dataclass(slots=True)
class Recorded:
    """One row: every update that was taken, and every entry that ever stood."""

    updates: list[bytes] = field(default_factory=list)
    entries: dict[Dot, Entry] = field(default_factory=dict)
    undone: set[Dot] = field(default_factory=set)
    added: dict[str, Any] = field(default_factory=dict)
    """What the server's own code added to counters: its folds cannot be told from that."""
    pushed: set[Dot] = field(default_factory=set)
    rewritten: set[str] = field(default_factory=set)
    """Fields that the server's own code wrote in this step: what it removed is gone for good."""
    doubtful: set[str] = field(default_factory=set)
    """Fields of which the server undid some entries of a push: it does not say which."""

    def rebuilt(self) -> bytes:
        """A replica that was never there, made of all updates."""
        return bytes(merge_updates(*self.updates)) if self.updates else b""

    def value(self, known: Field) -> Any:
        """What the field should be, of all entries that ever stood; None where there are none, or
        where nobody but the rule can say what it folded.
        """
        rewritten = {entry.stands_for for entry in self.entries.values()}  # with another stamp
        gone = self.undone | rewritten
        standing = {dot: entry for dot, entry in self.entries.items() if dot not in gone}
        if isinstance(known.rule, Counter):
            live = known.live(
                [
                    standing[d]
                    for d in self.pushed & standing.keys()
                    if standing[d].field == known.wire
                ]
            )
            if not live and known.name not in self.added:
                return None
            return sum((entry.value for entry in live), self.added.get(known.name, 0))
        if type(known.rule).fold is not MergeRule.fold:
            return None
        live = known.live([e for e in live_entries(standing) if e.field == known.wire])
        return known.rule.read(live) if live else None


class Record:
    """All rows of one model."""

    def __init__(self, label: str) -> None:
        self.label = label
        self.rows: dict[UUID, Recorded] = {}
        self._states: dict[UUID, bytes] = {}

    def row(self, sync_id: UUID) -> Recorded:
        """What is recorded of a row."""
        return self.rows.setdefault(sync_id, Recorded())

    def stored(self, states: Mapping[UUID, bytes]) -> None:
        """What the server's documents say after a step."""
        for sync_id, state in states.items():
            row, before = self.row(sync_id), self._states.get(sync_id)
            if before != state:
                self._states[sync_id] = state
                entries = read_state(state).entries
                row.updates.append(state)
                row.entries.update(entries)
                row.undone.update(
                    dot
                    for dot, entry in (read_state(before).entries if before else {}).items()
                    if entry.field in row.rewritten and dot not in entries
                )
            row.rewritten.clear()

    def wrote(self, sync_id: UUID, known: Field, before: Any, after: Any) -> None:
        """What the server's own code made of a field: an element that it removed leaves no entry,
        nor can what it added to a counter be told from a fold.
        """
        if isinstance(known.rule, Counter):
            added = self.row(sync_id).added
            added[known.name] = added.get(known.name, 0) + (after or 0) - (before or 0)
        else:
            self.row(sync_id).rewritten.add(known.wire)

    def pushed(self, items: Sequence[Item], results: Sequence[ItemResult]) -> None:
        """What a device pushed, and what became of it."""
        for item, result in zip(items, results, strict=True):
            if item.model == self.label and result.status == "ok":
                self._took(item, result)

    def _took(self, item: Item, result: ItemResult) -> None:
        row = self.row(item.id)
        pushed = read_state(item.data).entries
        row.updates.append(item.data)
        row.entries.update(pushed)
        row.pushed.update(pushed)
        for name, undone in result.reverted.items():
            if undone["code"] == DELETED:
                continue
            dots = [dot for dot, entry in pushed.items() if entry.field == name]
            row.undone.update(dots)
            if len(dots) != 1:
                row.doubtful.add(name)


class Recording(SignedIn):
    """The real services, with a record of what was pushed."""

    def __init__(self, user: Any, record: Record) -> None:
        super().__init__(user)
        self._record = record

    def schemas(self) -> tuple[Mapping[str, Any], ...]:
        """That of the tested model alone: devices here know no other."""
        return tuple(each for each in super().schemas() if each["model"] == self._record.label)

    def push(
        self, user: AbstractBaseUser | AnonymousUser, replica: int, items: Sequence[Item]
    ) -> Sequence[ItemResult]:
        results = super().push(user, replica, items)
        self._record.pushed(items, results)
        return results
