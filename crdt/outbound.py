"""What a replica sends of a document.

A client's push holds its own section from a clock on, and the deletions that it made itself. Yjs
would repeat every deletion the document ever saw; on a long text that is most of the bytes.
"""

from collections.abc import Iterable, Mapping, Sequence

from .document import Document
from .entry import entries_root
from .lib0 import write_varuint
from .update import merge_ranges, read_state, write_update

__all__ = ["all_deletes", "repack", "spare_deletes", "spare_texts", "void_run"]

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


def spare_texts(old: Document, new: Document, start: int) -> bytes:
    """An update with the deletions of characters in `old` that `new` lacks, but for those of its
    own replica's from clock `start` on.
    """
    deletes = spare_deletes(old, new, -1, 0)
    own = _common(deletes.pop(new.replica, []), [(0, start)])
    return write_update(0, 0, None, [], {**deletes, **({new.replica: own} if own else {})})


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
