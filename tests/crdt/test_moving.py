"""Rows that move between scopes while their device is pushing to them."""

from uuid import UUID

import pytest

from crdt import frames
from crdt.messages import Key, Push

from .authority import MODEL
from .phone import Phone


@pytest.fixture
def row(phone: Phone, other: Phone) -> UUID:
    """A row that everybody knows; both phones are online."""
    row = phone.replica.create(MODEL, {"title": "Eggs", "notes": "naïve 😀"})
    phone.sync()
    other.sync()
    phone.exchange()
    return row


def test_an_edit_on_its_way_while_its_row_moves_is_on_its_own_device_too(
    phone: Phone, other: Phone, row: UUID
) -> None:
    """The row goes and comes before the ack: what came was read before the edit arrived."""
    phone.authority.move(Key(MODEL, row), "all", "club")
    phone.replica.set(MODEL, row, title="Milk")
    assert phone.send()
    for _ in range(3):
        phone.exchange()
        other.exchange()
    assert other.rows()[row]["title"] == "Milk"
    assert phone.rows() == other.rows()
    assert phone.documents() == other.documents()
    phone.reload()
    phone.replica.set(MODEL, row, title="Bread")
    phone.sync()
    other.exchange()
    assert other.rows()[row]["title"] == "Bread"


def test_an_edit_that_arrived_is_not_taken_for_lost_by_what_was_read_before_it(
    phone: Phone, other: Phone, row: UUID
) -> None:
    """The row went, and the connection broke before the ack; it comes back as it was before."""
    authority, key = phone.authority, Key(MODEL, row)
    before = authority.documents[key]
    authority.move(key, "all", "club")
    phone.replica.set(MODEL, row, title="Milk")
    phone.send()
    phone.receive()
    assert phone.rows() == {}
    after, authority.documents[key] = authority.documents[key], before
    phone.connect()
    phone.exchange()
    assert phone.rows()[row]["title"] == "Eggs"
    phone.cut()
    authority.documents[key] = after
    authority.write(key, "done", True)
    for _ in range(2):
        phone.sync()
        other.sync()
    assert phone.rows()[row]["title"] == "Milk"
    assert phone.rows() == other.rows()
    assert phone.documents() == other.documents()


def test_what_is_written_after_an_edit_that_was_taken_for_lost_and_arrived_is_taken_too(
    phone: Phone, other: Phone, row: UUID
) -> None:
    """It follows clocks that it holds for empty, and that the server has characters at."""
    authority, key = phone.authority, Key(MODEL, row)
    before = authority.documents[key]
    authority.move(key, "all", "club")
    for word in ("so ", "oh "):
        phone.replica.edit_text(MODEL, row, "notes", 0, 0, word)
    phone.send()
    phone.receive()
    after, authority.documents[key] = authority.documents[key], before
    phone.connect()
    phone.exchange()
    phone.replica.set(MODEL, row, title="Milk")
    phone.cut()
    authority.documents[key] = after
    for _ in range(2):
        phone.sync()
        other.sync()
    assert phone.replica.pending == 0
    assert phone.rows()[row]["title"] == "Milk"
    assert "so " in str(phone.rows()[row]["notes"])
    assert phone.rows() == other.rows()
    assert phone.documents() == other.documents()


@pytest.mark.parametrize("skew", [0, 60_000])
def test_an_edit_wins_over_one_that_was_made_before_under_a_fast_clock_and_taken_for_lost(
    phone: Phone, other: Phone, row: UUID, skew: int
) -> None:
    """Its device does not see the earlier one any more. The clock is right when the later one is
    made, or is put right after that.
    """
    authority, key = phone.authority, Key(MODEL, row)
    before = authority.documents[key]
    authority.move(key, "all", "club")
    phone.skew = 60_000
    phone.replica.set(MODEL, row, title="Milk")
    phone.send()
    phone.receive()
    assert phone.rows() == {}
    after, authority.documents[key] = authority.documents[key], before
    phone.skew = 0
    phone.connect()
    phone.exchange()
    phone.cut()
    phone.skew = skew
    phone.reload()
    phone.replica.set(MODEL, row, title="Bread")
    authority.documents[key] = after
    for _ in range(2):
        phone.sync()
        other.sync()
    assert phone.rows()[row]["title"] == "Bread"


@pytest.mark.parametrize("places", [(0, 0), (0, 7), (7, 0), (7, 7)])
def test_an_edit_that_was_taken_for_lost_may_arrive_while_what_was_written_after_it_is_on_its_way(
    phone: Phone, other: Phone, row: UUID, places: tuple[int, int]
) -> None:
    """The device hears of it before its push gets there, and can be started again then."""
    for place in places:
        phone.replica.edit_text(MODEL, row, "notes", place, 0, "so ")
    late = [frames.decode(frame) for frame in phone.replica.outgoing()]
    phone.authority.move(Key(MODEL, row), "all", "club")
    phone.exchange()
    phone.connect()
    phone.exchange()
    phone.replica.set(MODEL, row, title="Milk")
    assert phone.replica.outgoing(), "and it is slow"
    for push in late:
        assert isinstance(push, Push)
        phone.authority.push(phone.number, *push.items)
    phone.exchange()
    phone.reload()
    for _ in range(2):
        phone.sync()
        other.sync()
    assert phone.replica.pending == 0
    assert phone.rows()[row]["title"] == "Milk"
    assert str(phone.rows()[row]["notes"]).count("so ") == 2
    assert phone.rows() == other.rows()
    assert phone.documents() == other.documents()
