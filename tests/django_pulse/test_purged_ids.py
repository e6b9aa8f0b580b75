"""Ids of rows that were purged, used again: by a client that lies of what it saw, or the server."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from django_pulse.upkeep.purging import purge
from tests.django_pulse.devices import Device, values_of
from tests.django_pulse.phones import Phone, Switchboard, switchboard
from tests.project.crews.models import Crew, Job
from tests.project.deletes.models import Book

pytestmark = pytest.mark.django_db(transaction=True)

BOOK, JOB = "deletes.book", "crews.job"


@pytest.fixture
def board() -> Iterator[Switchboard]:
    with switchboard() as found:
        yield found


def is_purged(row: Book | Job) -> None:
    row.delete()
    purge("default", timezone.now() + timedelta(days=1))


@pytest.mark.parametrize(
    ("before", "who", "wrote_before", "edits", "notes"),
    [
        ("server", "client", True, True, "mine"),
        ("server", "client", False, False, "mine"),
        ("server", "server", False, True, "mine"),
        ("server", "server", True, False, ""),
        ("client", "client", True, True, ""),
        ("client", "server", False, False, "mine"),
    ],
)
def test_whoever_was_away_takes_the_row_that_has_the_id_now(
    board: Switchboard,
    ada: Any,
    bob: Any,
    before: str,
    who: str,
    wrote_before: bool,
    edits: bool,
    notes: str,
) -> None:
    phone, liar = Phone(board, ada, 11), Device(bob, Book)
    if before == "server":
        book = Book.objects.create(title="Old", copies=2)
    else:
        maker = Device(bob, Book)
        maker.create(title="Old")
        maker.push()
        book = Book.objects.get()
    phone.sync()
    if wrote_before:
        phone.replica.set(BOOK, book.sync_id, title="Older")
        phone.replica.add(BOOK, book.sync_id, "copies", 1)
        phone.sync()
    phone.cut()
    if edits:
        phone.replica.set(BOOK, book.sync_id, lent=True)
    book.refresh_from_db()
    is_purged(book)
    if who == "client":
        made = liar.create(book.sync_id, title="New", notes=notes)
        [result] = liar.push(made)
        assert result.status == "ok"
    else:
        Book.objects.create(sync_id=book.sync_id, title="New", notes=notes)
    phone.sync()
    assert phone.replica.in_sync
    now = Book.objects.get(sync_id=book.sync_id)
    fresh = Phone(board, ada, 12)
    fresh.sync()
    shown = values_of(now)
    assert phone.row(BOOK, now.sync_id) == fresh.row(BOOK, now.sync_id) == shown
    assert now.notes == notes
    assert now.title == "New" or wrote_before, "what it had written the server may have lost"


def test_a_row_that_was_purged_where_its_device_may_not_look_any_more_stays_forgotten(
    board: Switchboard, ada: Any
) -> None:
    """Its device knows of no scope that it was in, and may make it anew where it moved it to."""
    old, new = (Crew.objects.create(name=name) for name in ("old", "new"))
    for crew in (old, new):
        crew.members.add(ada)
    phone = Phone(board, ada, 11)
    phone.sync()
    row = phone.replica.create(JOB, {"title": "Mine", "crew": old.sync_id})
    phone.send()
    for place in reversed(phone.live()):  # no scope tells of it
        del phone.inbox[place]
    while phone.receive():
        pass
    phone.cut()
    assert phone.replica.pending == 0
    job = Job.objects.get()
    phone.replica.set(JOB, row, crew=new.sync_id)
    job.delete()
    old.members.remove(ada)
    purge("default", timezone.now() + timedelta(days=1))
    phone.sync()
    assert not Job.objects.exists()
    assert phone.replica.get(JOB, row) is None
    [kept] = phone.replica.reverted()
    assert (kept.reason, kept.fields["crew"].value) == ("gone", new.sync_id)


def test_a_row_that_was_out_of_sight_as_its_edit_came_is_there_again_with_its_scope(
    board: Switchboard, ada: Any
) -> None:
    """To who may not see it, it may have been purged; and nobody tells the device of what its user
    lost for a moment.
    """
    board.loses_calls = True
    crew, other = (Crew.objects.create(name=name) for name in ("crew", "other"))
    for each in (crew, other):
        each.members.add(ada)
    job = Job.objects.create(title="Theirs", crew=crew)
    phone = Phone(board, ada, 11)
    phone.sync()
    is_purged(Job.objects.create(title="Old", crew=other))
    phone.replica.set(JOB, job.sync_id, title="Mine")
    crew.members.remove(ada)
    phone.send()
    crew.members.add(ada)
    phone.sync()
    [kept] = phone.replica.reverted()
    assert (kept.reason, kept.fields["title"].value) == ("gone", "Mine")
    assert phone.row(JOB, job.sync_id)["title"] == "Theirs"


def test_rows_of_a_scope_that_is_read_anew_go_once_they_are_not_wanted(
    board: Switchboard, ada: Any
) -> None:
    crew = Crew.objects.create(name="crew")
    crew.members.add(ada)
    gone, there = (Job.objects.create(title=title, crew=crew) for title in ("Gone", "There"))
    phone = Phone(board, ada, 11)
    phone.sync()
    phone.cut()
    phone.replica.set(JOB, gone.sync_id, title="Mine")
    is_purged(gone)
    phone.connect()
    while phone.receive():
        pass
    phone.send()
    assert phone.receive(), "the answer to the edit comes before any page"
    assert phone.replica.get(JOB, gone.sync_id) is None
    phone.replica.subscribe(["crews.crew"])
    phone.sync()
    assert phone.replica.get(JOB, there.sync_id) is None
    assert phone.replica.in_sync
