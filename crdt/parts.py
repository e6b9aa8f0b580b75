"""A difference of any size as pushes that a server takes.

A pasted text is one string in one struct, and may alone be longer than an update may be; it is cut
into several, as Yjs itself does where an insertion splits it (`ContentString.splice`).
"""

from collections.abc import Iterator
from typing import Final, NamedTuple

from .lib0 import read_any, read_varuint, write_varuint
from .push import DEFAULT_LIMITS
from .ranges import Range, write_ranges
from .state import read_state
from .structs import ANY, ORIGIN, RIGHT_ORIGIN, STRING, read_length, read_place, utf16_units

__all__ = ["cut_push"]

PIECE: Final = 1 << 13
"""Characters of a cut string: at most 32 KiB, so that a few fit into the smallest sane limit. Also
the bytes after which a run of entries is cut."""


class _Struct(NamedTuple):
    """The bytes of a struct, and how many clocks it takes."""

    data: bytes
    length: int


def cut_push(data: bytes, max_structs: int, max_bytes: int) -> list[bytes]:
    """Cut a difference of one replica into pushes of bounded size, in order.

    A part's delete set names what that part itself brings; the last part's is the whole one, since
    by then its receiver knows everything in it. What cannot be cut (a value, a long delete set)
    may still be longer than `max_bytes`.
    """
    room = min(max_bytes, DEFAULT_LIMITS.update)
    most = min(max_structs, DEFAULT_LIMITS.structs)
    _, at = read_varuint(data, 0)
    count, at = read_varuint(data, at)
    if count <= most and len(data) <= room:
        return [data]
    replica, at = read_varuint(data, at)
    clock, at = read_varuint(data, at)
    deletes = read_state(data).deleted
    groups = list(_grouped(_structs(data, at, count, replica, clock), most, room // 2))
    parts = []
    for number, group in enumerate(groups, 1):
        end = clock + sum(struct.length for struct in group)
        own = _clipped(deletes.get(replica, []), clock, end)
        told = deletes if number == len(groups) else {replica: own} if own else {}
        head = map(write_varuint, (1, len(group), replica, clock))
        body = (struct.data for struct in group)
        parts.append(b"".join((*head, *body, write_ranges(told))))
        clock = end
    return parts


def _grouped(structs: Iterator[_Struct], most: int, room: int) -> Iterator[list[_Struct]]:
    group: list[_Struct] = []
    size = 0
    for struct in structs:
        if group and (len(group) >= most or size + len(struct.data) > room):
            yield group
            group, size = [], 0
        group.append(struct)
        size += len(struct.data)
    if group:
        yield group


def _structs(data: bytes, at: int, count: int, replica: int, clock: int) -> Iterator[_Struct]:
    """The structs of a section, long strings and runs of entries cut."""
    for _ in range(count):
        start = at
        content, place, at = read_place(data, at)
        if content == ANY:
            run, length, at = _entries(data, start, at, replica, clock)
            yield from run
            clock += length
            continue
        before = at
        length, at = read_length(data, at, content)
        if content == STRING and at - before > PIECE:
            yield from _cut(data[start:before], place.right, data[before:at], replica, clock)
        else:
            yield _Struct(data[start:at], length)
        clock += length


def _entries(
    data: bytes, start: int, at: int, replica: int, clock: int
) -> tuple[list[_Struct], int, int]:
    """A run of entries as one or more structs, how many they are, and the position after them."""
    place = data[start:at]
    count, begin = read_varuint(data, at)
    at, number, structs = begin, 0, []
    for index in range(1, count + 1):
        _, at = read_any(data, at)
        if at - begin > PIECE or index == count:
            length = index - number
            structs.append(_Struct(place + write_varuint(length) + data[begin:at], length))
            begin, number = at, index
            behind = write_varuint(replica) + write_varuint(clock + index - 1)
            place = bytes((ANY | ORIGIN,)) + behind
    return structs, count, at


def _cut(
    place: bytes, right: tuple[int, int] | None, content: bytes, replica: int, clock: int
) -> Iterator[_Struct]:
    """One string as several structs, each behind the one before."""
    _, start = read_varuint(content, 0)
    text = content[start:].decode()
    for index in range(0, len(text), PIECE):
        piece = text[index : index + PIECE]
        written = piece.encode()
        length = len(utf16_units(piece)) // 2
        yield _Struct(place + write_varuint(len(written)) + written, length)
        clock += length
        info = STRING | ORIGIN | (RIGHT_ORIGIN if right else 0)
        beside = (replica, clock - 1, *(right or ()))
        place = bytes([info]) + b"".join(map(write_varuint, beside))


def _clipped(ranges: list[Range], first: int, end: int) -> list[Range]:
    clipped = ((max(clock, first), min(clock + length, end)) for clock, length in ranges)
    return [(start, stop - start) for start, stop in clipped if start < stop]
