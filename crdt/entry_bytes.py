"""Entries in an update: arrays `[field, stamp, value, replaces, stands_for]`, without the last two
where they say nothing.

This is the innermost loop of the server and of every client: each row that is read, pushed or shown
passes through it. Hence what nearly every entry looks like is spelled out here.
"""

from collections.abc import Callable, MutableMapping
from functools import lru_cache
from struct import Struct
from typing import Any, Final

from .entry import Dot, Entry
from .errors import Malformed
from .lib0 import MAX_INTEGER, read_any, read_text, read_varuint

__all__ = ["MAX_CLOCK", "MAX_NAME", "read_entries"]

MAX_CLOCK: Final = 2**32 - 1
"""The last clock of a replica: pycrdt counts them in 32 bits."""

MAX_NAME: Final = 1000
"""Characters of a field's name: databases stop at a tenth of it, and every reader keeps some."""

_SHAPE: Final = (
    "An entry must be [field, stamp, value], and after it the dots that it replaces, if any."
)

_LAST_STAMP: Final = float(MAX_INTEGER)

_double: Callable[[bytes, int], tuple[Any, ...]] = Struct(">d").unpack_from
_float: Callable[[bytes, int], tuple[Any, ...]] = Struct(">f").unpack_from


def read_entries(  # noqa: PLR0912 - the innermost loop: a call for each branch doubles its time
    data: bytes,
    at: int,
    replica: int,
    first: int,
    most: int,
    entries: MutableMapping[Dot, Entry],
) -> tuple[int, int]:
    """Read a run of entries from clock `first` on; returns the next clock and the next position.

    `most` is how many items an entry may have: 4 from a client, 5 from the server.
    """
    count = data[at]
    at += 1
    if count > 127:
        count, at = read_varuint(data, at - 1)
    if not count:
        raise Malformed(f"A run of no entries before byte {at}.")
    new = tuple.__new__
    for clock in range(first, first + count):
        size = data[at + 3]
        if size < 128:
            at += 4 + size
            arity, field = _head(data[at - 4 - size : at])
        else:
            arity, _ = _head(data[at : at + 3] + b"\1?")
            field, at = read_text(data, at + 3)
            if len(field) > MAX_NAME:
                raise _misshapen(replica, clock)
        if arity > most:
            raise _misshapen(replica, clock)

        if data[at] == 123:
            (exact,) = _double(data, at + 1)
            if not 0.0 <= exact <= _LAST_STAMP:
                raise _misshapen(replica, clock)
            stamp = int(exact)
            if stamp != exact:
                raise _misshapen(replica, clock)
            at += 9
        else:
            stamp, at = _read_count(data, at, replica, clock)

        value: Any
        if data[at] == 119 and data[at + 1] < 128:
            end = at + 2 + data[at + 1]
            value = data[at + 2 : end].decode()
            at = end
        else:
            value, at = read_any(data, at)

        replaces: tuple[Dot, ...] = ()
        stands_for = None
        if arity > 3:
            replaces, at = _read_dots(data, at, replica, clock)
            if arity > 4:
                stands_for, at = _read_dot(data, at, replica, clock)

        dot = new(Dot, (replica, clock))
        entries[dot] = new(Entry, (dot, field, stamp, value, replaces, stands_for))
    return first + count, at


@lru_cache(maxsize=4096)
def _head(data: bytes) -> tuple[int, str]:
    """How many items an entry has, and its field, from the bytes it begins with.

    Remembered, because every entry of a field begins the same way.
    """
    if len(data) < 5 or data[0] != 117 or not 3 <= data[1] <= 5 or data[2] != 119:
        raise Malformed(_SHAPE)
    return data[1], data[4:].decode()


def _read_dots(data: bytes, at: int, replica: int, clock: int) -> tuple[tuple[Dot, ...], int]:
    if data[at] != 117:
        raise _misshapen(replica, clock)
    count, at = read_varuint(data, at + 1)
    dots = []
    for _ in range(count):
        dot, at = _read_dot(data, at, replica, clock)
        dots.append(dot)
    return tuple(dots), at


def _read_dot(data: bytes, at: int, replica: int, clock: int) -> tuple[Dot, int]:
    if data[at] != 117 or data[at + 1] != 2:
        raise _misshapen(replica, clock)
    other, at = _read_count(data, at + 2, replica, clock)
    when, at = _read_count(data, at, replica, clock)
    if when > MAX_CLOCK:
        raise _misshapen(replica, clock)
    return Dot(other, when), at


def _read_count(data: bytes, at: int, replica: int, clock: int) -> tuple[int, int]:
    """A whole number that is not negative, within the entry at this clock."""
    exact: Any
    tag = data[at]
    if tag == 124:
        (exact,) = _float(data, at + 1)
        at += 5
    elif tag == 123:
        (exact,) = _double(data, at + 1)
        at += 9
    else:
        exact, at = read_any(data, at)
        if type(exact) is not int:
            raise _misshapen(replica, clock)
    if not 0 <= exact <= MAX_INTEGER:
        raise _misshapen(replica, clock)
    number = int(exact)
    if number != exact:
        raise _misshapen(replica, clock)
    return number, at


def _misshapen(replica: int, clock: int) -> Malformed:
    return Malformed(f"{_SHAPE} The one at clock {clock} of replica {replica} is not.")
