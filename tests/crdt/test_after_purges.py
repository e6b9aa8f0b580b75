"""What was deleted, purged and then written to again: told apart from what the server lost."""

from uuid import UUID

import pytest

from crdt.document import Document
from crdt.events import Refused
from crdt.messages import Key
from crdt.rules import LastActionWins
from crdt.schema import Schema

from .authority import MODEL, SCHEMA, Authority
from .phone import Phone


@pytest.fixture
def authority() -> Authority:
    """Where edits bring rows back."""
    return Authority(schema=Schema(MODEL, SCHEMA.fields, LastActionWins()))


@pytest.fixture
def row(phone: Phone, other: Phone) -> UUID:
    """A row that both phones have; nobody is online."""
    row = phone.replica.create(MODEL, {"title": "Eggs"})
    phone.sync()
    other.sync()
    phone.cut()
    other.cut()
    return row


def refused(phone: Phone) -> list[str]:
    return [event.code for event in phone.events if isinstance(event, Refused)]


@pytest.mark.parametrize("wrote_before", [False, True])
def test_an_edit_of_a_row_whose_deletion_was_seen_and_is_forgotten_is_kept_aside(
    phone: Phone, other: Phone, row: UUID, wrote_before: bool
) -> None:
    """Its device is up to date, and knows that the row was deleted; not that this was purged."""
    editor, deleter = (phone, other) if wrote_before else (other, phone)
    editor.connect()
    editor.exchange()
    deleter.sync()
    deleter.replica.delete(MODEL, row)
    deleter.exchange()
    editor.replica.set(MODEL, row, done=True)
    while editor.receive():  # it hears of the deletion, and has not sent its edit
        pass
    assert row in editor.rows(), "the last action was the edit"
    editor.authority.purge("all")
    editor.exchange()
    assert refused(editor) == ["gone"]
    [kept] = editor.replica.reverted()
    assert kept.fields["done"].value is True
    for each in (phone, other):
        each.sync()
        assert each.replica.in_sync
        assert each.rows() == {}
    assert not editor.authority.documents


def test_a_row_purged_after_a_restore_is_not_brought_back_by_who_had_it_in_another_scope(
    phone: Phone, other: Phone
) -> None:
    authority = phone.authority
    authority.feed["team"] = {}
    backup = dict(authority.documents)
    row = phone.replica.create(MODEL, {"title": "Eggs"})
    for each in (phone, other, phone):
        each.sync()
    other.cut()
    authority.move(Key(MODEL, row), "all", "team")
    phone.exchange()
    phone.cut()
    authority.documents, authority.feed = backup, {"all": {}, "team": {}}
    authority.epoch, authority.server = "e2", 998
    other.replica.set(MODEL, row, done=True)
    other.sync()
    assert row in other.rows()
    other.replica.delete(MODEL, row)
    other.exchange()
    authority.purge("all")
    phone.sync()
    other.exchange()
    assert phone.rows() == other.rows() == {}
    assert not authority.documents
    [kept] = phone.replica.reverted()
    assert (kept.reason, kept.fields["title"].value) == ("gone", "Eggs"), "it is not lost"


@pytest.mark.parametrize("restarts", [False, True])
def test_an_edit_of_a_purged_row_that_a_listing_would_not_name_makes_no_row(
    phone: Phone, other: Phone, row: UUID, restarts: bool
) -> None:
    """The listing has passed what was purged when the edit is pushed, and has not ended.

    Its device never wrote to the row before, so that to the server it could be a new one.
    """
    authority, key = phone.authority, Key(MODEL, row)
    authority.page_rows = 1
    later = [phone.replica.create(MODEL, {"title": f"Row {n}"}) for n in range(3)]
    phone.replica.delete(MODEL, row)
    phone.sync()
    authority.purge("all")
    for each in later[:2]:
        phone.replica.set(MODEL, each, done=True)
    phone.exchange()
    other.connect()
    other.receive()
    other.send()
    while other.replica._shelf.standing.cursors["all"] < authority.purged["all"]:
        assert other.receive()
    assert row in other.rows(), "the listing has not ended"
    other.replica.add(MODEL, row, "votes", 3)
    if restarts:
        other.restart()
    other.sync()
    assert key not in authority.documents
    [kept] = other.replica.reverted()
    assert (kept.reason, kept.fields["votes"].value) == ("gone", 3)
    phone.exchange()
    assert other.rows() == phone.rows()
    assert other.rows().keys() == set(later)
    assert other.replica.in_sync


def test_an_edit_of_a_deleted_row_that_a_restore_has_lost_is_kept_aside(
    phone: Phone, other: Phone, row: UUID
) -> None:
    authority = phone.authority
    authority.schema = SCHEMA  # where a deletion wins
    phone.restart()
    other.restart()
    phone.sync()
    other.sync()
    other.replica.delete(MODEL, row)
    other.exchange()
    phone.replica.set(MODEL, row, done=True)
    while phone.receive():  # it hears of the deletion, and has not sent its edit
        pass
    phone.cut()
    other.cut()
    authority.documents, authority.feed, authority.epoch = {}, {"all": {}}, "e2"
    phone.sync()
    other.sync()
    assert phone.rows() == other.rows() == {}
    [kept] = phone.replica.reverted()
    assert kept.fields["done"].value is True


def test_an_edit_of_a_row_that_the_server_lost_makes_it_again(
    phone: Phone, other: Phone, row: UUID
) -> None:
    """Nobody deleted it, and nothing was purged."""
    phone.authority.documents.clear()
    phone.authority.feed = {"all": {}}
    phone.replica.set(MODEL, row, done=True)
    phone.sync()
    assert phone.replica.in_sync
    state = Document(phone.authority.documents[Key(MODEL, row)])
    assert SCHEMA.read(state).values["title"] == "Eggs"
