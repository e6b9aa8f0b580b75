"""How a struct begins, and how many clocks it takes, is read exactly; the rest is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crdt.errors import Malformed
from crdt.lib0 import UNREADABLE, write_text, write_varuint
from crdt.structs import (
    ANY,
    DELETED,
    STRING,
    Place,
    read_length,
    read_place,
    spelling,
    utf16_units,
)
from crdt.text import utf16_length
from crdt.update import write_update
from fuzz.loose import Struct

IDS = st.tuples(st.integers(0, 2**53 - 1), st.integers(0, 2**32 - 1))


@given(st.sampled_from([ANY, DELETED, STRING]), st.none() | IDS, st.none() | IDS, st.text())
def test_a_place_is_read_as_it_was_written(
    content: int, origin: tuple[int, int] | None, right: tuple[int, int] | None, root: str
) -> None:
    data = Struct(content, b"", origin, right, root=root.encode()).write()
    in_root = root if origin is None and right is None else None
    assert read_place(data, 0) == (content, Place(in_root, origin, right), len(data))


@pytest.mark.parametrize("content", [0, 2, 3, 5, 6, 7, 9, 10, 11, 31])
@pytest.mark.parametrize("bits", [0, 0x40, 0x80, 0xC0])
def test_other_contents_are_refused(content: int, bits: int) -> None:
    with pytest.raises(Malformed):
        read_place(bytes((content | bits,)) + b"\x05\x01\x05\x02\x01", 0)


def test_keys_of_maps_and_nested_types_are_refused() -> None:
    for struct in (
        Struct(ANY, b"\x01~", root=b"e5", key=b"k"),
        Struct(STRING, b"\x01x", origin=(5, 0), key=b"k"),
        Struct(STRING, b"\x01x", parent=(5, 0)),
    ):
        with pytest.raises(Malformed):
            read_place(struct.write(), 0)


@given(st.text(min_size=1))
def test_a_text_takes_as_many_clocks_as_utf_16_units(text: str) -> None:
    data = write_text(text)
    assert read_length(data, 0, STRING) == (utf16_length(text), len(data))
    assert len(utf16_units(text)) == 2 * utf16_length(text)


@given(st.integers(1, 2**53 - 1))
def test_a_deleted_run_takes_as_many_clocks_as_it_says(length: int) -> None:
    data = write_varuint(length)
    assert read_length(data, 0, DELETED) == (length, len(data))


@pytest.mark.parametrize("content", [DELETED, STRING])
def test_what_takes_no_clock_is_refused(content: int) -> None:
    with pytest.raises(Malformed, match="empty"):
        read_length(b"\x00\x00", 0, content)


@pytest.mark.parametrize("data", [b"\x03ab", b"\x02\xf0\x9f", b"\x03\xed\xa0\x80"])
def test_a_text_that_is_cut_or_no_text_is_refused(data: bytes) -> None:
    with pytest.raises((Malformed, *UNREADABLE)):
        read_length(data, 0, STRING)


@pytest.mark.parametrize("replica", [0, 127, 128, 2**53 - 1])
def test_own_entries_begin_as_the_spelling_says(replica: int) -> None:
    own = spelling(replica)
    raw = ["title", 1, "x"]
    assert own.first in write_update(replica, 0, None, [raw], {})
    assert own.after + b"\x00\x01" in write_update(replica, 1, 0, [raw], {})
    assert own.after.endswith(own.number)
