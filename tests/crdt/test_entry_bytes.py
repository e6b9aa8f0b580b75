"""Entries are read as they were written, and anything else where one is due is refused."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crdt.entry import Dot, Entry
from crdt.entry_bytes import MAX_CLOCK, MAX_NAME, read_entries
from crdt.errors import Malformed
from crdt.lib0 import MAX_INTEGER, UNREADABLE, write_any, write_varuint
from fuzz.values import BAD_ENTRIES

DOTS = st.builds(Dot, st.integers(0, MAX_INTEGER), st.integers(0, MAX_CLOCK))
VALUES = st.none() | st.booleans() | st.integers(-MAX_INTEGER, MAX_INTEGER) | st.text()
ENTRIES = st.builds(
    Entry,
    st.just(Dot(7, 0)),
    st.text(min_size=1),
    st.integers(0, MAX_INTEGER),
    VALUES | st.lists(VALUES),
    st.lists(DOTS).map(tuple),
    st.none() | DOTS,
)


def read(raws: list[Any], most: int = 5) -> list[Entry]:
    body = b"".join(raw if isinstance(raw, bytes) else write_any(raw) for raw in raws)
    data = write_varuint(len(raws)) + body
    entries: dict[Dot, Entry] = {}
    clock, at = read_entries(data, 0, 7, 10, most, entries)
    assert (clock, at) == (10 + len(raws), len(data))
    assert list(entries) == [entry.dot for entry in entries.values()]
    return list(entries.values())


@given(st.lists(ENTRIES, min_size=1))
def test_entries_are_read_as_they_were_written(entries: list[Entry]) -> None:
    found = read([entry.raw() for entry in entries])
    expected = [entry._replace(dot=Dot(7, clock)) for clock, entry in enumerate(entries, start=10)]
    assert found == expected
    assert [type(entry.stamp) for entry in found] == [int] * len(found)


@pytest.mark.parametrize("field", ["t" * 127, "t" * 128, "é" * 100, "é" * MAX_NAME])
def test_long_names_and_values_are_read_too(field: str) -> None:
    assert read([[field, 1, field]]) == [Entry(Dot(7, 10), field, 1, field)]


def test_a_stamp_may_be_spelled_in_any_way_that_yjs_has() -> None:
    five = (b"}\x05", b"|\x40\xa0\x00\x00", b"{\x40\x14\x00\x00\x00\x00\x00\x00")
    spelled = [b"u\x03w\x01t" + stamp + b"~" for stamp in five]
    assert [entry.stamp for entry in read(spelled)] == [5, 5, 5]


def test_only_the_server_writes_an_entry_that_stands_for_another() -> None:
    raw = ["title", 1, "x", [], [5, 1]]
    assert read([raw])[0].stands_for == Dot(5, 1)
    with pytest.raises(Malformed):
        read([raw], most=4)


@pytest.mark.parametrize("raw", BAD_ENTRIES, ids=lambda raw: repr(raw)[:40])
def test_what_is_no_entry_is_malformed(raw: Any) -> None:
    for raws in ([raw], [["title", 1, "x"], raw], [raw, ["title", 1, "x"]]):
        with pytest.raises((Malformed, *UNREADABLE)):
            read(raws)


def test_no_entries_at_all_are_malformed() -> None:
    with pytest.raises(Malformed, match="no entries"):
        read([])
