"""Reading a document, or a difference between two, straight from bytes that pycrdt encoded.

Laws:

1. The entries read are those that pycrdt would show after integrating the bytes, without
   integrating them.
2. Bytes that nobody of ours wrote raise `Malformed`, whatever they are.
3. A document without texts pays nothing for those that have some.
4. The same bytes may give the same `State` again: nobody changes one.
"""

from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final, NamedTuple

from .entry import Dot, Entry
from .entry_bytes import MAX_CLOCK, read_entries
from .errors import Malformed
from .lib0 import MAX_INTEGER, UNREADABLE, read_varuint
from .ranges import Range, forget_deleted
from .runs import Positions, TextRuns, text_field
from .structs import (
    ANY,
    COLLECTED,
    DELETED,
    ORIGIN,
    Place,
    Spelling,
    read_length,
    read_place,
    spelling,
)

__all__ = ["State", "read_deletes", "read_state"]

_SERVER_ITEMS: Final = 5
"""Items of the longest entry: the server's may stand for another one."""

SHORT: Final = 4 << 10
"""Bytes of a document that may be remembered once it was read: what nearly every row has."""

REMEMBERED: Final = 512
"""Documents that are remembered, the latest: a screen that is drawn again, and rows that many write
to. They take 2 MB of bytes at most, and a few times that for what was read in them."""

_NO_TEXTS: Final[frozenset[str]] = frozenset()


@dataclass(frozen=True, slots=True)
class State:
    """What the bytes of a document, or of a difference, say."""

    data: bytes = field(repr=False)
    vector: dict[int, int] = field(default_factory=dict)
    """Replica -> its next clock."""
    first: dict[int, int] = field(default_factory=dict)
    """Replica -> the clock its section starts at: 0 in a whole document."""
    entries: dict[Dot, Entry] = field(default_factory=dict)
    """The present entries: those not deleted."""
    last_entry: dict[int, int] = field(default_factory=dict)
    """Replica -> the clock of the last item in its entries root, deleted or not: the origin of its
    next entry. In a difference that begins after it, it may be missing."""
    deleted: dict[int, list[Range]] = field(default_factory=dict)
    """The delete set: `(clock, length)`, sorted and merged."""
    text_roots: frozenset[str] = frozenset()
    """The fields that have a text."""
    positions: dict[int, Positions] = field(default_factory=dict, repr=False)
    """Where the structs of texts lie, for `text_runs`."""

    def text_runs(self) -> TextRuns:
        """The runs of characters in the texts; only of use for a whole document."""
        only = next(iter(self.text_roots)) if len(self.text_roots) == 1 else None
        return TextRuns(self.data, self.positions, None, only)


def read_state(data: bytes) -> State:
    """Read a document's bytes, or those of a difference; `b""` is the empty document.

    Raises `Malformed` if they are corrupt.
    """
    if not data:
        return State(data)
    try:
        return _remembered(data) if len(data) <= SHORT else _read(data)
    except UNREADABLE:
        raise Malformed("The bytes end too early, or hold text that is not UTF-8.") from None


@lru_cache(maxsize=REMEMBERED)
def _remembered(data: bytes) -> State:
    return _read(data)


def _read(data: bytes) -> State:
    vector: dict[int, int] = {}
    first: dict[int, int] = {}
    entries: dict[Dot, Entry] = {}
    last_entry: dict[int, int] = {}
    texts = _Texts({}, set())
    at = 1
    sections = data[0]
    if sections > 127:
        sections, at = read_varuint(data, 0)
    above = MAX_INTEGER + 1
    for _ in range(sections):
        structs, at = (data[at], at + 1) if data[at] < 128 else read_varuint(data, at)
        replica, at = read_varuint(data, at)
        clock, at = (data[at], at + 1) if data[at] < 128 else read_varuint(data, at)
        if replica >= above or not structs:
            raise Malformed("A document's sections must be in order, one to a replica, none empty.")
        above = replica
        first[replica] = clock
        clock, last, at = _read_section(data, at, structs, replica, clock, entries, texts)
        if clock > MAX_CLOCK:
            raise Malformed(f"The clocks of replica {replica} pass {MAX_CLOCK}.")
        vector[replica] = clock
        if last is not None:
            last_entry[replica] = last
    deleted, at = read_deletes(data, at)
    if at != len(data):
        raise Malformed(f"{len(data) - at} bytes are missing, or follow the document's end.")
    if deleted:
        forget_deleted(entries, deleted)
    roots = frozenset(texts.fields) if texts.fields else _NO_TEXTS
    return State(data, vector, first, entries, last_entry, deleted, roots, texts.positions)


def _read_section(
    data: bytes,
    at: int,
    structs: int,
    replica: int,
    clock: int,
    entries: dict[Dot, Entry],
    texts: "_Texts",
) -> tuple[int, int | None, int]:
    """One replica's structs; returns its next clock, the clock of the last item in its entries root
    as far as it shows, and the position after them.
    """
    own = spelling(replica)
    start, last = clock, None
    for _ in range(structs):
        info = data[at]
        if info == ANY | ORIGIN and data.startswith(own.after, at):
            origin, at = read_varuint(data, at + len(own.after))
            # A difference may begin after an item that it does not show.
            if origin != last and (last is not None or not start or origin >= clock):
                raise _out_of_line(replica, clock)
            clock, at = read_entries(data, at, replica, clock, _SERVER_ITEMS, entries)
            last = clock - 1
        elif info == ANY and last is None and data.startswith(own.first, at):
            at += len(own.first)
            clock, at = read_entries(data, at, replica, clock, _SERVER_ITEMS, entries)
            last = clock - 1
        elif info == COLLECTED:
            length, at = read_varuint(data, at + 1)
            clock += length
        else:
            run = _own_deleted_run(data, at, own, last)
            if run:
                length, at = read_length(data, run, DELETED)
                clock += length
                last = clock - 1
                continue
            content, place, end = read_place(data, at)
            if content == ANY:
                raise _out_of_line(replica, clock)
            length, end = read_length(data, end, content)
            texts.add(replica, clock, at, place)
            clock += length
            at = end
    return clock, last, at


def _own_deleted_run(data: bytes, at: int, own: Spelling, last: int | None) -> int:
    """Where the length of a deleted run stands that follows the last of its replica's entries; 0 if
    something else begins here.
    """
    if last is None:
        begin = own.first_deleted
        return at + len(begin) if data.startswith(begin, at) else 0
    if not data.startswith(own.after_deleted, at):
        return 0
    origin, at = read_varuint(data, at + len(own.after_deleted))
    return at if origin == last else 0


def read_deletes(
    data: bytes, at: int, joints: list[Dot] | None = None
) -> tuple[dict[int, list[Range]], int]:
    """A delete set, and the position after it: in order, without overlaps or empty ranges.

    Ranges that touch are joined; where they did is noted in `joints`.
    """
    count, at = (data[at], at + 1) if data[at] < 128 else read_varuint(data, at)
    deleted: dict[int, list[Range]] = {}
    below = -1
    for _ in range(count):
        replica, at = read_varuint(data, at)
        number, at = (data[at], at + 1) if data[at] < 128 else read_varuint(data, at)
        if replica <= below or not number:
            raise Malformed("Deletions must be in order, one list to a replica, none empty.")
        below = replica
        ranges: list[Range] = []
        end = -1
        for _ in range(number):
            start, at = (data[at], at + 1) if data[at] < 128 else read_varuint(data, at)
            length, at = (data[at], at + 1) if data[at] < 128 else read_varuint(data, at)
            if start < end or not length:
                raise Malformed(f"Deletions of replica {replica} are empty or out of order.")
            if start == end:
                if joints is not None:
                    joints.append(Dot(replica, start))
                first, before = ranges.pop()
                start, length = first, before + length
            ranges.append((start, length))
            end = start + length
        if end > MAX_CLOCK:
            raise Malformed(f"Deletions of replica {replica} pass clock {MAX_CLOCK}.")
        deleted[replica] = ranges
    return deleted, at


class _Texts(NamedTuple):
    """What is found of texts: where their structs lie, and the fields that have one."""

    positions: dict[int, Positions]
    fields: set[str]

    def add(self, replica: int, clock: int, offset: int, place: Place) -> None:
        if place.root is not None:
            self.fields.add(text_field(place.root))
        positions = self.positions.get(replica)
        if positions is None:
            positions = self.positions[replica] = Positions([], [])
        positions.clocks.append(clock)
        positions.offsets.append(offset)


def _out_of_line(replica: int, clock: int) -> Malformed:
    return Malformed(
        f"The values at clock {clock} of replica {replica} are not in its own entries, each after "
        "the one before it."
    )
