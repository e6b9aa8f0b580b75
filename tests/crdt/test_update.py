"""Written updates are what pycrdt itself would write, and are integrated as they are meant."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pycrdt import Array, Doc

from crdt import update
from crdt.entry import Dot, Entry
from crdt.update import State, read_state, write_update

REPLICAS = st.integers(1, 2**53 - 1)
VALUES = st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text()
RAWS = st.lists(
    st.tuples(st.text(min_size=1), st.integers(0, 2**53 - 1), VALUES).map(list), min_size=1
)


def shown(doc: Doc[Any], replica: int) -> list[Any]:
    items: list[Any] = doc.get(f"e{replica:x}", type=Array).to_py() or []
    return items


@given(REPLICAS, RAWS)
def test_new_entries_are_written_byte_for_byte_as_pycrdt_writes_them(
    replica: int, raws: list[Any]
) -> None:
    data = write_update(replica, 0, None, raws, {})
    doc: Doc[Any] = Doc()
    doc.apply_update(data)
    assert doc.get_update() == data
    assert shown(doc, replica) == raws


@given(REPLICAS, RAWS, RAWS)
def test_later_entries_follow_and_become_one_run(
    replica: int, before: list[Any], after: list[Any]
) -> None:
    doc: Doc[Any] = Doc()
    doc.apply_update(write_update(replica, 0, None, before, {}))
    doc.apply_update(write_update(replica, len(before), len(before) - 1, after, {}))
    assert doc.get_update() == write_update(replica, 0, None, before + after, {})


@given(REPLICAS, RAWS, st.data())
def test_deletions_are_integrated(replica: int, raws: list[Any], data: st.DataObject) -> None:
    gone = data.draw(st.sets(st.integers(0, len(raws) - 1)))
    deletes = {replica: update.merge_ranges((clock, 1) for clock in gone)}
    doc: Doc[Any] = Doc()
    doc.apply_update(write_update(replica, 0, None, raws, {}))
    doc.apply_update(write_update(0, 0, None, [], deletes))
    left = [raw for clock, raw in enumerate(raws) if clock not in gone]
    assert shown(doc, replica) == left
    again: Doc[Any] = Doc()
    again.apply_update(write_update(replica, 0, None, raws, deletes))
    assert again.get_update() == doc.get_update()


def test_an_update_of_nothing_says_nothing() -> None:
    assert write_update(7, 5, 4, [], {}) == b"\x00\x00"
    assert write_update(7, 5, 4, [], {7: []}) == b"\x00\x00"


def test_deletions_are_written_in_order() -> None:
    data = write_update(0, 0, None, [], {9: [(0, 1)], 3: [(5, 2), (9, 1)]})
    assert data == bytes([0, 2, 3, 2, 5, 2, 9, 1, 9, 1, 0, 1])


def test_what_is_written_is_read() -> None:
    raw = ["title", 5, "x", [[3, 4]], [5, 6]]
    state = read_state(write_update(7, 3, 2, [raw], {9: [(0, 4)]}))
    entry = Entry(Dot(7, 3), "title", 5, "x", (Dot(3, 4),), Dot(5, 6))
    assert state.entries == {entry.dot: entry}
    assert entry.raw() == raw
    assert (state.vector, state.first, state.deleted) == ({7: 4}, {7: 3}, {9: [(0, 4)]})


def test_a_state_can_be_made_of_nothing() -> None:
    assert read_state(b"") == State(b"")


def test_what_the_module_offers_is_there() -> None:
    assert [name for name in update.__all__ if not hasattr(update, name)] == []


@pytest.mark.parametrize("edits", [100, 5_000])
def test_a_field_written_over_and_over_takes_no_room(edits: int) -> None:
    doc: Doc[Any] = Doc()
    for clock in range(edits):
        replaced = {7: [(clock - 1, 1)]} if clock else {}
        raw = ["title", 2**52 + clock, "x", [[7, clock - 1]]] if clock else ["title", 2**52, "x"]
        doc.apply_update(write_update(7, clock, clock - 1 if clock else None, [raw], replaced))
    data = doc.get_update()
    assert len(data) < 80
    assert list(read_state(data).entries) == [Dot(7, edits - 1)]
