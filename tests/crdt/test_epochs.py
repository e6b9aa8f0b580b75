"""Epochs: a server that starts again from a backup gets what it lacks, and nothing twice."""

from uuid import UUID

import pytest

from crdt.events import Removed

from .authority import MODEL
from .phone import Phone


@pytest.fixture
def row(phone: Phone, other: Phone) -> UUID:
    """A row that everybody knows; both phones are online."""
    row = phone.replica.create(MODEL, {"title": "Eggs", "notes": "naïve 😀"})
    phone.sync()
    other.sync()
    phone.exchange()
    phone.sent.clear()
    return row


def fill(other: Phone, count: int) -> None:
    for number in range(count):
        other.replica.create(MODEL, {"title": f"Row {number}"})
    other.sync()


@pytest.mark.parametrize("restarts", [False, True])
def test_in_a_new_epoch_what_the_server_lacks_is_pushed_again(
    phone: Phone, other: Phone, row: UUID, restarts: bool
) -> None:
    backup = dict(phone.authority.documents)
    feed = {scope: dict(rows) for scope, rows in phone.authority.feed.items()}
    position = phone.authority.position
    phone.replica.edit_text(MODEL, row, "notes", 2, 2, "é😀")
    phone.replica.set(MODEL, row, title="After the backup")
    phone.exchange()
    late = phone.replica.create(MODEL, {"title": "Late", "notes": "😀"})
    phone.exchange()
    others = other.replica.create(MODEL, {"title": "Of the other"})
    other.exchange()
    other.replica.set(MODEL, row, done=True)
    other.exchange()
    phone.exchange()
    expected = phone.rows()
    assert set(expected) == {row, late, others}
    phone.replica.add(MODEL, row, "votes", 2)
    expected[row]["votes"] = 2
    authority = phone.authority
    authority.documents, authority.feed = backup, feed
    authority.position, authority.epoch, authority.server = position, "e2", 998
    for each in (phone, other, phone):
        each.connect()
        if restarts:
            each.receive()
            each.send()
            each.receive()
            each.restart()
        each.sync()
    for each in (phone, other):
        assert each.line is not None
        each.line.take(each.replica.ping())
        each.exchange()
        assert each.replica.in_sync
    assert phone.rows() == expected
    assert other.rows() == expected
    assert phone.documents() == other.documents()


def test_in_a_new_epoch_rows_of_others_that_are_gone_go(phone: Phone, other: Phone) -> None:
    fill(other, 3)
    phone.sync()
    assert len(phone.rows()) == 3
    phone.cut()
    phone.authority.documents.clear()
    phone.authority.feed = {"all": {}}
    phone.authority.epoch = "e2"
    events = phone.sync()
    assert len([event for event in events if isinstance(event, Removed)]) == 3
    assert phone.rows() == {}
    assert phone.replica.in_sync
    assert phone.pushes == []


def test_text_of_ours_beside_text_that_the_server_lost_is_written_again(
    phone: Phone, other: Phone, row: UUID
) -> None:
    backup = dict(phone.authority.documents)
    other.replica.edit_text(MODEL, row, "notes", 0, 0, "OTHERS ")
    other.exchange()
    phone.exchange()
    phone.replica.edit_text(MODEL, row, "notes", 3, 0, "é😀")
    phone.exchange()
    phone.authority.documents = backup
    phone.authority.epoch = "e2"
    phone.cut()
    other.cut()
    phone.sync()
    assert phone.replica.in_sync
    assert "é😀" in str(phone.rows()[row]["notes"])
    other.sync()
    phone.exchange()
    assert phone.rows() == other.rows()
    assert phone.documents() == other.documents()
    assert str(phone.rows()[row]["notes"]).count("é😀") == 1


@pytest.mark.parametrize("is_there", [False, True])
def test_what_was_acked_and_replaced_what_the_server_lost_is_pushed_again_with_what_waits(
    phone: Phone, other: Phone, row: UUID, is_there: bool
) -> None:
    backup = dict(phone.authority.documents) if is_there else {}
    other.replica.set(MODEL, row, title="Of the other")
    other.exchange()
    phone.exchange()
    phone.replica.set(MODEL, row, title="Mine")
    phone.exchange()
    phone.replica.add(MODEL, row, "votes", 2)
    phone.cut()
    other.cut()
    phone.authority.restore(backup, "e2")
    for each in (phone, other, phone):
        each.sync()
    assert phone.rows() == other.rows()
    assert (phone.rows()[row]["title"], phone.rows()[row]["votes"]) == ("Mine", 2)
