"""Reverts and refusals: what did not stand is undone, told, and kept aside."""

from uuid import UUID

import pytest

from crdt.document import Document
from crdt.events import Refused, Removed, Reverted
from crdt.messages import Key

from .authority import MODEL
from .phone import Phone, converged

# Reverts


def test_a_revert_is_told_once_kept_aside_and_confirmed(phone: Phone, row: UUID) -> None:
    phone.authority.judge = lambda replica, entry: (
        ("invalid", "No.") if entry.value == "Bad" else None
    )
    phone.replica.set(MODEL, row, title="Bad", done=True)
    events = phone.exchange()
    (event,) = [event for event in events if isinstance(event, Reverted)]
    assert (event.id, event.fields["title"].value, event.fields["title"].code) == (
        row,
        "Bad",
        "invalid",
    )
    assert phone.rows()[row]["title"] == "Eggs"
    assert phone.rows()[row]["done"] is True
    (kept,) = phone.replica.reverted()
    assert (kept.reason, kept.id, kept.fields["title"].value) == ("reverted", row, "Bad")
    assert phone.authority.outcomes[phone.number] == {}
    assert phone.replica.in_sync
    phone.restart()
    assert phone.replica.reverted() == [kept]
    phone.replica.dismiss(kept.key)
    phone.restart()
    assert phone.replica.reverted() == []


def test_an_outcome_that_comes_again_is_confirmed_again_and_told_once(
    phone: Phone, row: UUID
) -> None:
    phone.authority.judge = lambda replica, entry: ("invalid", "No.")
    phone.replica.set(MODEL, row, title="Bad")
    phone.send()
    phone.cut()  # the ack with the revert is lost
    events = phone.sync()
    assert len([event for event in events if isinstance(event, Reverted)]) == 1
    assert len(phone.replica.reverted()) == 1
    assert phone.authority.outcomes[phone.number] == {}
    assert phone.replica.in_sync


def test_an_outcome_whose_confirmation_was_lost_is_confirmed_with_hello(
    phone: Phone, row: UUID
) -> None:
    phone.authority.judge = lambda replica, entry: ("invalid", "No.")
    phone.replica.set(MODEL, row, title="Bad")
    phone.send()
    while phone.receive():
        pass
    phone.restart()
    (kept,) = phone.replica.reverted()
    phone.replica.dismiss(kept.key)
    events = phone.sync()
    assert not [event for event in events if isinstance(event, Reverted)]
    assert phone.replica.reverted() == []
    assert phone.authority.outcomes[phone.number] == {}
    frame = phone.replica.connected()
    assert b'"outcomes":[]' in frame


# Refusals


def test_a_refused_create_is_withdrawn_and_kept_aside(phone: Phone) -> None:
    row = phone.replica.create(MODEL, {"title": "Eggs", "notes": "é😀"})
    phone.authority.refused.add(Key(MODEL, row))
    events = phone.sync()
    (refused,) = [event for event in events if isinstance(event, Refused)]
    assert (refused.id, refused.code) == (row, "forbidden")
    assert Removed(MODEL, row) in events
    assert phone.rows() == {}
    (kept,) = phone.replica.reverted()
    assert {name: one.value for name, one in kept.fields.items()} == {
        "title": "Eggs",
        "notes": "é😀",
    }
    assert phone.replica.in_sync
    phone.restart()
    phone.sync()
    assert phone.replica.in_sync
    assert len(phone.pushes) == 1


def test_a_refused_edit_is_undone_texts_included(phone: Phone, other: Phone, row: UUID) -> None:
    before = phone.rows()
    phone.replica.set(MODEL, row, title="Milk")
    phone.replica.edit_text(MODEL, row, "notes", 1, 4, "XX😀")
    phone.authority.refused.add(Key(MODEL, row))
    events = phone.exchange()
    assert [type(event) for event in events if isinstance(event, Refused)] == [Refused]
    assert phone.rows() == before
    assert phone.replica.pending == 0
    phone.authority.refused.clear()
    assert converged_rows(phone, other)
    phone.replica.edit_text(MODEL, row, "notes", 5, 1, "é")
    phone.replica.set(MODEL, row, title="Bread")
    assert converged(phone, other)
    assert other.rows()[row]["title"] == "Bread"
    assert other.rows()[row]["notes"] == "naïveé😀"


def converged_rows(*phones: Phone) -> bool:
    """Show the same rows, whatever their clocks."""
    for phone in phones:
        phone.sync()
    return all(phone.rows() == phones[0].rows() for phone in phones)


@pytest.mark.parametrize("restarts", [False, True])
def test_edits_made_after_a_refused_one_are_kept_and_pushed(
    phone: Phone, other: Phone, row: UUID, restarts: bool
) -> None:
    phone.authority.refused.add(Key(MODEL, row))
    phone.replica.set(MODEL, row, title="Refused")
    phone.replica.add(MODEL, row, "votes", 100)
    phone.replica.edit_text(MODEL, row, "notes", 0, 1, "REFUSED")
    phone.send()
    phone.replica.set(MODEL, row, done=True)
    phone.replica.add(MODEL, row, "votes", 1)
    phone.replica.edit_text(MODEL, row, "notes", 13, 0, "é😀")
    phone.receive()
    phone.authority.refused.clear()
    if restarts:
        phone.restart()
    phone.sync()
    values = phone.rows()[row]
    assert values["title"] == "Eggs"
    assert values["votes"] == 1
    assert values["done"] is True
    assert "REFUSED" not in str(values["notes"])
    assert "é😀" in str(values["notes"])
    assert converged(phone, other)


def test_a_write_on_top_of_a_refused_one_replaces_what_that_one_replaced(
    phone: Phone, row: UUID
) -> None:
    phone.authority.refused.add(Key(MODEL, row))
    phone.replica.set(MODEL, row, title="Refused")
    phone.send()
    phone.replica.set(MODEL, row, title="Newer")
    phone.receive()
    phone.authority.refused.clear()
    phone.exchange()
    (live,) = Document(phone.authority.documents[Key(MODEL, row)]).live("title")
    assert live.value == "Newer"
    assert phone.replica.in_sync


def test_the_clocks_of_a_refused_push_are_sent_as_nothing(phone: Phone, row: UUID) -> None:
    phone.authority.refused.add(Key(MODEL, row))
    phone.replica.set(MODEL, row, title="Secret")
    phone.exchange()
    phone.authority.refused.clear()
    phone.replica.set(MODEL, row, title="Public")
    phone.exchange()
    push = phone.pushes[-1].items[0].data
    assert b"Secret" not in push
    assert b"Public" in push
    assert phone.replica.in_sync


# Refusals of some fields


@pytest.mark.parametrize("restarts", [False, True])
@pytest.mark.parametrize("closed", ["notes", "title"])
def test_where_fields_are_to_blame_these_alone_are_withdrawn_and_the_rest_is_pushed_again(
    phone: Phone, other: Phone, row: UUID, restarts: bool, closed: str
) -> None:
    before = phone.rows()[row]
    phone.authority.closed.add(closed)
    phone.replica.set(MODEL, row, title="Blue", done=True)
    phone.replica.add(MODEL, row, "votes", 2)
    phone.replica.edit_text(MODEL, row, "notes", 0, 1, "BLUE")
    phone.send()
    phone.replica.add(MODEL, row, "votes", 1)
    phone.receive()
    if restarts:
        phone.restart()
    phone.sync()
    values = phone.rows()[row]
    assert (values["done"], values["votes"]) == (True, 3)
    assert values[closed] == before[closed]
    assert ("BLUE" in str(values["notes"]), values["title"] == "Blue") == (
        closed != "notes",
        closed != "title",
    )
    [event] = [event for event in phone.events if isinstance(event, Reverted)]
    assert {name: (it.code, it.message) for name, it in event.fields.items()} == {
        closed: ("denied", "No.")
    }
    [kept] = phone.replica.reverted()
    assert (kept.reason, kept.fields) == ("reverted", event.fields)
    assert "blue" in str(kept.fields[closed].value).lower()
    assert not [event for event in phone.events if isinstance(event, Refused)]
    assert converged(phone, other)


def test_what_is_edited_of_such_a_field_while_it_is_on_its_way_stays(
    phone: Phone, other: Phone, row: UUID
) -> None:
    phone.authority.closed.add("notes")
    phone.replica.edit_text(MODEL, row, "notes", 0, 1, "BLUE")
    phone.send()
    phone.replica.edit_text(MODEL, row, "notes", 9, 0, "é😀")
    phone.authority.closed.clear()
    phone.receive()
    phone.exchange()
    notes = str(phone.rows()[row]["notes"])
    assert ("BLUE" in notes, "é😀" in notes) == (False, True)
    assert converged(phone, other)


def test_a_new_row_of_which_a_field_is_to_blame_is_withdrawn_whole(phone: Phone) -> None:
    phone.authority.closed.add("title")
    row = phone.replica.create(MODEL, {"title": "Blue", "done": True})
    events = phone.sync()
    assert [event.code for event in events if isinstance(event, Refused)] == ["denied"]
    assert row not in phone.rows()
    [kept] = phone.replica.reverted()
    assert kept.fields["done"].value is True


def test_each_time_that_a_row_goes_out_of_sight_its_edits_are_kept(phone: Phone, row: UUID) -> None:
    """Those that were never sent have the same clocks each time."""
    key, titles = Key(MODEL, row), ("one", "two", "three")
    for title in titles:
        phone.replica.set(MODEL, row, title=title)
        phone.authority.move(key, "all", None)
        phone.receive()
        phone.authority.move(key, "team", "all")
        phone.sync()
    assert [kept.fields["title"].value for kept in phone.replica.reverted()] == list(titles)
    phone.replica.dismiss(phone.replica.reverted()[1].key)
    phone.restart()
    assert [kept.fields["title"].value for kept in phone.replica.reverted()] == ["one", "three"]
