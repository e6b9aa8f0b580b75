"""The structs of a Yjs update (version 1): blocks of items per replica, and the delete set.

This reader takes an update apart and checks that it is well-formed; what it means is left to `state`
and `push`. It knows the contents that our documents hold, arrays of values and text, and refuses the
others. Format after Yjs, `UpdateDecoderV1` and `readClientsStructRefs`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final, NamedTuple

from .errors import Malformed
from .lib0 import Cursor, read_any, read_text, read_varuint, write_varuint
from .text import utf16_length

__all__ = [
    "ANY",
    "CLOCKS",
    "DELETED",
    "GC",
    "REPLICAS",
    "SKIP",
    "STRING",
    "Block",
    "Ranges",
    "Section",
    "merge_ranges",
    "read_deletes",
    "read_sections",
    "write_deletes",
]

Ranges = list[tuple[int, int]]
"""(clock, length) pairs."""

GC: Final = 0
DELETED: Final = 1
STRING: Final = 4
ANY: Final = 8
SKIP: Final = 10

CLOCKS: Final = 2**32
"""Clocks wrap here in yrs; everything stays below."""

REPLICAS: Final = 2**53
"""yrs masks replica ids to 53 bits: a larger one would become somebody else's."""

_CONTENT: Final = 0b00011111
_HAS_ORIGIN: Final = 0b10000000
_HAS_RIGHT_ORIGIN: Final = 0b01000000


class Block(NamedTuple):
    """A run of items of one replica: `length` clocks from `clock` on.

    `content` is the list of values (ANY), the string (STRING) or None. `root` is the name of the root
    type, where the block says it; else it is in that of its origins, which are (replica, clock) pairs.
    `start` and `end` are its offsets in the update.
    """

    clock: int
    length: int
    kind: int
    content: Any
    origin: tuple[int, int] | None
    right_origin: tuple[int, int] | None
    root: str | None
    start: int
    end: int


class Section(NamedTuple):
    """The blocks of one replica, from its clock `first` up to `next`."""

    replica: int
    first: int
    next: int
    blocks: list[Block]


def read_sections(data: bytes) -> tuple[list[Section], int]:
    """The sections of an update, and the offset of its delete set."""
    count, at = read_varuint(data, 0)
    sections = []
    for _ in range(count):
        section, at = _read_section(data, at)
        sections.append(section)
    if count > 1 and len({section.replica for section in sections}) < count:
        raise Malformed("An update has two sections of one replica.")
    return sections, at


def read_deletes(data: bytes, at: int) -> dict[int, Ranges]:
    """The delete set at offset `at`, which must end the update."""
    if data[at:] == b"\0":
        return {}
    cursor = Cursor(data, at)
    deletes: dict[int, Ranges] = {}
    for _ in range(cursor.count(3)):
        replica = cursor.varuint()
        if replica in deletes or replica >= REPLICAS:
            raise Malformed("The delete set names a replica twice, or one that cannot be.")
        deletes[replica] = _read_ranges(cursor)
    cursor.end()
    return deletes


def write_deletes(deletes: dict[int, Ranges]) -> bytes:
    """A delete set; ranges have to be merged already."""
    parts = [write_varuint(len(deletes))]
    for replica, ranges in deletes.items():
        parts += (write_varuint(replica), write_varuint(len(ranges)))
        for clock, length in ranges:
            parts += (write_varuint(clock), write_varuint(length))
    return b"".join(parts)


def merge_ranges(ranges: Iterable[Sequence[int]]) -> Ranges:
    """The same clocks as sorted, disjoint ranges that do not touch."""
    merged: Ranges = []
    for clock, length in sorted(ranges):
        if merged and sum(merged[-1]) >= clock:
            start, before = merged[-1]
            merged[-1] = (start, max(before, clock + length - start))
        else:
            merged.append((clock, length))
    return merged


def _read_section(data: bytes, at: int) -> tuple[Section, int]:
    count, at = read_varuint(data, at)
    replica, at = read_varuint(data, at)
    clock, at = read_varuint(data, at)
    if not count or count > len(data) or replica >= REPLICAS:
        raise Malformed("A section is empty, or of a replica that cannot be.")
    first = clock
    blocks = []
    for _ in range(count):
        block = _read_block(data, at, clock)
        blocks.append(block)
        clock += block.length
        at = block.end
        if clock >= CLOCKS:
            raise Malformed("A clock is beyond 2**32.")
    return Section(replica, first, clock, blocks), at


def _read_block(data: bytes, start: int, clock: int) -> Block:
    if start >= len(data):
        raise Malformed("The bytes end too early.")
    info = data[start]
    kind = info & _CONTENT
    at = start + 1
    origin = right_origin = root = None
    if kind in (GC, SKIP):
        if info != kind:
            raise Malformed("A struct has bits that nobody knows.")
    else:
        if info & _HAS_ORIGIN:
            origin, at = _read_id(data, at)
        if info & _HAS_RIGHT_ORIGIN:
            right_origin, at = _read_id(data, at)
        if info == kind:
            root, at = _read_root(data, at)
        elif info & 0b00100000:
            raise Malformed("An item has a map key; documents hold no maps.")
    content, length, at = _read_content(data, at, kind)
    return Block(clock, length, kind, content, origin, right_origin, root, start, at)


def _read_id(data: bytes, at: int) -> tuple[tuple[int, int], int]:
    replica, at = read_varuint(data, at)
    clock, at = read_varuint(data, at)
    return (replica, clock), at


def _read_root(data: bytes, at: int) -> tuple[str, int]:
    if data[at : at + 1] != b"\x01":
        raise Malformed("An item is nested in another one; documents hold no nested types.")
    return read_text(data, at + 1)


def _read_content(data: bytes, at: int, kind: int) -> tuple[Any, int, int]:
    """The content, how many clocks it takes, and the offset behind it."""
    if kind == ANY:
        count, at = read_varuint(data, at)
        if not count or count > len(data) - at:
            raise Malformed("A run of values is empty, or longer than the update.")
        values = []
        for _ in range(count):
            value, at = read_any(data, at)
            values.append(value)
        return values, count, at
    if kind == STRING:
        text, at = read_text(data, at)
        if not text:
            raise Malformed("A text is empty.")
        return text, utf16_length(text), at
    if kind in (DELETED, GC, SKIP):
        length, at = read_varuint(data, at)
        if not length:
            raise Malformed("A run is empty.")
        return None, length, at
    raise Malformed(f"Documents hold no content of type {kind}.")


def _read_ranges(cursor: Cursor) -> Ranges:
    ranges: Ranges = []
    behind = -1
    for _ in range(cursor.count(2)):
        clock, length = cursor.varuint(), cursor.varuint()
        if clock <= behind or not length or clock + length >= CLOCKS:
            raise Malformed("The ranges of a delete set are out of order, or empty.")
        behind = clock + length
        ranges.append((clock, length))
    if not ranges:
        raise Malformed("A delete set has a replica without ranges.")
    return ranges
