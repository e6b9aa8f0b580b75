"""What a document, or any update that the server made, says: read straight from its bytes.

Equal to integrating the bytes and looking, at a fraction of the cost, since the order of entries
means nothing. Only text has an order, and is left to pycrdt.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from .entry import Dot, Entry, entries_root
from .errors import Malformed
from .stamp import MAX_STAMP
from .structs import (
    ANY,
    CLOCKS,
    DELETED,
    REPLICAS,
    SKIP,
    Block,
    Ranges,
    Section,
    read_deletes,
    read_sections,
)

__all__ = ["MAX_FIELD", "MAX_REPLACES", "State", "blocks_from", "covers", "entry_from", "read_state"]

MAX_REPLACES = 1_000
"""Entries that one entry may replace: as many concurrent writers of one field."""

MAX_FIELD = 200
"""Characters of a field's name: Django's own limit is below that."""


@dataclass(frozen=True, slots=True)
class State:
    """An update, read.

    `vector` and `first` map each replica to its next clock and to the first one told; `entries` are
    those present; `last_entry` maps a replica to the clock of the last item in its entries root,
    deleted or not, which is the origin of its next one; `deleted` is the delete set; `text_roots`
    are the fields that have a text; `sections` hold the blocks themselves.
    """

    vector: dict[int, int]
    first: dict[int, int]
    entries: dict[Dot, Entry]
    last_entry: dict[int, int]
    deleted: dict[int, Ranges]
    text_roots: frozenset[str]
    sections: Mapping[int, Section]


def read_state(data: bytes) -> State:
    """Read a stored document or a relayed update; no bytes at all are the empty document.

    Raises `Malformed` where the bytes are not what pycrdt or `write_update` made.
    """
    if not data:
        return State({}, {}, {}, {}, {}, frozenset(), {})
    sections, at = read_sections(data)
    deleted = read_deletes(data, at)
    entries: dict[Dot, Entry] = {}
    last_entry: dict[int, int] = {}
    roots: set[str] = set()
    for section in sections:
        last = _read_entries(section, entries, roots)
        if last is not None:
            last_entry[section.replica] = last
    if entries and deleted:
        for dot in [dot for dot in entries if covers(deleted.get(dot.replica, ()), dot.clock)]:
            del entries[dot]
    return State(
        {section.replica: section.next for section in sections},
        {section.replica: section.first for section in sections},
        entries,
        last_entry,
        deleted,
        frozenset(roots),
        {section.replica: section for section in sections},
    )


def entry_from(raw: Any, replica: int, clock: int, *, most: int = 5) -> Entry:
    """The entry that an array value stands for; raises `Malformed` if it stands for none."""
    if type(raw) is not list or not 3 <= len(raw) <= most:
        raise Malformed("An entry is not an array of a field, a stamp, a value and what it replaces.")
    field, stamp = raw[0], raw[1]
    if type(field) is not str or not 0 < len(field) <= MAX_FIELD:
        raise Malformed("An entry's field is not a name.")
    if type(stamp) is not int or not 0 <= stamp <= MAX_STAMP:
        raise Malformed("An entry's stamp is not a whole number below 2**53.")
    if len(raw) == 3:
        return Entry(Dot(replica, clock), field, stamp, raw[2])
    if type(raw[3]) is not list or len(raw[3]) > MAX_REPLACES:
        raise Malformed(f"An entry replaces something else than up to {MAX_REPLACES} dots.")
    replaces = tuple(_dot_from(each) for each in raw[3])
    stands_for = _dot_from(raw[4]) if len(raw) == 5 else None
    return Entry(Dot(replica, clock), field, stamp, raw[2], replaces, stands_for)


def covers(ranges: Ranges | tuple[()], clock: int) -> bool:
    """Is `clock` in one of the sorted `ranges`?"""
    place = bisect_right(ranges, (clock, CLOCKS)) - 1
    return place >= 0 and clock < sum(ranges[place])


def blocks_from(section: Section, clock: int) -> Iterator[Block]:
    """The blocks of a section from the one that holds `clock` on."""
    place = bisect_right(section.blocks, clock, key=_block_clock) - 1
    yield from section.blocks[max(place, 0) :]


def _block_clock(block: Block) -> int:
    return block.clock


def _read_entries(section: Section, entries: dict[Dot, Entry], roots: set[str]) -> int | None:
    """Collect a section's entries and text roots; returns the clock of its last entry."""
    replica, last = section.replica, None
    own_root = ""
    for block in section.blocks:
        if block.kind == ANY:
            for offset, raw in enumerate(block.content):
                entry = entry_from(raw, replica, block.clock + offset)
                entries[entry.dot] = entry
            last = block.clock + block.length - 1
        elif block.kind == SKIP:
            raise Malformed("An update leaves clocks out.")
        elif block.root is not None and block.root[:1] == "t":
            roots.add(block.root[1:])
        elif block.kind == DELETED:
            own_root = own_root or entries_root(replica)
            follows = last is not None and block.origin == (replica, last)
            if block.root == own_root or (follows and block.right_origin is None):
                last = block.clock + block.length - 1
            elif section.first and block.origin == (replica, section.first - 1):
                pass  # a difference: what it follows is not told, and nobody asks
    return last


def _dot_from(raw: Any) -> Dot:
    if (
        type(raw) is list
        and len(raw) == 2
        and type(raw[0]) is int
        and type(raw[1]) is int
        and 0 <= raw[0] < REPLICAS
        and 0 <= raw[1] < CLOCKS
    ):
        return Dot(raw[0], raw[1])
    raise Malformed("A dot is not a replica and a clock.")
