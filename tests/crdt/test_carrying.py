"""What is put into another state of the server's keeps its clocks, or is not put there at all."""

from uuid import UUID

import pytest

from crdt.carrying import carry_flight, carry_over
from crdt.document import Document
from crdt.messages import Key

from .authority import MODEL, Authority
from .phone import Phone, converged


def of_server(authority: Authority, row: UUID, replica: int) -> Document:
    return Document(authority.documents[Key(MODEL, row)], replica)


@pytest.fixture
def view(phone: Phone, row: UUID) -> Document:
    """The row as the phone sees it, with an edit of a number and one of a text on their way."""
    phone.cut()
    phone.replica.add(MODEL, row, "votes", 4)
    phone.replica.edit_text(MODEL, row, "notes", 0, 0, "so ")
    return Document(phone.states()[row], phone.number)


def test_what_the_server_lacks_is_put_into_its_state(
    phone: Phone, row: UUID, view: Document
) -> None:
    fresh = of_server(phone.authority, row, phone.number)
    assert carry_over(view, fresh, 0)
    assert fresh.vector == view.vector
    assert fresh.entries == view.entries
    assert fresh.text("notes") == view.text("notes")


def test_a_state_that_has_it_all_is_left_as_it_is(phone: Phone, row: UUID) -> None:
    fresh = of_server(phone.authority, row, phone.number)
    before = fresh.encode()
    assert carry_over(Document(before, phone.number), fresh, 0)
    assert fresh.encode() == before


def test_clocks_that_were_used_and_are_not_here_are_not_used_again(
    phone: Phone, row: UUID, view: Document
) -> None:
    fresh = of_server(phone.authority, row, phone.number)
    assert not carry_over(view, fresh, view.clock(phone.number) + 1)


def test_a_push_that_the_server_may_have_merged_keeps_its_bytes(
    phone: Phone, row: UUID, view: Document
) -> None:
    fresh = of_server(phone.authority, row, phone.number)
    known = fresh.clock(phone.number)
    data = view.own_diff(known)
    assert not carry_flight(fresh, [])
    assert carry_flight(fresh, [data])
    assert fresh.clock(phone.number) == view.clock(phone.number)
    assert not carry_flight(Document(fresh.encode(), phone.number), [data]), "it is there already"


def test_a_push_beside_text_that_a_rebuilding_lost_is_not_put_into_it(
    phone: Phone, row: UUID, view: Document
) -> None:
    known = of_server(phone.authority, row, phone.number).clock(phone.number)
    phone.authority.rebuild(Key(MODEL, row), counted=True)
    fresh = of_server(phone.authority, row, phone.number)
    before = fresh.encode()
    assert not carry_flight(fresh, [view.own_diff(known)])
    assert fresh.encode() == before


def test_a_restore_that_nobody_told_of_shows_where_clocks_come_again(
    phone: Phone, other: Phone
) -> None:
    authority = phone.authority
    row = phone.replica.create(MODEL, {"title": "Eggs", "notes": "Six."})
    phone.sync()
    other.sync()
    backup = dict(authority.documents)
    authority.write(Key(MODEL, row), "stage", "bought")
    phone.exchange()
    other.exchange()
    phone.replica.set(MODEL, row, title="Ten eggs")
    phone.exchange()
    authority.documents = backup
    authority.write(Key(MODEL, row), "stage", "sold out")
    assert converged(phone, other)
    assert phone.rows()[row]["stage"] == "sold out"
    assert (phone.rows()[row]["title"], phone.rows()[row]["notes"]) == ("Ten eggs", "Six.")
