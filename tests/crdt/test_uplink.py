"""Pushes and what becomes of them: nothing is lost, whatever the server answers."""

from uuid import UUID

import pytest

from crdt.errors import RemoteFault
from crdt.events import Failed, Synced
from crdt.frames import decode, encode
from crdt.messages import Ack, Confirm, Fault, Key, Limits, Push, Resend
from crdt.update import read_state

from .authority import MODEL
from .phone import Phone, converged

# Acks


def test_an_acked_edit_is_no_longer_pending(phone: Phone) -> None:
    row = phone.replica.create(MODEL, {"title": "Eggs"})
    assert phone.replica.pending == 1
    assert Synced() in phone.sync()
    assert phone.replica.pending == 0
    assert phone.replica.in_sync
    assert Key(MODEL, row) in phone.authority.documents


def test_a_push_whose_ack_was_lost_is_repeated_byte_for_byte(phone: Phone, row: UUID) -> None:
    phone.replica.set(MODEL, row, title="Milk")
    phone.send()
    phone.cut()
    phone.replica.set(MODEL, row, title="Bread", done=True)
    phone.restart()
    phone.sync()
    first, again, newer = phone.pushes
    assert again.items == first.items
    assert newer.items != first.items
    assert phone.rows()[row]["title"] == "Bread"
    assert phone.replica.in_sync


def test_a_push_that_never_arrived_is_repeated(phone: Phone, row: UUID) -> None:
    phone.replica.set(MODEL, row, title="Milk")
    lost = phone.replica.outgoing()
    assert len(lost) == 1
    phone.restart()
    phone.sync()
    assert encode(phone.pushes[0]).endswith(lost[0][-20:])
    assert phone.rows()[row]["title"] == "Milk"
    assert phone.replica.in_sync


def test_one_push_of_a_document_is_in_flight_at_a_time(phone: Phone, row: UUID) -> None:
    phone.replica.set(MODEL, row, title="Milk")
    phone.send()
    phone.replica.set(MODEL, row, title="Bread")
    assert phone.replica.outgoing() == []
    phone.exchange()
    assert len(phone.pushes) == 2
    assert phone.replica.in_sync


def test_a_push_holds_no_more_rows_and_bytes_than_the_server_takes(phone: Phone) -> None:
    phone.authority.limits = Limits(frame=20_000, rows=7, structs=1_000)
    for number in range(40):
        phone.replica.create(MODEL, {"title": "x" * (number * 40)})
    phone.sync()
    assert all(len(push.items) <= 7 and len(encode(push)) <= 20_000 for push in phone.pushes)
    assert sum(len(push.items) for push in phone.pushes) == 40
    assert phone.replica.in_sync


def test_rows_are_pushed_in_the_order_they_were_edited(phone: Phone) -> None:
    rows = [phone.replica.create(MODEL, {"title": str(number)}) for number in range(20)]
    phone.restart()
    phone.sync()
    assert [item.id for push in phone.pushes for item in push.items] == rows


def test_an_edit_too_large_to_send_stays_and_stops_nobody(phone: Phone) -> None:
    phone.authority.limits = Limits(frame=5_000, rows=500, structs=1_000)
    large = phone.replica.create(MODEL, {"title": "x" * 9_000})
    small = phone.replica.create(MODEL, {"title": "y"})
    events = phone.sync()
    assert [event.code for event in events if isinstance(event, Failed)] == ["too_large"]
    assert phone.replica.pending == 1
    assert Key(MODEL, small) in phone.authority.documents
    assert phone.rows()[large]["title"] == "x" * 9_000


def test_a_large_text_is_pushed_in_parts_and_in_order(
    phone: Phone, other: Phone, row: UUID
) -> None:
    phone.cut()
    phone.authority.limits = Limits(frame=1 << 20, rows=500, structs=50)
    for number in range(300):
        text = str(phone.rows()[row]["notes"])
        index = number * 7 % len(text)
        phone.replica.edit_text(MODEL, row, "notes", index, number % 3 // 2, "é😀"[number % 2])
    expected = phone.rows()
    phone.sync()
    assert len(phone.pushes) > 3
    assert phone.rows() == expected
    assert converged(phone, other)


def test_parts_survive_a_cut_between_them(phone: Phone, other: Phone, row: UUID) -> None:
    phone.cut()
    phone.authority.limits = Limits(frame=1 << 20, rows=500, structs=20)
    for number in range(200):
        phone.replica.edit_text(MODEL, row, "notes", number * 5 % 7, 0, "é😀"[number % 2])
    expected = phone.rows()
    for number in range(30):
        phone.connect()
        phone.receive()
        phone.send()
        if number % 2:
            phone.exchange() if number > 20 else phone.receive()
        phone.restart()
    assert converged(phone, other)
    assert phone.rows() == expected


# Resends


def test_a_server_that_lost_the_row_gets_all_of_it_again(
    phone: Phone, other: Phone, row: UUID
) -> None:
    phone.replica.edit_text(MODEL, row, "notes", 2, 1, "😀")
    phone.replica.add(MODEL, row, "votes", 4)
    phone.exchange()
    expected = phone.rows()
    phone.authority.documents.clear()
    phone.authority.feed["all"].clear()
    phone.replica.set(MODEL, row, done=True)
    phone.exchange()
    expected[row]["done"] = True
    assert phone.rows() == expected
    assert converged(phone, other)
    assert other.rows() == expected


@pytest.mark.parametrize("restarts", [False, True])
def test_a_server_restored_from_a_backup_gets_what_it_lacks(
    phone: Phone, other: Phone, row: UUID, restarts: bool
) -> None:
    backup = dict(phone.authority.documents)
    for number in range(3):
        phone.replica.edit_text(MODEL, row, "notes", 2, 2, "é😀")
        phone.replica.set(MODEL, row, title=f"Title {number}")
        phone.exchange()
    phone.replica.add(MODEL, row, "votes", 3)
    phone.exchange()
    expected = phone.rows()
    phone.authority.documents = backup
    phone.replica.set(MODEL, row, done=True)
    phone.replica.edit_text(MODEL, row, "notes", 0, 1, "")
    expected[row]["done"] = True
    expected[row]["notes"] = str(expected[row]["notes"])[1:]
    phone.send()
    phone.receive()
    if restarts:
        phone.restart()
    phone.sync()
    assert phone.rows() == expected
    assert converged(phone, other)


def test_a_resend_of_what_the_server_knows_already_moves_on(phone: Phone, row: UUID) -> None:
    """The server took a part, but its ack was lost, and it forgot that it had taken it."""
    phone.replica.set(MODEL, row, title="Milk")
    phone.send()
    assert phone.line is not None
    clock = read_state(phone.pushes[-1].items[0].data).vector[phone.number]
    (index,) = [at for at, one in enumerate(phone.line.outbox) if isinstance(one, Ack)]
    ack = phone.line.outbox[index]
    assert isinstance(ack, Ack)
    phone.line.outbox[index] = Ack(ack.push, ack.count, {0: Resend(clock)})
    phone.exchange()
    assert phone.replica.in_sync
    assert phone.rows()[row]["title"] == "Milk"


def test_a_server_that_always_asks_again_is_not_asked_forever(phone: Phone, row: UUID) -> None:
    start = phone.documents()[row][0][phone.number]
    phone.authority.push = lambda replica, item: Resend(start)  # type: ignore[method-assign]
    phone.replica.set(MODEL, row, title="Milk")
    for _ in range(12):
        phone.send()
        phone.receive()
    assert phone.rows()[row]["title"] == "Milk"
    assert phone.replica.pending == 1


# Busy rows, and pushes that failed whole


def test_a_busy_row_is_tried_again_when_the_shell_says_so(phone: Phone) -> None:
    one = phone.replica.create(MODEL, {"title": "one"})
    two = phone.replica.create(MODEL, {"title": "two"})
    phone.authority.busy.add(Key(MODEL, one))
    phone.sync()
    assert Key(MODEL, two) in phone.authority.documents
    assert phone.replica.pending == 1
    first = phone.replica.retry_after or 0
    assert first > 0
    phone.replica.retry()
    assert not phone.replica.retry_after
    phone.exchange()
    assert (phone.replica.retry_after or 0) > first
    phone.authority.busy.clear()
    phone.replica.retry()
    phone.exchange()
    assert phone.replica.in_sync
    busy = [push.items for push in phone.pushes if push.items[0].id == one]
    assert len({push[0].data for push in busy}) == 1


def test_a_push_that_failed_whole_is_tried_again_later(phone: Phone, row: UUID) -> None:
    phone.replica.set(MODEL, row, title="Milk")
    assert phone.line is not None
    (frame,) = phone.replica.outgoing()
    assert b'"push"' in frame
    events = phone.replica.receive(encode(Fault("internal", "Sorry.", push=last_id(frame))))
    assert events == [Failed("internal", "Sorry.")]
    assert phone.replica.outgoing() == []
    assert phone.replica.retry_after is not None
    phone.replica.retry()
    phone.exchange()
    assert phone.replica.in_sync
    assert phone.rows()[row]["title"] == "Milk"


def last_id(frame: bytes) -> int:
    message = decode(frame)
    assert isinstance(message, Push)
    return message.id


def test_an_ack_of_no_push_is_a_fault_and_changes_nothing(phone: Phone, row: UUID) -> None:
    phone.replica.set(MODEL, row, title="Milk")
    phone.send()
    store = dict(phone.store.scan(""))
    for ack in (Ack(999, 1), Ack(phone.pushes[-1].id, 2)):
        with pytest.raises(RemoteFault):
            phone.replica.receive(encode(ack))
    assert dict(phone.store.scan("")) == store
    phone.sync()
    phone.exchange()
    assert phone.replica.in_sync


def test_an_ack_for_a_row_that_left_meanwhile_is_harmless(phone: Phone, row: UUID) -> None:
    phone.replica.set(MODEL, row, title="Milk")
    phone.send()
    assert phone.line is not None
    acks = [one for one in phone.line.outbox if isinstance(one, Ack)]
    phone.line.outbox.clear()
    phone.authority.move(Key(MODEL, row), "all", None)
    phone.line.outbox += acks
    phone.connect()
    phone.exchange()
    assert phone.rows() == {}
    assert phone.replica.pending == 0


def test_confirmations_are_sent_once_per_connection(phone: Phone, row: UUID) -> None:
    phone.authority.judge = lambda replica, entry: ("invalid", "No.")
    phone.replica.set(MODEL, row, title="Bad")
    phone.exchange()
    assert len([one for one in phone.sent if isinstance(one, Confirm)]) == 1
