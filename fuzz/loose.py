"""Updates as loose parts that are written without any check, so that they can be wrong.

The layout is that of Yjs updates, version 1; see `crdt.structs`.
"""

from dataclasses import dataclass, field
from typing import Final

from crdt.lib0 import write_varuint

__all__ = ["ANY", "DELETED", "STRING", "Id", "Section", "Struct", "Update", "chars", "text"]

Id = tuple[int, int]
"""A replica and a clock."""

DELETED: Final = 1
STRING: Final = 4
ANY: Final = 8


def text(data: bytes) -> bytes:
    """Bytes with their length before them, as strings are written."""
    return write_varuint(len(data)) + data


@dataclass(slots=True)
class Struct:
    """One struct; where it has no neighbours it is in a root, or inside `parent`."""

    content: int
    body: bytes
    origin: Id | None = None
    right: Id | None = None
    root: bytes = b""
    parent: Id | None = None
    key: bytes | None = None
    bits: int = 0
    """Further bits of the info byte."""

    def write(self) -> bytes:
        """The struct's bytes."""
        info = self.content | self.bits
        info |= 0x80 * (self.origin is not None) | 0x40 * (self.right is not None)
        info |= 0x20 * (self.key is not None)
        parts = [bytes((info & 255,))]
        for neighbour in (self.origin, self.right):
            if neighbour is not None:
                parts += map(write_varuint, neighbour)
        if self.origin is None and self.right is None:
            if self.parent is None:
                parts += (b"\x01", text(self.root))
            else:
                parts += (b"\x00", *map(write_varuint, self.parent))
            if self.key is not None:
                parts.append(text(self.key))
        return b"".join((*parts, self.body))


@dataclass(slots=True)
class Section:
    """The structs of one replica."""

    replica: int
    clock: int
    structs: list[Struct] = field(default_factory=list)

    def write(self) -> bytes:
        """The section's bytes."""
        head = map(write_varuint, (len(self.structs), self.replica, self.clock))
        return b"".join((*head, *(struct.write() for struct in self.structs)))


@dataclass(slots=True)
class Update:
    """Sections, and the ranges that each replica's deletions name."""

    sections: list[Section] = field(default_factory=list)
    deletes: list[tuple[int, list[tuple[int, int]]]] = field(default_factory=list)

    def write(self) -> bytes:
        """The update's bytes."""
        parts = [write_varuint(len(self.sections))]
        parts += [section.write() for section in self.sections]
        parts.append(write_varuint(len(self.deletes)))
        for replica, ranges in self.deletes:
            parts += (write_varuint(replica), write_varuint(len(ranges)))
            for start, length in ranges:
                parts += (write_varuint(start), write_varuint(length))
        return b"".join(parts)


def chars(value: str) -> int:
    """How many clocks a string takes: its UTF-16 units."""
    return len(value.encode("utf-16-le")) // 2
