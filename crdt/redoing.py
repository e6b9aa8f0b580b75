"""Redoing: what a replica wrote and the server did not merge, written again in another document.

Laws:

1. What was done stays done: whoever reads the document afterwards sees each edit, removals and
   deletions of characters included, unless the document holds what wins over it.
2. An edit keeps its value, its stamp and the mark under which it was made; and its place among the
   others, whatever their fields, by clock as by stamp.
3. Where what an edit replaced is not in the document (it was refused; or the document was made anew
   from the row, and its dots mean other things), parts of a value (elements, items, leaves) are
   found again by what they say, among what was there to see: what others wrote since is not taken
   away. Those of one field and mark are written together, as the last of them.
"""

from collections.abc import Callable, Collection, Mapping, Sequence, Set
from itertools import pairwise

from .document import Document
from .editing import write_field
from .entry import Dot, Entry
from .made import Made, made_under, mark_at
from .outbound import repack
from .rebuilding import row_in
from .schema import MISSING, Field, Schema
from .update import write_update

__all__ = ["redo", "without"]


def redo(
    target: Document,
    view: Document,
    base: Document,
    start: int,
    made: Made,
    schema: Schema | None,
    *,
    anew: bool = False,
    gone: Set[int] = frozenset(),
    but: Collection[str] = (),
    flown: Document | None = None,
) -> Made:
    """Write in `target` what `view` holds of its replica's from clock `start` on; returns under
    which marks that is, by `target`'s clocks.

    `base` is the document as it was before, whatever it may hold of these clocks; `made` says which
    clocks are of which mark. What was made under marks that are `gone` is left out, and what
    `flown`, the document of some time after `base`, holds written to the fields of `but`. `anew`
    says that `target` was rebuilt.
    """
    replica, end = view.replica, view.clock(view.replica)
    until = flown.clock(replica) if flown is not None else start
    everything = Document(base.encode(), replica)
    if end > start:
        everything.apply_update(repack(view, start, {}))
    starts = sorted({start, until, *(clock for _, clock in made if start < clock < end)})
    redoing = _Redoing(target, schema, anew)
    before, again = without(base, replica, start), Made()
    for first, last in zip(starts, [*starts[1:], end], strict=True):
        mark = mark_at(made, first)
        after = view if last == end else without(everything, replica, last)
        if flown is not None and first < until == last:
            after = flown  # with the characters that it deletes
        if mark not in gone:
            again = made_under(again, mark, target.clock(target.replica))
            skipped = but if first < until else ()
            redoing.texts(before, without(after, replica, first), after, skipped)
            entries = _own(after, first, last)
            redoing.entries(before, after, [e for e in entries if e.field not in skipped])
        before = after
    return again


def without(document: Document, replica: int, start: int) -> Document:
    """The document without what `replica` wrote from clock `start` on."""
    copy = Document(document.encode(), replica)
    end = document.clock(replica)
    if end > start:
        copy.apply_update(write_update(0, 0, None, [], {replica: [(start, end - start)]}))
    return copy


class _Redoing:
    """One document in which edits are made again, step by step."""

    def __init__(self, target: Document, schema: Schema | None, anew: bool) -> None:
        self._target = target
        self._schema = schema
        self._anew = anew
        self._again: dict[Dot, Dot] = {}
        """What was written again: its dot before, and now."""

    def texts(
        self, before: Document, between: Document, after: Document, skipped: Collection[str]
    ) -> None:
        """Delete what was deleted, and then insert what was inserted: so it is told from letters
        that it looks like.
        """
        fields = self._schema.texts if self._schema else ()
        for field in (each for each in fields if each not in skipped):
            for old, new in pairwise(each.text(field) for each in (before, between, after)):
                if old != new:
                    self._target.merge_text(field, old, new)

    def entries(self, before: Document, after: Document, entries: Sequence[Entry]) -> None:
        """Write again the entries that lead from one document to the other, in their order."""
        fields: dict[str, list[Entry]] = {}
        for entry in entries:
            fields.setdefault(entry.field, []).append(entry)
        lost = {wire for wire, written in fields.items() if self._has_lost(wire, written)}
        for entry in entries:
            if entry.field not in lost:
                self._append(entry, before, after)
            elif entry is fields[entry.field][-1]:
                self._write(entry.field, before, after, entry.stamp)

    def _has_lost(self, wire: str, written: Sequence[Entry]) -> bool:
        """Do entries that say parts of a value replace what is not here?"""
        field = self._field(wire)
        if field is None or field.rule.whole or field.rule.joins:
            return False
        here = self._target.entries.keys() | self._again.keys() | {entry.dot for entry in written}
        return self._anew or any(dot not in here for entry in written for dot in entry.replaces)

    def _write(self, wire: str, before: Document, after: Document, stamp: int) -> None:
        field = self._field(wire)
        old, new = (field.read(before), field.read(after)) if field else (MISSING, MISSING)
        if field is not None and new is not MISSING:
            seen = self._seen(before)
            write_field(self._target, field, old, new, 0, stamp=stamp, seen=seen)

    def _seen(self, before: Document) -> Callable[[Dot], bool]:
        """Which of the target's entries were there to see, or stand for such; all own ones were."""
        own = self._target.replica
        if self._anew:
            row = row_in(self._target)
            return lambda dot: dot.replica == own or dot in row
        vector = before.vector
        return lambda dot: dot.replica == own or vector.includes(dot)

    def _append(self, entry: Entry, before: Document, after: Document) -> None:
        """An entry again. Where it replaced one that is not here, it replaces what that one did."""
        replaced = list(entry.replaces)
        for dot in replaced:  # grows while it is walked
            if dot not in self._again and dot not in self._target.entries:
                further = after.entries[dot].replaces if dot in after.entries else ()
                replaced += [each for each in further if each not in replaced]
        names = [self._again.get(dot, dot) for dot in replaced]
        if self._anew:
            names += self._stand_ins(entry.field, replaced, before)
        present = [dot for dot in dict.fromkeys(names) if dot in self._target.entries]
        again = self._target.append(entry.field, entry.stamp, entry.value, present)
        self._again[entry.dot] = again.dot

    def _stand_ins(self, wire: str, replaced: Collection[Dot], before: Document) -> Sequence[Dot]:
        """What stands for the entries that were replaced, if that is all that there was to see."""
        field, seen = self._field(wire), before.live(wire)
        if field is None or field.rule.joins or not all(entry.dot in replaced for entry in seen):
            return ()
        old, now = field.read(before), field.read(self._target)
        if old is MISSING or now is MISSING or not field.same(old, now):
            return ()
        return [entry.dot for entry in self._target.live(wire)]

    def _field(self, wire: str) -> Field | None:
        return self._schema.get(wire) if self._schema else None


def _own(document: Document, first: int, last: int) -> list[Entry]:
    """The document's replica's entries between two clocks, in their order."""
    present: Mapping[Dot, Entry] = document.entries
    found = [
        entry
        for dot, entry in present.items()
        if dot.replica == document.replica and first <= dot.clock < last
    ]
    return sorted(found, key=lambda entry: entry.dot)
