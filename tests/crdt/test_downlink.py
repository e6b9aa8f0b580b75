"""What comes down: changes, pages, scopes and epochs, in whatever order and however often."""

from collections.abc import Mapping
from uuid import UUID

import pytest

from crdt.document import Document
from crdt.errors import RemoteFault
from crdt.events import Changed, Failed, Removed, Synced
from crdt.frames import encode
from crdt.messages import Changes, Item, Key, Leave, Pull

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


def pulls(phone: Phone) -> list[Pull]:
    return [message for message in phone.sent if isinstance(message, Pull)]


def receive_all(phone: Phone) -> None:
    while phone.receive():
        pass


# Live changes


def test_a_live_change_is_applied_without_a_pull(phone: Phone, other: Phone, row: UUID) -> None:
    other.replica.set(MODEL, row, title="Milk")
    other.replica.edit_text(MODEL, row, "notes", 3, 0, "é")
    other.exchange()
    events = phone.exchange()
    assert Changed(MODEL, row, frozenset({"title", "notes"})) in events
    assert phone.rows() == other.rows()
    assert pulls(phone) == []


def test_a_lost_live_change_is_pulled_when_the_next_one_comes(
    phone: Phone, other: Phone, row: UUID
) -> None:
    other.replica.set(MODEL, row, title="Milk")
    other.exchange()
    assert phone.line is not None
    phone.line.outbox.clear()
    other.replica.add(MODEL, row, "votes", 1)
    other.exchange()
    phone.exchange()
    assert phone.rows() == other.rows()
    assert len(pulls(phone)) == 1


def test_a_lost_live_change_of_another_row_is_pulled_too(
    phone: Phone, other: Phone, row: UUID
) -> None:
    other.replica.set(MODEL, row, title="Milk")
    other.exchange()
    assert phone.line is not None
    phone.line.outbox.clear()
    other.replica.create(MODEL, {"title": "Bread"})
    other.exchange()
    phone.exchange()
    assert phone.rows() == other.rows()
    assert phone.rows()[row]["title"] == "Milk"


def test_a_lost_live_change_is_pulled_after_the_next_ping(
    phone: Phone, other: Phone, row: UUID
) -> None:
    other.replica.set(MODEL, row, title="Milk")
    other.exchange()
    assert phone.line is not None
    phone.line.outbox.clear()
    assert phone.rows()[row]["title"] == "Eggs"
    phone.line.take(phone.replica.ping())
    assert Synced() in phone.exchange()
    assert phone.rows()[row]["title"] == "Milk"


def test_a_live_message_may_only_say_that_the_head_moved(
    phone: Phone, other: Phone, row: UUID
) -> None:
    other.replica.set(MODEL, row, title="Milk")
    other.exchange()
    assert phone.line is not None
    (live,) = phone.line.outbox
    assert isinstance(live, Changes)
    phone.line.outbox[0] = Changes("all", live.start, live.end, more=True, live=True)
    phone.exchange()
    assert phone.rows()[row]["title"] == "Milk"
    assert len(pulls(phone)) == 1


def test_a_repeated_change_is_harmless(phone: Phone, other: Phone, row: UUID) -> None:
    other.replica.add(MODEL, row, "votes", 5)
    other.exchange()
    assert phone.line is not None
    (live,) = phone.line.outbox
    phone.line.outbox *= 3
    phone.exchange()
    assert phone.rows()[row]["votes"] == 5
    phone.replica.receive(encode(live))
    assert phone.rows() == other.rows()


def test_a_delta_that_builds_on_something_missing_fetches_the_document_whole(
    phone: Phone, other: Phone, row: UUID
) -> None:
    for title in ("Milk", "Bread"):
        other.replica.set(MODEL, row, title=title)
        other.exchange()
    assert phone.line is not None
    first, second = phone.line.outbox
    assert isinstance(first, Changes)
    assert isinstance(second, Changes)
    forged = Changes("all", first.start, second.end, live=True, items=second.items)
    phone.line.outbox = [forged]
    phone.receive()
    assert phone.rows()[row]["title"] == "Eggs"
    phone.restart()
    phone.sync()
    assert phone.rows() == other.rows()
    assert [Key(MODEL, row)] in [list(pull.documents) for pull in pulls(phone)]
    assert phone.replica.in_sync


# Pages


def fill(other: Phone, count: int) -> None:
    for number in range(count):
        other.replica.create(MODEL, {"title": f"Row {number}"})
    other.sync()


def test_many_rows_come_in_pages_each_written_at_once(phone: Phone, other: Phone) -> None:
    fill(other, 95)
    phone.authority.page_rows = 10
    writes: list[int] = []
    write = phone.store.write

    def counted(changes: Mapping[str, bytes | None]) -> None:
        writes.append(len(changes))
        write(changes)

    phone.store.write = counted  # type: ignore[method-assign]
    phone.sync()
    assert phone.rows() == other.rows()
    assert len(phone.rows()) == 95
    assert len([size for size in writes if size > 10]) == 10
    assert phone.replica.in_sync


def test_a_stream_of_pages_that_breaks_off_goes_on_at_the_cursor(
    phone: Phone, other: Phone
) -> None:
    fill(other, 95)
    phone.authority.page_rows = 10
    received: list[UUID] = []
    for _ in range(30):
        phone.connect()
        phone.receive()
        phone.send()
        for _ in range(3):
            line = phone.line
            assert line is not None
            if line.outbox and isinstance(line.outbox[0], Changes):
                received += [item.id for item in line.outbox[0].items]
            phone.receive()
        phone.restart()
    assert phone.rows() == other.rows()
    assert len(received) == len(set(received)) == 95


def test_edits_made_while_pages_come_are_kept(phone: Phone, other: Phone) -> None:
    fill(other, 30)
    phone.authority.page_rows = 5
    phone.connect()
    for _ in range(4):
        phone.send()
        phone.receive()
        for row in list(phone.rows())[:2]:
            phone.replica.add(MODEL, row, "votes", 1)
    expected = sum(int(str(row["votes"])) for row in phone.rows().values())
    assert expected > 0
    phone.exchange()
    other.exchange()
    assert phone.rows() == other.rows()
    assert sum(int(str(row["votes"])) for row in phone.rows().values()) == expected


def test_a_pull_that_is_never_answered_is_sent_again(phone: Phone, other: Phone) -> None:
    fill(other, 3)
    phone.connect()
    phone.receive()
    assert phone.line is not None
    assert len(phone.replica.outgoing()) == 1  # lost
    for _ in range(5):
        phone.line.take(phone.replica.ping())
        phone.exchange()
    assert phone.rows() == other.rows()


# Scopes


def test_a_row_that_leaves_is_removed(phone: Phone, row: UUID) -> None:
    phone.authority.move(Key(MODEL, row), "all", None)
    assert Removed(MODEL, row) in phone.exchange()
    assert phone.rows() == {}
    assert phone.replica.in_sync
    phone.restart()
    assert phone.rows() == {}


def test_a_leave_from_a_scope_that_does_not_hold_the_row_is_not_obeyed(
    phone: Phone, row: UUID
) -> None:
    phone.replica.receive(encode(Changes("else", 0, 5, live=True, leaves=(Key(MODEL, row),))))
    assert row in phone.rows()


def test_a_row_in_two_scopes_stays_until_both_are_gone(phone: Phone, row: UUID) -> None:
    item = Item(MODEL, row, phone.authority.documents[Key(MODEL, row)])
    phone.replica.receive(encode(Changes("team", 0, 5, live=True, items=(item,))))
    phone.replica.receive(encode(Leave("all")))
    assert row in phone.rows()
    phone.replica.receive(encode(Leave("team")))
    assert phone.rows() == {}


def test_a_row_that_leaves_keeps_pending_edits_aside(phone: Phone, row: UUID) -> None:
    phone.replica.set(MODEL, row, title="Mine")
    phone.replica.edit_text(MODEL, row, "notes", 0, 0, "é")
    phone.authority.move(Key(MODEL, row), "all", None)
    phone.receive()
    (kept,) = phone.replica.reverted()
    assert (kept.reason, kept.id, kept.fields["title"].value) == ("left", row, "Mine")
    assert kept.fields["notes"].value == "énaïve 😀"
    assert phone.replica.pending == 0
    phone.restart()
    assert phone.replica.reverted() == [kept]


@pytest.mark.parametrize("arrived", [True, False])
def test_a_row_that_comes_back_never_sees_a_clock_again(
    phone: Phone, other: Phone, row: UUID, arrived: bool
) -> None:
    key = Key(MODEL, row)
    phone.replica.set(MODEL, row, title="In flight")
    phone.replica.edit_text(MODEL, row, "notes", 0, 0, "é😀")
    if arrived:
        phone.send()
    else:
        phone.replica.outgoing()
    assert phone.line is not None
    phone.line.outbox.clear()
    phone.authority.move(key, "all", None)
    phone.receive()
    phone.authority.move(key, "gone", "all")
    phone.exchange()
    other.exchange()
    assert phone.rows() == other.rows()
    phone.replica.set(MODEL, row, done=True)
    phone.replica.edit_text(MODEL, row, "notes", 1, 0, "x")
    phone.connect()
    phone.exchange()
    other.exchange()
    assert phone.rows() == other.rows()
    assert phone.documents() == other.documents()
    assert (phone.rows()[row]["title"] == "In flight") is arrived
    assert phone.replica.in_sync


def test_a_lost_scope_takes_its_rows_along(phone: Phone, other: Phone, row: UUID) -> None:
    mine = phone.replica.create(MODEL, {"title": "never sent"})
    assert phone.line is not None
    phone.line.lose("all")
    events: list[object] = []
    phone.receive()
    events += phone.events
    assert Removed(MODEL, row) in events
    assert set(phone.rows()) == {mine}


def test_a_scope_lost_while_offline_takes_its_rows_along(phone: Phone, row: UUID) -> None:
    phone.cut()
    phone.authority.feed["other"] = phone.authority.feed.pop("all")
    phone.authority.feed["other"] = {}
    phone.authority.documents.clear()
    phone.sync()
    assert phone.rows() == {}
    assert phone.replica.in_sync


def test_a_head_behind_the_cursor_means_reading_again(phone: Phone, row: UUID) -> None:
    phone.cut()
    document = Document(phone.authority.documents[Key(MODEL, row)], phone.authority.server)
    document.append("stage", document.next_stamp(phone.authority.now), "new")
    phone.authority.documents[Key(MODEL, row)] = document.encode()
    phone.authority.feed["all"][Key(MODEL, row)] = (0, True)
    phone.authority.position = 0
    phone.authority.feed["all"][Key(MODEL, UUID(int=9))] = (1, False)
    phone.authority.feed["all"][Key(MODEL, row)] = (1, True)
    phone.replica._session._shelf.standing.cursors["all"] = 50
    phone.sync()
    assert phone.rows()[row]["stage"] == "new"


# Hostile servers

BROKEN = [
    b"\xff",
    b"\x00",
    b"\x01\x01\x05\x00\x07\x01",
    b"\x01\x01\x05\x00\x08\x01\x02e5\x01" + b"\x75\x01" * 40_000 + b"\x7e\x00",
]


@pytest.mark.parametrize("live", [True, False])
@pytest.mark.parametrize("data", BROKEN)
def test_of_a_page_with_one_bad_document_all_others_are_taken(
    phone: Phone, row: UUID, data: bytes, live: bool
) -> None:
    """It is broken on the server, from where it would come again and again."""
    other = UUID(int=1)
    before = phone.rows()[row]
    good = Item(MODEL, other, phone.authority.documents[Key(MODEL, row)])
    page = Changes("all", 0, 99, live=live, items=(Item(MODEL, row, data), good))
    phone.replica._session._shelf.standing.cursors["all"] = 0
    events = phone.replica.receive(encode(page))
    assert [event.code for event in events if isinstance(event, Failed)] == ["broken"] * (not live)
    assert phone.rows()[row] == before
    assert other in phone.rows()
    phone.sync()
    phone.replica.set(MODEL, row, title="Still works")
    phone.exchange()
    assert phone.replica.in_sync


def test_live_changes_without_a_scope_are_a_fault(phone: Phone, row: UUID) -> None:
    with pytest.raises(RemoteFault, match="scope"):
        phone.replica.receive(encode(Changes(None, 0, 0, live=True)))


def test_what_only_the_server_tidied_up_is_no_change(phone: Phone, row: UUID) -> None:
    phone.replica.set(MODEL, row, title="Milk")
    phone.replica.add(MODEL, row, "votes", 1)
    phone.exchange()
    phone.replica.add(MODEL, row, "votes", 1)
    assert not [event for event in phone.exchange() if isinstance(event, Changed)]


def test_a_row_is_removed_once(phone: Phone, other: Phone, row: UUID) -> None:
    other.replica.delete(MODEL, row)
    other.exchange()
    phone.authority.write(Key(MODEL, row), "stage", "x")
    events = phone.exchange()
    assert events.count(Removed(MODEL, row)) == 1
    assert not [event for event in events if isinstance(event, Changed)]


def test_a_store_restored_from_a_backup_uses_other_clocks_than_it_did(
    phone: Phone, other: Phone, row: UUID
) -> None:
    backup = phone.store.copy()
    phone.replica.set(MODEL, row, title="Before the restore")
    phone.exchange()
    phone.store = backup
    phone.cut()
    phone.replica = phone._build()
    phone.replica.set(MODEL, row, done=True)
    phone.replica.edit_text(MODEL, row, "notes", 0, 0, "é😀")
    phone.connect()
    phone.receive()
    assert phone.line is not None
    pull = Pull(9, {"all": 0})
    phone.line.outbox += phone.authority.pages(pull)
    phone.receive()
    phone.exchange()
    other.exchange()
    assert phone.rows() == other.rows()
    assert phone.rows()[row]["title"] == "Before the restore"
    assert phone.rows()[row]["done"] is True
    assert phone.rows()[row]["notes"] == "é😀naïve 😀"
    assert phone.documents() == other.documents()
