"""Values and texts that no honest client writes, spelled out in bytes."""

from random import Random
from struct import pack
from typing import Any, Final

from crdt.lib0 import write_any, write_varuint

from .loose import text

__all__ = ["BAD_ENTRIES", "BAD_TEXTS", "ODD_ENTRIES", "bad_value"]

_NUMBERS: Final = tuple(
    b"\x7b" + pack(">d", number)
    for number in (float("nan"), float("inf"), float("-inf"), -0.0, -1.0, 1.5, 2.0**53, 1e300)
)


def _entry(*items: bytes) -> bytes:
    return b"u" + write_varuint(len(items)) + b"".join(items)


_FIELD: Final = write_any("title")
_ONE: Final = write_any(1)
_X: Final = write_any("x")

BAD_ENTRIES: Final[tuple[Any, ...]] = (
    None,
    1,
    "title",
    {"title": 1},
    [],
    ["title"],
    ["title", 1],
    ["title", 1, "x", [], [5, 1], None],
    ["title", 1, "x", None],
    ["title", 1, "x", [5, 1]],
    ["title", 1, "x", [[5]]],
    ["title", 1, "x", [[5, 1, 2]]],
    ["title", 1, "x", [["5", 1]]],
    ["title", 1, "x", [[5, 2**32]]],
    ["title", 1, "x", [[5, -1]]],
    ["title", 1, "x", [[0.5, 1]]],
    [1, 1, "x"],
    [None, 1, "x"],
    ["", 1, "x"],
    ["k" * 1_000_000, 1, "x"],
    ["title", "1", "x"],
    ["title", True, "x"],
    ["title", None, "x"],
    ["title", [1], "x"],
    *(_entry(_FIELD, number, _X) for number in _NUMBERS if number != _NUMBERS[3]),
    *(_entry(_FIELD, _ONE, number) for number in _NUMBERS[:3]),
    _entry(b"\x77\x03\xed\xa0\x80", _ONE, _X),
    b"\x75\x83\x00" + _FIELD + _ONE + _X,
)
"""Entries of a wrong shape: values, or their bytes where no value has them."""

ODD_ENTRIES: Final[tuple[Any, ...]] = (
    ["title", 1, "x", []],
    ["title", 1, "x", [], [5, 1]],
    ["title", 1, "x", [[5, 1]] * 1001],
    ["title", 1, "x", [[replica, 1] for replica in range(5000)]],
    ["a\0b", 1, "x"],
    *(_entry(_FIELD, _ONE, number) for number in _NUMBERS[3:]),
)
"""Entries of the right shape that only the server may write, that are too large, or say nothing."""

BAD_TEXTS: Final = (
    text(b""),
    text(b"\xff"),
    text(b"\xc0\x80"),
    text(b"\xed\xa0\xbd"),
    text(b"\xed\xa0\xbd\xed\xb8\x80"),
    text("😀".encode()[:2]),
    text(b"a\0b"),
    text("😀".encode()),
    write_varuint(2**31) + b"abc",
    write_varuint(2**64 - 1) + b"abc",
    b"\x83\x00abc",
)
"""Contents of a text: empty, not UTF-8, lone surrogates, lengths that lie."""


def bad_value(random: Random) -> bytes:
    """An Any value: too deep, too large, of an unknown kind, or badly spelled."""
    depth = random.choice((31, 32, 33, 200, 1000, 20_000))
    return random.choice(
        (
            b"u\x01" * depth + b"~",
            b"v\x01\x01k" * depth + b"~",
            b"u\x01v\x01\x00" * depth + b"~",
            b"u\x02~" * depth + b"~",
            b"u" + write_varuint(2**40) + b"~",
            b"v" + write_varuint(2**64 - 1) + b"~",
            b"w" + write_varuint(2**31) + b"x",
            b"t" + write_varuint(2**32) + b"x",
            b"t\x03\x00\xff\x01",
            b"v\x02\x01kx\x01kx",
            b"v\x01\x03\xed\xa0\x80x",
            b"w\x03\xed\xa0\x80",
            b"z" + pack(">q", 2**63 - 1),
            b"z" + pack(">q", 5),
            b"\x7f",
            b"}\x40",
            b"}\x80\x00",
            b"}\x85\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01",
            b"}\xc1\x01",
            bytes((random.randrange(256),)),
            b"u" + write_varuint(50_000) + b"u\x00" * 50_000,
            b"w" + text(b"x" * random.choice((127, 128, 128 << 10, 200 << 10))),
            *_NUMBERS,
        )
    )
