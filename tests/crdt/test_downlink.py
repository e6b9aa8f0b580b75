"""What comes down: changes, pages, scopes and epochs, in whatever order and however often."""

from uuid import UUID

import pytest

from crdt.document import Document
from crdt.errors import RemoteFault
from crdt.events import Changed, Removed, Synced
from crdt.frames import encode
from crdt.messages import Changes, Item, Key, Leave, Pull

from .authority import MODEL, Authority
from .phone import Phone


@pytest.fixture
def authority() -> Authority:
    return Authority()


@pytest.fixture
def phone(authority: Authority) -> Phone:
    return Phone(authority, 11)


@pytest.fixture
def other(authority: Authority) -> Phone:
    return Phone(authority, 12)


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
    phone.store.write = lambda changes: (writes.append(len(changes)), write(changes))[1]  # type: ignore
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


# Epochs


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


# Hostile servers


BROKEN = [
    b"\xff",
    b"\x00",
    b"\x01\x01\x05\x00\x07\x01",
    b"\x01\x01\x05\x00\x08\x01\x02e5\x01" + b"\x75\x01" * 40_000 + b"\x7e\x00",
]


@pytest.mark.parametrize("live", [True, False])
@pytest.mark.parametrize("data", BROKEN)
def test_a_page_with_one_bad_document_changes_nothing(
    phone: Phone, row: UUID, data: bytes, live: bool
) -> None:
    good = Item(MODEL, UUID(int=1), phone.authority.documents[Key(MODEL, row)])
    store = dict(phone.store.scan(""))
    page = Changes("all", 0, 99, live=live, items=(good, Item(MODEL, row, data)))
    with pytest.raises(RemoteFault):
        phone.replica.receive(encode(page))
    assert dict(phone.store.scan("")) == store
    assert set(phone.rows()) == {row}
    phone.sync()
    phone.replica.set(MODEL, row, title="Still works")
    phone.exchange()
    assert phone.replica.in_sync


def test_live_changes_without_a_scope_are_a_fault(phone: Phone, row: UUID) -> None:
    with pytest.raises(RemoteFault, match="scope"):
        phone.replica.receive(encode(Changes(None, 0, 0, live=True)))
