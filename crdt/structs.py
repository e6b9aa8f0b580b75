"""Structs: the pieces an update is made of, read one by one.

A struct takes a run of clocks of its replica. It is placed by an origin (what stood to its left
when it was written), a right origin (what stood to its right) or, where there was neither, by
the name of its root. Format: `Item.js` and `UpdateEncoder.js` of Yjs, update version 1.
"""

from functools import lru_cache
from typing import Final, NamedTuple

from .entry import entries_root
from .errors import Malformed
from .lib0 import read_text, read_varuint, write_text, write_varuint

__all__ = [
    "ANY",
    "BY_NAME",
    "COLLECTED",
    "DELETED",
    "ORIGIN",
    "RIGHT_ORIGIN",
    "STRING",
    "Id",
    "Place",
    "Spelling",
    "read_length",
    "read_place",
    "spelling",
    "utf16_units",
]

COLLECTED: Final = 0
"""A struct of which only its clocks are left: nothing that is found in a document of ours, whose
content lies in roots, but pycrdt may write it."""
DELETED: Final = 1
"""Content: a run of clocks whose content was deleted."""
STRING: Final = 4
"""Content: characters. A clock counts a UTF-16 unit."""
ANY: Final = 8
"""Content: values; entries, in our documents."""

ORIGIN: Final = 0x80
RIGHT_ORIGIN: Final = 0x40
_PLACED: Final = ORIGIN | RIGHT_ORIGIN
BY_NAME: Final = 1

Id = tuple[int, int]


class Place(NamedTuple):
    """Where a struct belongs: its `root` by name, or one or two neighbours."""

    root: str | None
    origin: Id | None
    right: Id | None


class Spelling(NamedTuple):
    """How structs in the entries root of one replica begin."""

    number: bytes
    """The replica's id."""
    first: bytes
    """Entries, the first in their root."""
    after: bytes
    """Entries after the one of this replica whose clock follows."""
    first_deleted: bytes
    """A deleted run where `first` would be entries, and so on."""
    after_deleted: bytes


@lru_cache(maxsize=4096)
def spelling(replica: int) -> Spelling:
    """How structs in the entries root of `replica` begin: most are recognised by it at once."""
    root = bytes((BY_NAME,)) + write_text(entries_root(replica))
    number = write_varuint(replica)
    return Spelling(
        number,
        bytes((ANY,)) + root,
        bytes((ANY | ORIGIN,)) + number,
        bytes((DELETED,)) + root,
        bytes((DELETED | ORIGIN,)) + number,
    )


def read_place(data: bytes, at: int) -> tuple[int, Place, int]:
    """Read how a struct begins; returns what its content is, its place and the position after it.

    Of the content only the known kinds pass, of the places none inside another shared type.
    """
    info = data[at]
    content = info & ~_PLACED
    if content not in (DELETED, STRING, ANY):
        raise Malformed(f"Byte {at} announces a struct that has no place here (0x{info:02x}).")
    at += 1
    origin = right = root = None
    if info & ORIGIN:
        origin, at = _read_id(data, at)
    if info & RIGHT_ORIGIN:
        right, at = _read_id(data, at)
    if not info & _PLACED:
        if data[at] != BY_NAME:
            raise Malformed(f"The struct before byte {at} is not in a root.")
        root, at = read_text(data, at + 1)
    return content, Place(root, origin, right), at


def read_length(data: bytes, at: int, content: int) -> tuple[int, int]:
    """How many clocks a string or a deleted run takes, and the position after it."""
    length, at = read_varuint(data, at)
    if not length:
        raise Malformed(f"The struct before byte {at} is empty.")
    if content == DELETED:
        return length, at
    end = at + length
    span = data[at:end]
    if len(span) != length:
        raise Malformed(f"A text is missing at byte {at}.")
    return (length if span.isascii() else len(utf16_units(span.decode())) >> 1), end


def utf16_units(text: str) -> bytes:
    """The text in UTF-16, two bytes to a unit: what clocks count."""
    return text.encode("utf-16-le")


def _read_id(data: bytes, at: int) -> tuple[Id, int]:
    replica, at = read_varuint(data, at)
    clock, at = read_varuint(data, at)
    return (replica, clock), at
