"""A row that its device made, and that went out of sight before the feed had told of it."""

from collections.abc import Iterator
from uuid import UUID

import pytest

from crdt import frames
from crdt.messages import Ack, Changes, Key, Message, Pull, Push, Resend

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


def test_an_edit_that_fits_only_a_document_its_device_may_not_see_is_kept_aside(
    authority: Authority,
) -> None:
    """The server has the row further than the device knows, wants it fetched first, and gives
    nothing: to push it once more may help, to go on does not.
    """
    phone = Phone(authority, 101)
    phone.sync()
    row = phone.replica.create(MODEL, {"title": "Eggs"})
    phone.exchange()
    phone.replica.set(MODEL, row, title="Milk", done=True)
    pushes = 0
    while outgoing := phone.replica.outgoing():
        for message in map(frames.decode, outgoing):
            pushes += isinstance(message, Push)
            for answer in further_and_hidden(message):
                phone.events += phone.replica.receive(frames.encode(answer))
        assert pushes < 5, "it is pushed for ever"
    assert (phone.rows(), phone.replica.pending) == ({}, 0)
    [kept] = phone.replica.reverted()
    assert kept.fields["title"].value == "Milk"


def test_what_was_acked_is_not_pushed_again_of_a_row_that_no_scope_holds(
    authority: Authority,
) -> None:
    """The server says that it knows nothing of it, since it is out of sight: it is there again
    before that is pushed, and what was added would count twice.
    """
    phone, row = acked_and_unheard_of(authority)
    phone.sync()
    phone.replica.add(MODEL, row, "votes", 5)
    phone.exchange()
    held = phone.replica._shelf.held(Key(MODEL, row))
    with phone.replica._shelf.changing():
        held.part("all")  # as where a complete listing names it no more
    phone.replica.add(MODEL, row, "votes", 3)
    for frame in phone.replica.outgoing():
        for answer in unknown_and_hidden(frames.decode(frame)):
            phone.replica.receive(frames.encode(answer))
    while pulls := phone.replica.outgoing():
        for message in map(frames.decode, pulls):
            assert isinstance(message, Pull), "it is pushed again"
            for answer in unknown_and_hidden(message):
                phone.replica.receive(frames.encode(answer))
    phone.cut()
    authority.write(Key(MODEL, row), "done", True)  # it is in sight again
    phone.sync()
    assert phone.rows()[row]["votes"] == 5
    [kept] = phone.replica.reverted()
    assert kept.fields["votes"].value == 3


def unknown_and_hidden(message: Message) -> Iterator[Message]:
    """What a server answers that shows nothing of the row."""
    if isinstance(message, Push):
        yield Ack(message.id, 1, {0: Resend(0)})
    else:
        yield from further_and_hidden(message)


def further_and_hidden(message: Message) -> Iterator[Message]:
    """What a server answers that knows half of what the device has to say of the row."""
    if isinstance(message, Push):
        yield Ack(message.id, 1, {0: Resend(2)})
        return
    assert isinstance(message, Pull)
    for scope, cursor in message.cursors.items():  # nothing new
        yield Changes(scope, cursor, cursor, pull=message.id)
    yield Changes(None, 0, 0, pull=message.id, leaves=message.documents)
