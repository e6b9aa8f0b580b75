"""Devices that were away for longer than the server remembers deletions: nothing is lost to them,
and nothing that was purged comes back."""

from uuid import UUID

import pytest

from crdt.document import Document
from crdt.events import Changed, Kept, Refused, Removed, Resyncing, Synced
from crdt.messages import Changes, Key, Pull

from .authority import MODEL, Authority
from .phone import Phone


@pytest.fixture
def rows(phone: Phone, other: Phone) -> list[UUID]:
    """Rows that everybody knows; `phone` has gone offline since."""
    rows = [other.replica.create(MODEL, {"title": f"Row {n}", "notes": "é😀"}) for n in range(5)]
    other.sync()
    phone.sync()
    phone.cut()
    phone.sent.clear()
    return rows


def delete(other: Phone, *rows: UUID, purge: bool = True) -> None:
    """Delete rows, and have the server forget it."""
    for row in rows:
        other.replica.delete(MODEL, row)
    other.exchange()
    if purge:
        other.authority.purge("all")


def kept(phone: Phone) -> list[tuple[str, UUID, set[str]]]:
    return [(one.reason, one.id, set(one.fields)) for one in phone.replica.reverted()]


def agreed(*phones: Phone) -> bool:
    """Everybody has the server's rows; who was there may still hold what was deleted."""
    for _ in range(2):
        for phone in phones:
            phone.sync()
    authority = phones[0].authority
    states = {key.id: Document(state) for key, state in authority.documents.items()}
    here = {row for row, state in states.items() if not authority.schema.is_deleted(state)}
    for phone in phones:
        documents = phone.documents()
        assert phone.replica.in_sync
        assert phone.rows() == phones[0].rows()
        assert phone.rows().keys() == here
        assert {row: documents[row][0] for row in here} == {r: dict(states[r].vector) for r in here}
    return True


def pulls(phone: Phone) -> list[Pull]:
    return [message for message in phone.sent if isinstance(message, Pull)]


def test_rows_that_were_purged_are_removed(phone: Phone, other: Phone, rows: list[UUID]) -> None:
    delete(other, rows[0], rows[3])
    other.replica.set(MODEL, rows[1], title="New")
    other.exchange()
    events = phone.sync()
    assert Resyncing("all") in events
    assert {event.id for event in events if isinstance(event, Removed)} == {rows[0], rows[3]}
    assert Changed(MODEL, rows[1], frozenset({"title"})) in events
    assert events[-1] == Synced()
    assert not phone.replica.is_resyncing
    assert kept(phone) == []
    assert phone.rows() == other.rows()
    phone.restart()
    assert Resyncing("all") not in phone.sync()
    assert len(pulls(phone)) == 1


def test_who_knows_of_the_deletion_reads_on(phone: Phone, other: Phone, rows: list[UUID]) -> None:
    delete(other, rows[0], purge=False)
    phone.sync()
    phone.cut()
    phone.authority.purge("all")
    other.replica.set(MODEL, rows[1], title="New")
    other.exchange()
    assert Resyncing("all") not in phone.sync()
    assert phone.rows() == other.rows()


def test_a_new_device_has_nothing_to_be_told_of(
    authority: Authority, other: Phone, rows: list[UUID]
) -> None:
    delete(other, rows[0])
    new = Phone(authority, 13)
    assert Resyncing("all") not in new.sync()
    assert new.rows() == other.rows()
    assert new.replica.in_sync


@pytest.mark.parametrize("edit", ["title", "votes", "notes"])
def test_edits_of_a_purged_row_are_kept_aside_and_bring_nothing_back(
    phone: Phone, other: Phone, rows: list[UUID], edit: str
) -> None:
    """Also an addition, which names nothing that the server would have to know."""
    gone, here = rows[0], rows[1]
    for row in (gone, here):
        if edit == "title":
            phone.replica.set(MODEL, row, title="Mine")
        elif edit == "votes":
            phone.replica.add(MODEL, row, "votes", 3)
        else:
            phone.replica.edit_text(MODEL, row, "notes", 1, 0, "naïve")
    delete(other, gone)
    events = phone.sync()
    assert kept(phone) == [("gone", gone, {edit})]
    (value,) = phone.replica.reverted()[0].fields.values()
    assert value.value == {"title": "Mine", "votes": 3, "notes": "énaïve😀"}[edit]
    assert [event.code for event in events if isinstance(event, Refused)] == ["gone"]
    assert Key(MODEL, gone) not in phone.authority.documents
    assert phone.rows()[here] == other.rows()[here] | {edit: value.value}
    other.exchange()
    assert phone.rows() == other.rows()
    assert phone.replica.in_sync


def test_edits_of_a_row_of_ones_own_are_kept_aside_too(phone: Phone, other: Phone) -> None:
    row = phone.replica.create(MODEL, {"title": "Mine"})
    phone.sync()
    other.sync()
    phone.cut()
    phone.replica.set(MODEL, row, title="Mine, edited", done=True)
    delete(other, row)
    phone.sync()
    assert kept(phone) == [("gone", row, {"title", "done"})]
    assert agreed(phone, other)
    assert phone.rows() == {}


def test_a_deletion_of_a_purged_row_is_nothing_to_keep(
    phone: Phone, other: Phone, rows: list[UUID]
) -> None:
    phone.replica.delete(MODEL, rows[0])
    delete(other, rows[0])
    events = phone.sync()
    assert kept(phone) == []
    assert not [event for event in events if isinstance(event, Removed | Refused)]
    assert agreed(phone, other)


def test_rows_made_meanwhile_are_pushed_and_stay(
    phone: Phone, other: Phone, rows: list[UUID]
) -> None:
    made = phone.replica.create(MODEL, {"title": "Made offline", "notes": "é"})
    delete(other, *rows)
    phone.sync()
    assert set(phone.rows()) == {made}
    assert agreed(phone, other)


def test_a_row_whose_creation_was_acked_and_never_told_is_asked_for(
    phone: Phone, other: Phone, rows: list[UUID]
) -> None:
    """It is held under no scope, so no listing can miss it."""
    phone.connect()
    row = phone.replica.create(MODEL, {"title": "Mine"})
    stays = phone.replica.create(MODEL, {"title": "Stays"})
    phone.receive()
    phone.send()
    line = phone.line
    assert line is not None
    line.outbox[:] = [one for one in line.outbox if not isinstance(one, Changes)]
    phone.receive()
    assert phone.replica.pending == 0
    phone.cut()
    other.sync()
    delete(other, row)
    phone.sync()
    assert row not in phone.rows()
    assert stays in phone.rows()
    assert agreed(phone, other)


@pytest.mark.parametrize("restarts", [False, True])
@pytest.mark.parametrize("received", range(1, 9))
def test_a_listing_that_breaks_off_goes_on_where_it_was(
    phone: Phone, other: Phone, rows: list[UUID], received: int, restarts: bool
) -> None:
    delete(other, rows[1], rows[3])
    phone.authority.page_rows = 1
    for _ in range(20):
        phone.connect()
        phone.receive()
        phone.send()
        for _ in range(received):
            phone.receive()
        if restarts:
            phone.restart()
    phone.sync()
    assert phone.rows() == other.rows()
    assert phone.replica.in_sync
    begun = [pull for pull in pulls(phone) if not pull.listings]
    assert len(begun) == 1
    assert len(pulls(phone)) <= 5


def test_a_listing_begins_anew_if_rows_that_it_named_may_be_purged(
    phone: Phone, other: Phone, rows: list[UUID]
) -> None:
    delete(other, rows[4])
    phone.authority.page_rows = 1
    phone.connect()
    phone.receive()
    phone.send()
    phone.receive()  # names the first row
    phone.restart()
    delete(other, rows[0])
    phone.sync()
    assert pulls(phone)[1].listings
    assert phone.rows() == other.rows()
    assert rows[0] not in phone.rows()


def test_what_comes_live_during_a_listing_counts(
    phone: Phone, other: Phone, rows: list[UUID]
) -> None:
    delete(other, rows[4])
    phone.authority.page_rows = 2
    phone.connect()
    phone.receive()
    phone.send()
    phone.receive()
    made = other.replica.create(MODEL, {"title": "Live"})
    other.replica.set(MODEL, rows[0], title="Live")
    delete(other, rows[1], purge=False)
    phone.exchange()
    assert phone.rows() == other.rows()
    assert made in phone.rows()
    assert phone.rows()[rows[0]]["title"] == "Live"


def test_a_row_in_two_scopes_stays_under_the_other(
    phone: Phone, other: Phone, rows: list[UUID]
) -> None:
    authority, key = phone.authority, Key(MODEL, rows[0])
    authority.feed["team"] = {}
    authority._stamp("team", key, present=True)
    other.sync()
    phone.sync()
    phone.cut()
    authority.move(key, "all", None)
    authority.purge("all")
    other.replica.set(MODEL, rows[1], title="New")
    other.exchange()
    events = phone.sync()
    assert Resyncing("all") in events
    assert not [event for event in events if isinstance(event, Removed)]
    assert rows[0] in phone.rows()


def test_an_edit_of_a_row_that_moved_to_another_scope_is_pushed(
    phone: Phone, other: Phone, rows: list[UUID]
) -> None:
    authority, key = phone.authority, Key(MODEL, rows[0])
    phone.replica.set(MODEL, rows[0], title="Mine")
    authority.busy.add(key)
    authority.move(key, "all", "team")
    authority.purge("all")
    phone.sync()
    assert phone.rows()[rows[0]]["title"] == "Mine"
    authority.busy.clear()
    phone.replica.retry()
    phone.exchange()
    assert kept(phone) == []
    other.sync()
    assert other.rows()[rows[0]]["title"] == "Mine"
    assert phone.rows() == other.rows()


def test_an_undeletion_of_a_purged_row_is_kept_aside(
    phone: Phone, other: Phone, rows: list[UUID]
) -> None:
    delete(other, rows[0], purge=False)
    phone.sync()
    phone.cut()
    phone.authority.purge("all")
    phone.replica.undelete(MODEL, rows[0])
    assert rows[0] in phone.rows()
    other.replica.set(MODEL, rows[1], title="New")
    other.exchange()
    phone.authority.purged["all"] += 100
    phone.authority.heads["all"] = phone.authority.purged["all"]
    phone.sync()
    assert kept(phone) == [("gone", rows[0], {"-"})]
    assert agreed(phone, other)


def test_a_restored_database_gets_back_what_it_lacks_but_nothing_that_it_purged(
    phone: Phone, other: Phone, rows: list[UUID]
) -> None:
    """`phone` was away since before the purge; `other` was not, and knows a row that was lost."""
    phone.replica.set(MODEL, rows[0], done=True)
    delete(other, rows[0])
    authority = phone.authority
    backup = dict(authority.documents)
    late = other.replica.create(MODEL, {"title": "After the backup"})
    other.exchange()
    purged = dict(authority.purged)
    authority.restore(backup, "e2")
    authority.purged = purged
    authority.position = authority.heads["all"] = 100
    other.cut()
    other.sync()
    assert late in other.rows()
    assert other.rows() == {row: other.rows()[row] for row in (*rows[1:], late)}
    phone.sync()
    assert phone.rows() == other.rows()
    assert kept(phone) == [("gone", rows[0], {"done"})]
    assert agreed(phone, other)


def test_in_a_new_epoch_nobody_makes_a_row_of_what_was_deleted(
    phone: Phone, other: Phone, rows: list[UUID]
) -> None:
    """`phone` has edited the row, and knows that `other` deleted it before the purge."""
    phone.sync()
    phone.replica.set(MODEL, rows[0], title="Mine")
    phone.exchange()
    other.exchange()
    delete(other, rows[0], purge=False)
    phone.exchange()
    authority = phone.authority
    authority.purge("all")
    purged, backup = dict(authority.purged), dict(authority.documents)
    authority.restore(backup, "e2")
    authority.purged, authority.position = purged, 100
    phone.cut()
    other.cut()
    assert agreed(phone, other)
    assert rows[0] not in phone.rows()


def test_an_edit_that_a_deletion_beat_is_kept_with_that_reason(
    phone: Phone, other: Phone, rows: list[UUID]
) -> None:
    phone.replica.set(MODEL, rows[0], title="Too late")
    delete(other, rows[0], purge=False)
    phone.sync()
    (one,) = phone.replica.reverted()
    assert isinstance(one, Kept)
    assert (one.reason, one.fields["title"].value) == ("deleted", "Too late")
    assert rows[0] not in phone.rows()
    assert agreed(phone, other)
