"""What a replica sends of a document, and how it takes an edit back.

A client's push holds its own section from a clock on, and the deletions that it made itself. Yjs
would repeat every deletion the document ever saw; on a long text that is most of the bytes.
"""

from collections.abc import Iterable, Mapping, Sequence

from .document import Document
from .entry import Entry, entries_root
from .lib0 import write_varuint
from .update import merge_ranges, read_state, write_update

__all__ = ["all_deletes", "redo", "repack", "spare_deletes", "void_run", "without"]

Ranges = list[tuple[int, int]]
Deletes = Mapping[int, Sequence[tuple[int, int]]]


def all_deletes(updates: Iterable[bytes]) -> dict[int, Ranges]:
    """Every deletion in several updates."""
    found: dict[int, Ranges] = {}
    for update in updates:
        for replica, ranges in read_state(update).deleted.items():
            found.setdefault(replica, []).extend(ranges)
    return {replica: merge_ranges(sorted(ranges)) for replica, ranges in found.items()}


def repack(document: Document, start: int, deletes: Deletes) -> bytes:
    """The document's own section from clock `start` on, with `deletes` and no other deletions.

    The difference to itself is a document's delete set after an empty list of sections: so long
    is the tail to cut off.
    """
    tail = len(document.diff(document.vector)) - 1
    section = document.diff({**document.vector, document.replica: start})
    return section[: len(section) - tail] + write_update(0, 0, None, [], deletes)[1:]


def spare_deletes(old: Document, new: Document, replica: int, start: int) -> dict[int, Ranges]:
    """The deletions of `old` that a client may make in `new`: of text, and of its own from
    clock `start` on. What `new` does not know, or has deleted already, is left out.
    """
    kept: dict[int, Ranges] = {}
    for other, ranges in read_state(old.encode()).deleted.items():
        gone = new.loaded.deleted.get(other, [])
        entries = [(dot.clock, 1) for dot in new.entries if dot.replica == other]
        known = [(0, new.clock(other))]
        spare = _cut(_common(ranges, known), merge_ranges(sorted([*gone, *entries])))
        if other == replica:
            spare += _cut(ranges, [(0, start)])
        if spare:
            kept[other] = merge_ranges(sorted(spare))
    return kept


def void_run(replica: int, start: int, end: int, last: int | None) -> bytes:
    """An update in which the clocks from `start` to `end` say nothing: one deleted run in the
    replica's entries, after its item at clock `last` if it has one.
    """
    if last is None:
        root = entries_root(replica).encode()
        place = b"\x01\x01" + write_varuint(len(root)) + root
    else:
        place = b"\x81" + write_varuint(replica) + write_varuint(last)
    head = b"\x01\x01" + write_varuint(replica) + write_varuint(start) + place
    deletes = write_update(0, 0, None, [], {replica: [(start, end - start)]})
    return head + write_varuint(end - start) + deletes[1:]


def without(document: Document, replica: int, start: int) -> Document:
    """The document without what `replica` wrote from clock `start` on."""
    copy = Document(document.encode(), replica)
    end = document.clock(replica)
    if end > start:
        copy.apply_update(write_update(0, 0, None, [], {replica: [(start, end - start)]}))
    return copy


def redo(
    target: Document,
    entries: Sequence[Entry],
    texts: Mapping[str, str],
    after: Document,
) -> list[int]:
    """Write in `target` what was edited up to `after`: these entries, and `texts` since they were
    like this; returns the entries' new clocks.

    An entry keeps its value and stamp. Where it replaced one that is not in `target`, it replaces
    what that one replaced.
    """
    for field, old in texts.items():
        new = after.text(field)
        if old != new:
            target.merge_text(field, old, new)
    clocks = []
    for entry in entries:
        replaced = list(entry.replaces)
        for dot in replaced:  # grows while it is walked: what is gone stands for what it replaced
            if dot not in target.entries and dot in after.entries:
                replaced += after.entries[dot].replaces
        names = [dot for dot in dict.fromkeys(replaced) if dot in target.entries]
        clocks.append(target.append(entry.field, entry.stamp, entry.value, names).dot.clock)
    return clocks


def _common(left: Sequence[tuple[int, int]], right: Sequence[tuple[int, int]]) -> Ranges:
    """What both of two sorted lists of ranges hold."""
    found = []
    for start, length in left:
        for other, size in right:
            first, last = max(start, other), min(start + length, other + size)
            if first < last:
                found.append((first, last - first))
    return found


def _cut(ranges: Sequence[tuple[int, int]], gone: Sequence[tuple[int, int]]) -> Ranges:
    """The sorted `ranges` without what the sorted ranges `gone` hold."""
    found = []
    for start, length in ranges:
        end = start + length
        for other, size in gone:
            if other >= end:
                break
            if other + size > start:
                if other > start:
                    found.append((start, other - start))
                start = other + size
        if start < end:
            found.append((start, end - start))
    return found
