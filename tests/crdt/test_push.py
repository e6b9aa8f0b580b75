"""Honest pushes are read for what they are; each law of the reader refuses what breaks it.

Single hazards are in `test_reader_hazards` and `test_reader_bounds`, random ones in `tests/fuzz`.
"""

from typing import Any

import pytest
from pycrdt import Doc, Text

from crdt.entry import Dot
from crdt.errors import Gap, Malformed, TooLarge
from crdt.push import Limits, read_push
from crdt.state import State, read_state
from crdt.update import write_update
from crdt.vector import VectorClock

ME, OTHER = 7, 5


def raw(field: str, stamp: int, value: Any = "x", *replaces: Dot) -> list[Any]:
    entry: list[Any] = [field, stamp, value]
    return [*entry, [list(dot) for dot in replaces]] if replaces else entry


class Phone:
    """A client's document, and what the server knows of it."""

    def __init__(self, known: bytes = b"") -> None:
        self.known = known
        self.doc: Doc[Any] = Doc(client_id=ME)
        if known:
            self.doc.apply_update(known)
        self.text = self.doc.get("tnotes", type=Text)

    @property
    def state(self) -> State:
        return read_state(self.doc.get_update())

    def append(self, *raws: list[Any]) -> None:
        state = self.state
        clock, last = state.vector.get(ME, 0), state.last_entry.get(ME)
        self.doc.apply_update(write_update(ME, clock, last, raws, {}))

    def delete(self, *dots: Dot) -> None:
        for dot in dots:
            self.doc.apply_update(write_update(0, 0, None, [], {dot.replica: [(dot.clock, 1)]}))

    def difference(self, clock: int | None = None) -> bytes:
        """Its own section from what the server knows, or from `clock`, on."""
        seen = dict(self.state.vector)
        seen[ME] = read_state(self.known).vector.get(ME, 0) if clock is None else clock
        return self.doc.get_update(VectorClock(seen).to_bytes())


@pytest.fixture
def known() -> bytes:
    """Somebody else's entry and text, and an entry of ours."""
    doc: Doc[Any] = Doc(client_id=OTHER)
    doc.apply_update(write_update(OTHER, 0, None, [raw("title", 1)], {}))
    doc.get("tnotes", type=Text).insert(0, "aé😀b")
    doc.apply_update(write_update(ME, 0, None, [raw("title", 2)], {}))
    return doc.get_update()


def test_entries_alone() -> None:
    phone = Phone()
    phone.append(raw("title", 1, "Milk"), raw("done", 2, False))
    push = read_push(phone.difference(), ME, read_state(b""))
    assert [(e.dot, e.field, e.value) for e in push.entries] == [
        ((ME, 0), "title", "Milk"),
        ((ME, 1), "done", False),
    ]
    assert (push.replica, push.first, push.next, push.known) == (ME, 0, 2, False)
    assert (push.text_fields, push.deletes) == (frozenset(), {})
    assert push.data == phone.difference()


def test_entries_after_known_ones(known: bytes) -> None:
    phone = Phone(known)
    phone.append(raw("title", 3, "y", Dot(OTHER, 0), Dot(ME, 0)))
    push = read_push(phone.difference(), ME, read_state(known))
    assert [(e.dot, e.replaces) for e in push.entries] == [((ME, 1), ((OTHER, 0), (ME, 0)))]


def test_characters_between_entries_and_deletions_of_others(known: bytes) -> None:
    phone = Phone(known)
    phone.append(raw("title", 3))
    phone.text.insert(3, "ü😀")
    phone.append(raw("notes", 4, None))
    del phone.text[0:1]
    phone.doc.get("tbody", type=Text).insert(0, "new")
    push = read_push(phone.difference(), ME, read_state(known))
    assert [e.dot.clock for e in push.entries] == [1, 5]
    assert push.next == 9
    assert push.text_fields == {"notes", "body"}
    assert push.deletes == {OTHER: [(1, 1)]}


def test_deleting_characters_alone_touches_their_text(known: bytes) -> None:
    phone = Phone(known)
    phone.append(raw("notes", 4, None))
    del phone.text[3:7]
    push = read_push(phone.difference(), ME, read_state(known))
    assert push.text_fields == {"notes"}
    assert push.deletes == {OTHER: [(3, 2)]}


def test_what_was_withdrawn_before_it_was_sent(known: bytes) -> None:
    phone = Phone(known)
    phone.append(raw("title", 3), raw("title", 4), raw("title", 5))
    phone.text.insert(0, "gone")
    phone.delete(Dot(ME, 1), Dot(ME, 3))
    del phone.text[1:3]
    push = read_push(phone.difference(), ME, read_state(known))
    assert [e.dot.clock for e in push.entries] == [2]
    assert push.next == 8


def test_everything_withdrawn(known: bytes) -> None:
    phone = Phone(known)
    phone.append(raw("title", 3))
    phone.delete(Dot(ME, 1))
    push = read_push(phone.difference(), ME, read_state(known))
    assert (push.entries, push.first, push.next) == ((), 1, 2)


def test_deletions_that_the_server_made_may_be_named_again(known: bytes) -> None:
    doc: Doc[Any] = Doc()
    doc.apply_update(known)
    doc.apply_update(write_update(0, 0, None, [], {OTHER: [(0, 1), (3, 2)], ME: [(0, 1)]}))
    phone = Phone(doc.get_update())
    phone.append(raw("title", 5))
    push = read_push(phone.difference(), ME, read_state(phone.known))
    assert push.deletes == {OTHER: [(0, 1), (3, 2)], ME: [(0, 1)]}
    assert push.text_fields == frozenset()


def test_a_push_that_is_known_wholly_is_no_error(known: bytes) -> None:
    phone = Phone(known)
    phone.append(raw("title", 3))
    data = phone.difference()
    after = read_state(phone.doc.get_update())
    push = read_push(data, ME, after)
    assert (push.known, push.first, push.next) == (True, 1, 2)


@pytest.mark.parametrize("clock", [0, 2])
def test_a_push_that_starts_elsewhere_is_to_be_sent_again(known: bytes, clock: int) -> None:
    phone = Phone(known)
    phone.append(raw("title", 3))
    phone.append(raw("title", 4))
    with pytest.raises(Gap) as gap:
        read_push(phone.difference(clock), ME, read_state(known))
    assert (gap.value.expected, gap.value.got) == (1, clock)


@pytest.mark.parametrize(("replica", "clock"), [(OTHER, 0), (ME, 0), (ME, 9), (9, 0)])
def test_entries_that_are_there_are_deleted_by_the_server_only(
    known: bytes, replica: int, clock: int
) -> None:
    data = write_update(ME, 1, 0, [raw("title", 3)], {replica: [(clock, 1)]})
    with pytest.raises(Malformed):
        read_push(data, ME, read_state(known))


def test_a_push_without_a_section_is_malformed(known: bytes) -> None:
    with pytest.raises(Malformed):
        read_push(write_update(0, 0, None, [], {OTHER: [(1, 1)]}), ME, read_state(known))


def test_an_entry_in_anothers_name_is_malformed(known: bytes) -> None:
    data = write_update(OTHER, 6, 0, [raw("title", 3)], {})
    with pytest.raises(Malformed):
        read_push(data, ME, read_state(known))


@pytest.mark.parametrize("origin", [None, 1, 2])
def test_an_entry_that_does_not_follow_its_own_is_malformed(
    known: bytes, origin: int | None
) -> None:
    with pytest.raises(Malformed):
        read_push(write_update(ME, 1, origin, [raw("title", 3)], {}), ME, read_state(known))


@pytest.mark.parametrize(
    ("limits", "reason"),
    [
        (Limits(update=30), "bytes"),
        (Limits(structs=1), "structs"),
        (Limits(value=10), "value"),
        (Limits(text=10), "characters"),
        (Limits(replaces=1), "dots"),
    ],
)
def test_a_bound_that_is_passed_is_named(known: bytes, limits: Limits, reason: str) -> None:
    phone = Phone(known)
    phone.append(raw("title", 3, "x" * 20, Dot(OTHER, 0), Dot(ME, 0)))
    phone.text.insert(0, "y" * 20)
    assert not read_push(phone.difference(), ME, read_state(known)).known
    with pytest.raises(TooLarge, match=reason):
        read_push(phone.difference(), ME, read_state(known), limits)
