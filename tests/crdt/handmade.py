"""Updates written by hand, byte for byte, and a stored document that they are for."""

import pytest

from crdt.document import Document
from crdt.entry import Dot
from crdt.errors import Malformed, RemoteFault
from crdt.lib0 import write_any, write_text, write_varuint
from crdt.update import read_push, read_state

__all__ = [
    "BEHIND",
    "ENTRY",
    "ME",
    "NOTES",
    "OTHER",
    "ROOT",
    "SERVER",
    "characters",
    "deletes",
    "entries",
    "refused",
    "stored_document",
    "update",
]

ME, OTHER, SERVER = 10, 5, 1
ENTRY = write_any(["title", 5, "x"])
ROOT = b"\x01" + write_text("ea")
NOTES = b"\x04\x01" + write_text("tnotes")
BEHIND = b"\x88\x0a"
"""Entries behind that one of mine whose clock follows."""


def update(
    *structs: bytes,
    replica: int = ME,
    clock: int = 2,
    deletes: bytes = b"\0",
) -> bytes:
    """One section and a delete set that is written already."""
    head = b"".join(map(write_varuint, (1, len(structs), replica, clock)))
    return head + b"".join(structs) + deletes


def entries(*values: bytes, place: bytes = BEHIND + b"\1") -> bytes:
    return place + write_varuint(len(values)) + b"".join(values)


def characters(text: str, origin: Dot | None = None, right: Dot | None = None) -> bytes:
    named = [each for each in (origin, right) if each is not None]
    info = 4 | (0x80 if origin else 0) | (0x40 if right else 0)
    place = b"".join(write_varuint(number) for each in named for number in each)
    return (bytes((info,)) + place if named else NOTES) + write_text(text)


def deletes(**ranges: list[tuple[int, int]]) -> bytes:
    """`deletes(r5=[(0, 1)])` names a clock of replica 5."""
    out = write_varuint(len(ranges))
    for name, pairs in ranges.items():
        out += write_varuint(int(name[1:])) + write_varuint(len(pairs))
        out += b"".join(write_varuint(number) for pair in pairs for number in pair)
    return out


def stored_document() -> bytes:
    """Mine: two entries. The other's: an entry (0), "a😀b" (1 to 4), "gone" (5 to 8) deleted, an
    entry (9); and a deleted entry (10)."""
    mine = Document(b"", ME)
    mine.append("title", 1, "one")
    mine.append("title", 2, "two")
    other = Document(mine.encode(), OTHER)
    other.append("title", 3, "three")
    other.edit_text("notes", 0, 0, "a😀b")
    other.edit_text("notes", 3, 0, "gone")
    other.edit_text("notes", 3, 4)
    other.append("done", 4, True)
    other.append("done", 5, False)
    other.delete([Dot(OTHER, 10)])
    return other.encode()


def refused(data: bytes, stored: bytes, kind: type[RemoteFault] = Malformed) -> None:
    with pytest.raises(kind):
        read_push(data, ME, read_state(stored))
