"""A row that its device made, and that went out of sight before the feed had told of it."""

from uuid import UUID

import pytest

from crdt.messages import Key

from .authority import MODEL, Authority
from .phone import Phone


@pytest.fixture
def authority() -> Authority:
    return Authority()


def acked_and_unheard_of(authority: Authority) -> tuple[Phone, UUID]:
    """A phone whose new row is durable, and that lost the connection before the feed told it so."""
    phone = Phone(authority, 101)
    phone.sync()
    row = phone.replica.create(MODEL, {"title": "mine"})
    phone.send()
    assert phone.line is not None
    phone.line.outbox[:] = [each for each in phone.line.outbox if type(each).__name__ == "Ack"]
    phone.receive()
    assert phone.replica.pending == 0
    phone.cut()
    return phone, row


def test_it_goes_when_the_feed_tells_that_it_left(authority: Authority) -> None:
    phone, row = acked_and_unheard_of(authority)
    authority.move(Key(MODEL, row), "all", None)
    phone.restart()
    authority.documents.pop(Key(MODEL, row))
    phone.sync()
    assert phone.rows() == {}


def test_it_goes_when_its_scope_is_lost(authority: Authority) -> None:
    phone, row = acked_and_unheard_of(authority)
    authority.documents.pop(Key(MODEL, row))
    authority.feed["all"].pop(Key(MODEL, row))
    phone.sync()
    assert phone.rows() == {}


def test_it_stays_where_it_is_still_seen(authority: Authority) -> None:
    phone, row = acked_and_unheard_of(authority)
    phone.restart()
    phone.sync()
    assert phone.rows().keys() == {row}


def test_it_is_pushed_again_to_a_server_that_was_restored_from_before(authority: Authority) -> None:
    phone, row = acked_and_unheard_of(authority)
    authority.restore({}, "e2")
    phone.sync()
    assert phone.rows().keys() == {row}
    assert Key(MODEL, row) in authority.documents
