"""lib0: every value has one spelling, and bytes that lie are refused without recursion."""

import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pycrdt import Array, Doc

from crdt.errors import LocalFault, Malformed
from crdt.lib0 import (
    MAX_DEPTH,
    MAX_INTEGER,
    UNREADABLE,
    Cursor,
    read_any,
    read_text,
    read_varuint,
    write_any,
    write_text,
    write_varuint,
)
from crdt.update import write_update

NUMBERS = st.integers(-MAX_INTEGER, MAX_INTEGER) | st.floats(
    allow_nan=False, allow_infinity=False
).filter(lambda number: not number.is_integer())
SCALARS = st.none() | st.booleans() | NUMBERS | st.text() | st.binary()
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=20
)


def nested(depth: int) -> bytes:
    return b"u\x01" * depth + b"~"


@given(st.integers(0, MAX_INTEGER))
def test_an_integer_comes_back_in_as_few_bytes_as_it_needs(number: int) -> None:
    data = write_varuint(number)
    assert read_varuint(data, 0) == (number, len(data))
    assert len(data) == max(1, -(-number.bit_length() // 7))


@pytest.mark.parametrize(
    "data",
    [
        b"\x80\x00",
        b"\x81\x00",
        b"\x80\x80\x00",
        write_varuint(MAX_INTEGER + 1),
        write_varuint(2**56),
        write_varuint(2**64 - 1),
        b"\xff" * 100,
    ],
)
def test_an_integer_that_is_longer_or_larger_than_it_may_be_is_malformed(data: bytes) -> None:
    with pytest.raises(Malformed):
        read_varuint(data, 0)


@given(VALUES)
def test_a_value_comes_back_as_it_was(value: Any) -> None:
    data = write_any(value)
    assert read_any(data + b"~", 0) == (value, len(data))


def test_a_whole_number_comes_back_as_an_integer() -> None:
    assert read_any(write_any(1.0), 0)[0].__class__ is int


@given(st.recursive(SCALARS, st.lists, max_leaves=20))
def test_values_are_spelled_as_pycrdt_spells_them(value: Any) -> None:
    """Maps apart, of which pycrdt does not keep the order."""
    update = write_update(7, 0, None, [["f", 1, value]], {})
    doc: Doc[Any] = Doc()
    doc.apply_update(update)
    assert doc.get_update() == update


@given(VALUES)
def test_pycrdt_reads_what_was_written(value: Any) -> None:
    doc: Doc[Any] = Doc()
    doc.apply_update(write_update(7, 0, None, [["f", 1, value]], {}))
    assert doc.get("e7", type=Array).to_py() == [["f", 1, value]]


@given(VALUES, st.data())
def test_a_value_cut_short_is_unreadable(value: Any, data: st.DataObject) -> None:
    written = write_any(value)
    size = data.draw(st.integers(0, len(written) - 1))
    with pytest.raises((Malformed, *UNREADABLE)):
        read_any(written[:size], 0)


@given(st.binary())
def test_whatever_the_bytes_reading_ends(data: bytes) -> None:
    try:
        _, at = read_any(data, 0)
    except (Malformed, *UNREADABLE):
        return
    assert at <= len(data)


def test_values_nest_as_deep_as_allowed_and_no_deeper() -> None:
    value, at = read_any(nested(MAX_DEPTH), 0)
    assert at == 2 * MAX_DEPTH + 1
    assert write_any(value) == nested(MAX_DEPTH)
    with pytest.raises(LocalFault):
        write_any([value])


@pytest.mark.parametrize("depth", [MAX_DEPTH + 1, 1_000, 20_000, 1_000_000])
@pytest.mark.parametrize("opening", [b"u\x01", b"v\x01\x01k", b"u\x02~"])
def test_deeper_values_are_malformed(depth: int, opening: bytes) -> None:
    with pytest.raises(Malformed, match="deeper"):
        read_any(opening * depth + b"~", 0)


@pytest.mark.parametrize(
    ("data", "value"),
    [
        (b"\x7d\x00", 0),
        (b"\x7d\x3f", 63),
        (b"\x7d\x7f", -63),
        (b"\x7d\x80\x01", 64),
        (b"\x7d\xc1\x01", -65),
        (b"\x7c" + struct.pack(">f", 0.5), 0.5),
        (b"\x7b" + struct.pack(">d", -0.0), 0),
        (b"\x7b" + struct.pack(">d", 2.0**53), 2.0**53),
        (b"\x74\x02\x00\xff", b"\x00\xff"),
    ],
)
def test_other_spellings_that_yjs_has_are_read(data: bytes, value: Any) -> None:
    read, at = read_any(data, 0)
    assert (read, type(read), at) == (value, type(value), len(data))


@pytest.mark.parametrize(
    "data",
    [
        b"\x7d\x40",  # minus zero
        b"\x7d\x80\x00",  # longer than needed
        b"\x7d\x80" + write_varuint(2**48),
        b"\x7a" + struct.pack(">q", 1),  # a big integer
        b"\x7f",  # undefined
        b"\x00",
        b"\x7b" + struct.pack(">d", float("nan")),
        b"\x7b" + struct.pack(">d", float("inf")),
        b"\x7c" + struct.pack(">f", float("-inf")),
        b"v\x02\x01k~\x01k~",  # one key twice
        b"w" + write_varuint(2**40) + b"x",
        b"w\x05abc",
        b"t\x05abc",
    ],
)
def test_values_that_nobody_of_ours_writes_are_malformed(data: bytes) -> None:
    with pytest.raises(Malformed):
        read_any(data, 0)


@pytest.mark.parametrize(
    "data", [b"\xff", b"\xc0\x80", b"\xed\xa0\x80", b"\xf0\x9f", b"\xf4\x90\x80\x80"]
)
def test_text_is_strict_utf_8(data: bytes) -> None:
    with pytest.raises(UnicodeDecodeError):
        read_text(write_varuint(len(data)) + data, 0)
    with pytest.raises(Malformed):
        Cursor(b"w" + write_varuint(len(data)) + data).any()


@pytest.mark.parametrize(
    "value",
    [
        float("nan"),
        float("inf"),
        2**53,
        -(2**53),
        2**63,
        10**5000,
        "\ud800",
        {1: "x"},
        {"\udfff": 1},
        object(),
        {1, 2},
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_no_reader_takes_is_not_written(value: Any) -> None:
    with pytest.raises(LocalFault):
        write_any([value])


def test_a_text_is_written_with_its_length_in_bytes() -> None:
    assert write_text("é😀") == b"\x06" + "é😀".encode()


def test_a_cursor_reads_on_and_says_what_is_missing() -> None:
    cursor = Cursor(b"\x02\x05~")
    assert (cursor.count(), cursor.varuint(), cursor.any()) == (2, 5, None)
    cursor.end()
    for read in (cursor.varuint, cursor.any, lambda: Cursor(b"\x03ab").count()):
        with pytest.raises(Malformed):
            read()
    with pytest.raises(Malformed, match="follow"):
        Cursor(b"x").end()
