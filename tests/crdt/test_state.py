"""What is read from bytes is what pycrdt shows after integrating them."""

import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pycrdt import Array, Doc, Text, merge_updates

from crdt.entry import Dot, entries_root
from crdt.errors import Malformed
from crdt.ranges import merge_ranges
from crdt.state import State, read_state
from crdt.update import write_update
from crdt.vector import VectorClock
from fuzz.loose import ANY, DELETED, STRING, Section, Struct, Update, text

REPLICAS = (3, 200, 2**53 - 1)
LETTERS = "abé😀\u0301水"


class History:
    """Random edits of three replicas: entries, texts, deletions, and what they exchange."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.docs: dict[int, Doc[Any]] = {replica: Doc(client_id=replica) for replica in REPLICAS}
        self.updates: list[bytes] = []

    def run(self, steps: int) -> None:
        for _ in range(steps):
            replica = self.random.choice(REPLICAS)
            self.random.choice((self.append, self.append, self.edit, self.delete, self.take))(
                replica
            )

    def append(self, replica: int) -> None:
        state = self.state(replica)
        raws = [
            ["title", self.random.getrandbits(53), self.random.choice((None, "é", 1.5, [1]))]
            for _ in range(self.random.randint(1, 3))
        ]
        clock = state.vector.get(replica, 0)
        self.apply(replica, write_update(replica, clock, state.last_entry.get(replica), raws, {}))

    def delete(self, replica: int) -> None:
        entries = list(self.state(replica).entries)
        gone = self.random.sample(entries, min(len(entries), self.random.randint(0, 3)))
        ranges: dict[int, list[tuple[int, int]]] = {}
        for dot in gone:
            ranges.setdefault(dot.replica, []).append((dot.clock, 1))
        merged = {other: merge_ranges(found) for other, found in ranges.items()}
        self.apply(replica, write_update(0, 0, None, [], merged))

    def edit(self, replica: int) -> None:
        doc = self.docs[replica]
        shared = doc.get("t" + self.random.choice(("notes", "body")), type=Text)
        value = str(shared)
        at = self.random.randint(0, len(value))
        end = min(len(value), at + self.random.randint(0, 2))
        before = doc.get_state()
        start, stop = (len(value[:place].encode()) for place in (at, end))
        if stop > start:
            del shared[start:stop]
        if self.random.random() < 0.7:
            shared.insert(start, "".join(self.random.choices(LETTERS, k=3)))
        self.updates.append(doc.get_update(before))

    def take(self, replica: int) -> None:
        other = self.docs[self.random.choice(REPLICAS)].get_update()
        self.docs[replica].apply_update(other)

    def apply(self, replica: int, update: bytes) -> None:
        self.docs[replica].apply_update(update)
        self.updates.append(update)

    def state(self, replica: int) -> State:
        return read_state(self.docs[replica].get_update())


def assert_told(state: State, doc: Doc[Any]) -> None:
    """`state` says what `doc` shows."""
    for replica in REPLICAS:
        shown = doc.get(entries_root(replica), type=Array).to_py() or []
        assert shown == [e.raw() for dot, e in state.entries.items() if dot.replica == replica]
    assert dict(VectorClock.from_bytes(doc.get_state())) == state.vector
    assert all(not first for first in state.first.values())
    for field in ("notes", "body"):
        if str(doc.get("t" + field, type=Text)):
            assert field in state.text_roots


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 40))
def test_random_histories_are_read_as_pycrdt_integrates_them(seed: int, steps: int) -> None:
    history = History(seed)
    history.run(steps)
    for doc in history.docs.values():
        assert_told(read_state(doc.get_update()), doc)
    whole: Doc[Any] = Doc()
    for update in history.updates:
        whole.apply_update(update)
    assert_told(read_state(whole.get_update()), whole)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 30))
def test_bytes_merged_without_integration_say_the_same(seed: int, steps: int) -> None:
    history = History(seed)
    history.run(steps)
    if not history.updates:
        return
    merged = read_state(merge_updates(*history.updates))
    whole: Doc[Any] = Doc()
    for update in history.updates:
        whole.apply_update(update)
    integrated = read_state(whole.get_update())
    assert merged.entries == integrated.entries
    assert merged.vector == integrated.vector
    assert merged.deleted == integrated.deleted
    assert merged.last_entry == integrated.last_entry
    assert merged.text_roots == integrated.text_roots


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 30), st.data())
def test_a_difference_tells_what_is_new(seed: int, steps: int, data: st.DataObject) -> None:
    history = History(seed)
    history.run(steps)
    doc = history.docs[REPLICAS[0]]
    whole = read_state(doc.get_update())
    dots = data.draw(st.lists(st.sampled_from(sorted(whole.entries)))) if whole.entries else []
    seen = {dot.replica: dot.clock for dot in dots}
    difference = read_state(doc.get_update(VectorClock(seen).to_bytes()))
    new = {dot: e for dot, e in whole.entries.items() if dot.clock >= seen.get(dot.replica, 0)}
    assert difference.entries == new
    assert difference.deleted == whole.deleted
    assert all(seen.get(replica, 0) == first for replica, first in difference.first.items())


def test_nothing_is_the_empty_document() -> None:
    state = read_state(b"")
    assert (state.vector, state.entries, state.deleted) == ({}, {}, {})
    assert read_state(b"\x00\x00").vector == {}


def test_the_last_entry_is_known_though_it_was_deleted() -> None:
    doc: Doc[Any] = Doc(client_id=7)
    doc.apply_update(write_update(7, 0, None, [["a", 1, 1], ["b", 2, 2]], {}))
    doc.get("tnotes", type=Text).insert(0, "text")
    doc.apply_update(write_update(0, 0, None, [], {7: [(0, 2)]}))
    del doc.get("tnotes", type=Text)[1:2]
    state = read_state(doc.get_update())
    assert state.last_entry == {7: 1}
    assert state.entries == {}
    doc.apply_update(write_update(7, state.vector[7], 1, [["a", 3, "back"]], {}))
    assert doc.get("e7", type=Array).to_py() == [["a", 3, "back"]]


def test_collected_clocks_are_counted() -> None:
    entries = Struct(ANY, b"\x01" + b"u\x03w\x01a}\x01~", root=b"e7")
    data = b"\x01\x02\x07\x00" + b"\x00\x05" + entries.write() + b"\x01\x07\x01\x00\x05"
    state = read_state(data)
    assert state.vector == {7: 6}
    assert list(state.entries) == [Dot(7, 5)]


def section(*structs: Struct, replica: int = 7, clock: int = 0) -> Section:
    return Section(replica, clock, list(structs))


ENTRY = b"\x01u\x03w\x01a}\x01~"
FIRST = Struct(ANY, ENTRY, root=b"e7")
NEXT = Struct(ANY, ENTRY, origin=(7, 0))


@pytest.mark.parametrize(
    "update",
    [
        Update([section()]),
        Update([section(FIRST), section(FIRST)]),
        Update([section(FIRST), section(Struct(ANY, ENTRY, root=b"e9"), replica=9)]),
        Update([section(Struct(ANY, ENTRY, root=b"e9"))]),
        Update([section(FIRST, FIRST)]),
        Update([section(NEXT)]),
        Update([section(FIRST, NEXT, NEXT)]),
        Update([section(FIRST, Struct(ANY, ENTRY, origin=(7, 0), right=(7, 0)))]),
        Update([section(FIRST, Struct(ANY, ENTRY, origin=(9, 0)))]),
        Update([section(Struct(DELETED, b"\x00", root=b"e7"))]),
        Update([section(Struct(DELETED, b"\x01", root=b"e9"))]),
        Update([section(Struct(STRING, text(b"x"), root=b"e7"))]),
        Update([section(Struct(STRING, text(b"x"), root=b"notes"))]),
        Update([section(Struct(10, b"\x05", root=b""))]),
        Update([section(FIRST, clock=2**32)]),
        Update([section(FIRST)], [(7, [])]),
        Update([section(FIRST)], [(7, [(0, 0)])]),
        Update([section(FIRST)], [(7, [(5, 1), (0, 1)])]),
        Update([section(FIRST)], [(7, [(0, 2), (1, 1)])]),
        Update([section(FIRST)], [(7, [(0, 1)]), (7, [(3, 1)])]),
        Update([section(FIRST)], [(7, [(0, 2**32)])]),
    ],
    ids=range(21),
)
def test_bytes_that_nobody_of_ours_wrote_are_malformed(update: Update) -> None:
    with pytest.raises(Malformed):
        read_state(update.write())


@pytest.mark.parametrize("data", [b"\x00", b"\x01", b"\x00\x00\x00", b"\xff" * 20, bytes(13)])
def test_what_is_no_update_is_malformed(data: bytes) -> None:
    with pytest.raises(Malformed):
        read_state(data)


def test_deletions_that_touch_are_one() -> None:
    data = Update([section(FIRST)], [(9, [(0, 2), (2, 3), (7, 1)])]).write()
    assert read_state(data).deleted == {9: [(0, 5), (7, 1)]}
    assert read_state(Update([section(FIRST)], [(7, [(0, 1)])]).write()).entries == {}
