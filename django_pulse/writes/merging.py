"""Merging one row, while its locks are held.

Laws:

1. Everything happens on a scratch document; what is thrown away halfway was never there.
2. Merge first, judge after: every pushed entry is checked, winner or not, and what may not stand
   is undone by deleting it, so that what it replaced is live again.
3. What is not live any more is deleted here, and only here: documents stay small.
4. A document is parked as long as it never had a row. One without a row that is not parked is that
   of a row which was deleted.
"""

from __future__ import annotations

import logging
from base64 import b64encode
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from crdt.compaction import compact
from crdt.document import Document
from crdt.editing import delete_row, write_missing
from crdt.entry import Dot, Entry
from crdt.rebuilding import rebuilt
from crdt.sameness import canonical
from crdt.schema import Row, Schema
from crdt.stamp import COUNTER_BITS, FILLED
from crdt.values import decode

from ..broken import is_broken
from ..conf import conf
from ..mapping.columns import columns_of, sets_of
from .locking import Held, Stored
from .mirror import absorb, concrete_names, mirror, project, values_of

if TYPE_CHECKING:
    from ..sync_model import SyncModel
    from .membership import Links

__all__ = ["Merged", "Reverts", "Target"]

Target = tuple[str, str]
"""A row that is waited for: its model's label, and its `sync_id` as text."""

logger = logging.getLogger("django_pulse")

NOTHING = Row({}, deleted=False)
"""What a new document says."""

Reverts = dict[str, dict[str, Any]]
"""What was undone, by the field's name in documents: `{"value", "code", "message"}`."""


@dataclass(slots=True)
class Merged:
    """A row, its document, and what has become of both so far."""

    held: Held
    schema: Schema
    now_ms: int
    document: Document
    before: Row
    """What the document said when nothing but bypassing writes was merged."""
    changed: bool = False
    rebuilt: bool = False
    """Does the document take the place of one that was lost?"""
    inserted: bool = False
    filled_from: int = 0
    """The server's clock before it filled in what an inserted row holds beside what was pushed."""
    deleted: bool = False
    columns: list[str] = field(default_factory=list)
    """The names of the fields of the table that have to be written."""
    shown: dict[str, Any] = field(default_factory=dict)
    """What the row's columns hold, of the fields that have entries and are not held back."""
    held_back: set[str] = field(default_factory=set)
    """The fields that are not projected, since what they refer to is not there yet."""
    unready: set[Dot] = field(default_factory=set)
    """The pushed entries that refer to what is not there yet, whether they won or not."""
    lagging: dict[str, Any] = field(default_factory=dict)
    """What columns hold that waited when the merge began, by the field's name in documents."""
    carried: list[Entry] = field(default_factory=list)
    """Server entries on behalf of the device whose push this is; see `retired`."""
    sets: dict[str, dict[str, tuple[Any, bool]]] = field(default_factory=dict)
    """By many-to-many field and a key's text: the key, and whether it is to be linked."""
    linked: dict[str, Links] = field(default_factory=dict)
    """By many-to-many field: what was linked and unlinked for that."""
    withheld: dict[str, dict[str, Any]] = field(default_factory=dict)
    """The keys of sets, alike, that are not linked, since what they name is not there yet."""
    awaits: dict[Target, int] = field(default_factory=dict)
    """What that is, and the replica whose user wants it; 0 for the user whose push this is."""

    @classmethod
    def begin(cls, held: Held, schema: Schema, replica: int, now_ms: int) -> Merged:
        """Take the row as it is, with what was written behind our back absorbed.

        A document that cannot be read is rebuilt from the row; one that never had one is emptied.
        """
        if held.document.pk is None and held.row is not None and held.row.version:
            return cls.mirrored(held, schema, replica, now_ms)
        try:
            return cls._begun(held, schema, replica, now_ms)
        except BaseException as error:
            if not is_broken(error):
                raise
            if held.document.parked is not None and held.row is None:
                return cls.emptied(held, schema, replica, now_ms)
            return cls.mirrored(held, schema, replica, now_ms)

    @classmethod
    def _begun(cls, held: Held, schema: Schema, replica: int, now_ms: int) -> Merged:
        stored = held.document
        document = Document(bytes(stored.state), replica)
        if held.row is not None:
            stored.parked = None  # somebody inserted the row by other means
        outvoted: set[str] = set()
        changed = stored.parked is None and absorb(
            document, schema, held.row, held.keys, now_ms, stored.waiting, outvoted
        )
        before = schema.read(document)
        merged = cls(held, schema, now_ms, document, before, changed)
        merged.held_back = merged._waiting()
        merged.lagging = dict(stored.waiting or {})
        merged._show(before.values)
        merged._write_back(outvoted)
        return merged

    @classmethod
    def mirrored(cls, held: Held, schema: Schema, replica: int, now_ms: int) -> Merged:
        """Take the row into a new document: it has none, or one that cannot be read and is logged.

        A row that was counted before may be on devices, under clocks that must not come again.
        Raises `ValueError`, or `ValidationError`, for a value that no document can hold.
        """
        row, stored = held.row, held.document
        if stored.pk is None and (row is None or not row.version):
            document = Document(replica=replica)
            assert row is not None, "whoever mirrors has a row"
            mirror(document, schema, row, held.keys, now_ms)
            return cls(held, schema, now_ms, document, NOTHING, changed=True)
        if stored.pk is not None:
            _keep_aside(stored)
        written_ms = now_ms if row is None else min(_milliseconds(row.updated_at), now_ms)
        clocks = {int(other): clock for other, clock in (stored.clocks or {}).items()}
        document = rebuilt(replica, now_ms, written_ms, clocks)
        if row is None:
            delete_row(document, schema, now_ms)
        else:
            stamp = max(entry.stamp for entry in document.entries.values())
            mirror(document, schema, row, held.keys, written_ms, as_it_is=True, stamp=stamp)
            if stored.pk is None:
                stored.version = row.version
        stored.deleted, stored.parked, stored.waiting = row is None, None, None
        before = schema.read(document)
        merged = cls(held, schema, now_ms, document, before, changed=True, rebuilt=True)
        merged._show(before.values)
        return merged

    @classmethod
    def emptied(cls, held: Held, schema: Schema, replica: int, now_ms: int) -> Merged:
        """Take a document that cannot be read, and never had a row, for a new one; its bytes are
        logged. Whoever wrote in it has it still, and sends all of it to what is empty.
        """
        _keep_aside(held.document)
        held.document.clocks = None
        return cls(held, schema, now_ms, Document(replica=replica), NOTHING, changed=True)

    @property
    def is_empty(self) -> bool:
        """Is there nothing in it, since it was emptied, of which a row could be made?"""
        return self.held.document.parked is not None and not self.document.vector

    @property
    def row(self) -> SyncModel | None:
        """The row: the locked one, or the new one that is to be inserted."""
        return self.held.row

    @property
    def had_row(self) -> bool:
        """Did the document ever have a row?"""
        stored = self.held.document
        return self.row is not None or (stored.pk is not None and not stored.was_parked)

    @property
    def is_different(self) -> bool:
        """Is there anything to write, although nothing was pushed?"""
        marked = self.held.document.is_marked_anew
        return (
            self.changed
            or self.inserted
            or self.deleted
            or bool(self.columns or self.sets)
            or marked
        )

    def has(self, entry: Entry) -> bool:
        """Does the entry, or one that stands for it, still stand?"""
        present = self.document.entries
        return entry.dot in present or any(e.stands_for == entry.dot for e in present.values())

    def unmake(self) -> None:
        """Take back that a row was made, with what the server wrote to fill it; not with texts."""
        own, texts = self.document.replica, self.schema.texts
        filled = [
            dot
            for dot, entry in self.document.entries.items()
            if dot.replica == own and dot.clock >= self.filled_from and entry.field not in texts
        ]
        self.document.delete(filled)
        self.held.row, self.inserted = None, False
        self.columns, self.sets = [], {}
        self._show(self.before.values)

    def revert(self, entries: Iterable[Entry]) -> None:
        """Delete entries that may not stand, and those that stand for them."""
        dots = {entry.dot for entry in entries}
        stand_ins = [d for d, entry in self.document.entries.items() if entry.stands_for in dots]
        self.document.delete([*dots, *stand_ins])

    def revert_text(self, wire: str) -> None:
        """Edit a text back to what it was, deletions included."""
        known = self.schema.get(wire)
        if wire in self.schema.retired:  # which `before` does not speak of
            before = Document(bytes(self.held.document.state)).text(wire)
        else:
            before = self.before.values.get(known.name, "") if known is not None else ""
        self.document.set_text(wire, before)

    def restamp(self, pushed: Collection[Entry]) -> None:
        """Rewrite pushed entries whose stamp lies in the future, in their order.

        The rewritten entry stands for the original: it dies when anybody names that one.
        """
        soon = self.now_ms << COUNTER_BITS
        if all(each.stamp <= soon for each in pushed):
            return
        limit = (self.now_ms + int(conf.MAX_DRIFT_SECONDS * 1000)) << COUNTER_BITS
        document = self.document
        late = [each for each in pushed if each.stamp > limit and each.dot in document.entries]
        document.delete([each.dot for each in late])
        for each in sorted(late, key=lambda entry: (entry.stamp, entry.dot)):
            stamp = document.next_stamp(self.now_ms)
            document.append(each.field, stamp, each.value, each.replaces, each.dot)

    def compact(self) -> None:
        """Delete what is not live any more, fold what adds up, and drop what is spent."""
        compact(self.document, self.schema)

    def project(self, make_row: Callable[[dict[str, Any]], SyncModel | None] | None = None) -> None:
        """Bring the row to what the document says; `make_row(values)` makes one that is missing.

        Without `make_row`, and where it makes none, a row that is missing stays so.
        """
        self._fill_lagging()
        after = self.schema.read(self.document)
        stored = self.held.document
        stored.deleted = after.deleted
        self.deleted = after.deleted and self.row is not None
        if after.deleted:
            return
        if self.held.row is None:
            if make_row is None:
                return
            self.held.row = make_row(after.values)
            if self.held.row is None:
                return
            self.inserted = True
            stored.parked = None
        else:
            keys = self.held.keys
            shown, held_back = self.shown, self.held_back
            self._give_back(self.held.row, after.values)
            self.add_columns(project(self.held.row, shown, after.values, keys, held_back))
        self._project_sets(after.values)
        if self.inserted:
            self.filled_from = self.document.clock(self.document.replica)
            mirror(self.document, self.schema, self.held.row, self.held.keys, self.now_ms)
        self._note_waiting()
        self._show(after.values)

    def absorb(self, now_ms: int | None = None) -> None:
        """Take in what the row's own code assigned to it: now, or, where it only tidied up what
        others wrote (`now_ms` 0), right after them.
        """
        stored, keys, row = self.held.document, self.held.keys, self.row
        if row is None:
            return
        outvoted: set[str] = set()
        now_ms = self.now_ms if now_ms is None else now_ms
        if absorb(
            self.document, self.schema, row, keys, now_ms, stored.waiting, outvoted, stored=False
        ):
            self.held_back &= self._waiting()
            after = self.schema.read(self.document).values
            changed = [
                name
                for name in after
                if name not in self.held_back and after[name] != self.shown.get(name)
            ]
            self.add_columns(concrete_names(row, changed))
            self._show(after)
            self._write_back(outvoted)

    def lagging_values(self) -> dict[str, Any]:
        """What the columns hold of fields that waited when the merge began, by name."""
        names = self._waiting_of(self.lagging)
        known = {name: self.schema.fields[name] for name in names}
        return {name: decode(it.kind, self.lagging[it.wire]) for name, it in known.items()}

    def _fill_lagging(self) -> None:
        """Write what a column holds that waited, if nothing is left of what it waited for."""
        for name, value in self.lagging_values().items():
            known = self.schema.fields[name]
            if not self.document.live(known.wire) and self.document.entries:
                write_missing(self.document, known, value, FILLED)

    def _give_back(self, row: SyncModel, after: Mapping[str, Any]) -> None:
        """Give a column back what it held that was shown something else, and waits again."""
        columns, keys, back = columns_of(type(row)), self.held.keys, {}
        for name, value in self.lagging_values().items() if self.lagging else ():
            waits = name in self.held_back or not columns[name].write({}, after[name], keys)
            if name in self.shown and waits:
                back[name] = value
        self.add_columns(project(row, {}, back, keys))

    def _project_sets(self, after: Mapping[str, Any]) -> None:
        """Note what was added to sets, and removed from them, since they were shown last."""
        for name in sets_of(type(self.row)) if self.row is not None else ():
            old, new = (_by_text(values.get(name)) for values in (self.shown, after))
            edit = {text: (key, False) for text, key in old.items() if text not in new}
            withheld = self.withheld.get(name, ())
            added = {text: key for text, key in new.items() if text not in old}
            edit |= {text: (key, True) for text, key in added.items() if text not in withheld}
            if edit:
                self.sets.setdefault(name, {}).update(edit)

    def _write_back(self, outvoted: Collection[str]) -> None:
        """Columns that were written behind our back, where the rule says what was there wins."""
        if outvoted and self.row is not None:
            shown = {name: self.shown[name] for name in outvoted}
            self.add_columns(project(self.row, {}, shown, self.held.keys))

    def _note_waiting(self) -> None:
        """Write down what columns that are held back hold, so that a change of it shows."""
        assert self.row is not None
        held = values_of(self.row, self.held.keys, self.held_back) if self.held_back else {}
        held |= {name: list(keys.values()) for name, keys in self.withheld.items() if keys}
        known = self.schema.fields
        waiting = {known[name].wire: known[name].encode(value) for name, value in held.items()}
        for name in self.waiting_sets() - self.withheld.keys():  # nobody looked at them now
            waiting[known[name].wire] = self.held.document.waiting[known[name].wire]  # type: ignore[index]
        self.held.document.waiting = waiting or None

    def _waiting(self) -> set[str]:
        """The names of the fields whose columns wait."""
        return self._waiting_of(self.held.document.waiting or {})

    def _waiting_of(self, waiting: Mapping[str, Any]) -> set[str]:
        if not waiting:
            return set()
        sets = sets_of(type(self.row)) if self.row is not None else {}
        fields = self.schema.fields.items()
        return {name for name, known in fields if known.wire in waiting} - sets.keys()

    def waiting_sets(self) -> set[str]:
        """The names of the sets of which some keys are not linked yet."""
        waiting = self.held.document.waiting
        if not waiting or self.row is None:
            return set()
        known = self.schema.fields
        return {name for name in sets_of(type(self.row)) if known[name].wire in waiting}

    def _show(self, values: dict[str, Any]) -> None:
        held_back = self.held_back
        self.shown = (
            {n: v for n, v in values.items() if n not in held_back} if held_back else values
        )

    def add_columns(self, names: Iterable[str]) -> None:
        """Note that these fields of the table have to be written."""
        self.columns += [name for name in names if name not in self.columns]


def _keep_aside(stored: Stored) -> None:
    logger.error(
        "The document of %s %s is broken, and %s. In base64 it was: %s",
        stored.model,
        stored.sync_id,
        "rebuilt from its row" if stored.parked is None else "has to be sent again by its device",
        b64encode(bytes(stored.state)).decode(),
    )


def _milliseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1_000)


def _by_text(keys: Iterable[Any] | None) -> dict[str, Any]:
    return {canonical(key): key for key in keys or ()}
