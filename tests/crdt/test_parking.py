"""Rows that the server has and cannot let in yet: on their device alone, and marked."""

from uuid import UUID

import pytest

from crdt.events import Changed, MergedInto, Parked, Removed
from crdt.messages import Key, Outcome, ParkedRow, RevertedField

from .authority import MODEL, Authority
from .phone import Phone

TAKEN = ParkedRow("unique", "Taken.", {"title": RevertedField("Eggs", "unique", "Taken.")})


@pytest.fixture
def parked(phone: Phone, authority: Authority) -> Key:
    """A row that the server has parked, and the phone has been told so."""
    key = Key(MODEL, phone.replica.create(MODEL, {"title": "Eggs"}))
    authority.parked[key] = TAKEN
    phone.sync()
    return key


def is_marked(phone: Phone, key: Key) -> bool:
    row = phone.replica.get(*key)
    assert row is not None
    assert [each.parked is not None for each in phone.replica.all(MODEL) if each.id == key.id] == [
        row.parked is not None
    ]
    assert [each.id for each in phone.replica.parked()] == ([key.id] if row.parked else [])
    return row.parked is not None


def test_a_parked_row_stays_on_its_device_with_the_reason(phone: Phone, parked: Key) -> None:
    (told,) = [event for event in phone.events if isinstance(event, Parked)]
    assert (told.id, told.code, told.fields["title"].value) == (parked.id, "unique", "Eggs")
    assert is_marked(phone, parked)
    assert phone.replica.in_sync
    phone.restart()
    assert is_marked(phone, parked)
    assert phone.authority.outcomes[phone.number] == {}, "it was stored here, and confirmed"


def test_a_row_that_got_in_is_told_and_not_marked_any_more(phone: Phone, parked: Key) -> None:
    phone.authority.admit(parked)
    events = phone.sync()
    assert [event.id for event in events if isinstance(event, Changed)] == [parked.id]
    assert not is_marked(phone, parked)
    phone.restart()
    assert not is_marked(phone, parked)


@pytest.mark.parametrize("how", ["told", "away", "lost"])
def test_a_row_that_got_in_and_went_out_of_sight_before_that_was_told_goes(
    phone: Phone, parked: Key, how: str
) -> None:
    assert phone.line is not None
    if how == "told":
        phone.authority.admit(parked)
        phone.line.outbox.clear()
    else:
        phone.cut()
        phone.authority.admit(parked)
    phone.authority.move(parked, "all", None)
    phone.authority.documents.pop(parked)
    if how == "lost":
        del phone.authority.feed["all"]
    events = phone.sync()
    assert [event.id for event in events if isinstance(event, Removed)] == [parked.id]
    assert phone.replica.get(*parked) is None
    assert phone.replica.parked() == []


def test_a_parked_row_can_be_edited_and_gets_in_by_that(phone: Phone, parked: Key) -> None:
    phone.replica.set(*parked, title="Spam")
    phone.sync()
    assert is_marked(phone, parked), "the server says so again"
    del phone.authority.parked[parked]
    phone.authority._stamp("all", parked, present=True)
    phone.replica.set(*parked, title="Ham")
    phone.sync()
    assert not is_marked(phone, parked)


def test_a_reason_that_comes_before_the_ack_of_the_push_that_is_sent_again_stays(
    phone: Phone, authority: Authority
) -> None:
    key = Key(MODEL, phone.replica.create(MODEL, {"title": "Eggs"}))
    authority.parked[key] = TAKEN
    phone.sync()
    key = Key(MODEL, phone.replica.create(MODEL, {"title": "Ham"}))
    authority.parked[key] = TAKEN
    phone.send()
    phone.connect()
    assert phone.receive()
    assert phone.send(), "before the reason, which is on its way"
    phone.exchange()
    assert [event.id for event in phone.events if isinstance(event, Parked)][1:] == [key.id]
    assert key.id in {each.id for each in phone.replica.parked()}
    phone.restart()
    assert key.id in {each.id for each in phone.replica.parked()}


def test_a_parked_row_that_another_took_in_meanwhile_is_not_parked_any_more(
    phone: Phone, parked: Key, row: UUID
) -> None:
    into = ParkedRow("merged", "", {}, row)
    phone.authority.outcomes[phone.number][77] = Outcome(77, *parked, 1, {}, into)
    phone.cut()
    phone.sync()
    assert phone.replica.get(*parked) is None
    assert phone.replica.parked() == []


def test_a_reason_that_comes_after_the_row_got_in_marks_nothing(
    phone: Phone, authority: Authority
) -> None:
    key = Key(MODEL, phone.replica.create(MODEL, {"title": "Eggs"}))
    authority.parked[key] = TAKEN
    phone.connect()
    phone.exchange()
    outcome = next(iter(authority.outcomes[phone.number].values()), None)
    authority.admit(key)
    phone.sync()
    assert outcome is None, "confirmed"
    assert not is_marked(phone, key)


def test_a_parked_row_that_is_deleted_is_gone(phone: Phone, parked: Key) -> None:
    phone.replica.delete(*parked)
    del phone.authority.parked[parked]
    phone.authority._stamp("all", parked, present=True)
    phone.sync()
    assert phone.replica.get(*parked) is None
    assert phone.replica.parked() == []


def test_a_row_that_another_took_in_goes_with_what_was_edited_meanwhile(
    phone: Phone, row: UUID
) -> None:
    key = Key(MODEL, phone.replica.create(MODEL, {"title": "Eggs"}))
    phone.authority.parked[key] = ParkedRow("merged", "", {}, row)
    phone.send()
    phone.replica.set(*key, title="More eggs")
    phone.exchange()
    assert phone.replica.get(*key) is None
    told = [event for event in phone.events if isinstance(event, MergedInto)]
    assert [(event.id, event.into) for event in told] == [(key.id, row)]
    assert any(isinstance(event, Removed) and event.id == key.id for event in phone.events)
    assert phone.replica.in_sync
