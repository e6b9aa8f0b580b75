"""Purging: what was deleted long ago is forgotten, and nobody is left with it."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from django.test.utils import override_settings
from django.utils import timezone

from crdt.events import Resyncing
from django_pulse.changefeed import feed
from django_pulse.tables import Clock, Document, Feed, Outcome, Scope
from django_pulse.upkeep import purging
from django_pulse.upkeep.purging import Purged, horizon, purge
from django_pulse.visibility import scopes
from tests.django_pulse.phones import Phone, switchboard
from tests.django_pulse.together import open_transaction
from tests.project.deletes.models import Book, Diary, Shelf, Shop
from tests.project.todo.models import Note

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.databases("sqlite", "postgres")]

ALL = scopes.everybody("default")
DAY = timedelta(days=1)
BOOK = "deletes.book"


@pytest.fixture
def phones(ada: Any) -> Iterator[tuple[Phone, Phone]]:
    with switchboard() as board:
        yield Phone(board, ada, 11), Phone(board, ada, 12)


def age(days: float) -> None:
    """Let everything have happened so many days earlier."""
    ago = int(days * 86_400 * 1_000_000)
    for table, name in ((Feed, "position"), (Scope, "head"), (Clock, "position")):
        for row in table.objects.all():
            setattr(row, name, max(getattr(row, name) - ago, 0))
            row.save()
    for document in Document.objects.filter(deleted_at__isnull=False):
        assert document.deleted_at is not None
        document.deleted_at -= timedelta(days=days)
        document.save()


def dated() -> set[uuid.UUID]:
    return set(Document.objects.exclude(deleted_at=None).values_list("sync_id", flat=True))


@pytest.mark.parametrize("how", ["instance", "queryset", "cascade", "parent", "device"])
def test_every_way_to_delete_dates_the_tombstone(phones: tuple[Phone, Phone], how: str) -> None:
    shelf, shop = Shelf.objects.create(name="s"), Shop.objects.create(name="p")
    book = Book.objects.create(title="b", shelf=shelf, shop=shop)
    stays = Book.objects.create(title="stays")
    before = timezone.now()
    if how == "instance":
        book.delete()
    elif how == "queryset":
        Book.objects.filter(pk=book.pk).delete()
    elif how == "cascade":
        shelf.delete()
    elif how == "parent":
        shop.delete()
    else:
        phones[0].sync()
        phones[0].replica.delete(BOOK, book.sync_id)
        phones[0].sync()
    assert dated() - {shelf.sync_id} == {book.sync_id}
    deleted_at = Document.objects.get(sync_id=book.sync_id).deleted_at
    assert deleted_at is not None
    assert before <= deleted_at <= timezone.now()
    assert Book.objects.get() == stays


def test_what_was_deleted_before_the_horizon_is_forgotten() -> None:
    old, new, here = (Book.objects.create(title=title) for title in ("old", "new", "here"))
    old.delete()
    age(91)
    new.delete()
    position = Feed.objects.get(document__sync_id=old.sync_id).position
    assert purge("default", horizon(), dry_run=True) == Purged(documents=1)
    assert Document.objects.count() == 3
    assert purge("default", horizon()) == Purged(documents=1)
    left = set(Document.objects.values_list("sync_id", flat=True))
    assert left == {new.sync_id, here.sync_id}
    assert Feed.objects.count() == 2
    assert Scope.objects.get(key=ALL).purged == position
    assert purge("default", horizon()) == Purged()


def test_what_left_a_scope_before_the_horizon_is_forgotten(ada: Any, bob: Any) -> None:
    note = Note.objects.create(title="n", user=ada)
    note.user = bob
    note.save()
    assert purge("default", horizon()) == Purged()
    age(91)
    assert purge("default", horizon()) == Purged(places=1)
    assert Scope.objects.get(key=scopes.personal("default", ada.pk)).purged > 0
    assert Scope.objects.get(key=scopes.personal("default", bob.pk)).purged == 0
    assert Document.objects.count() == 1


def test_a_row_that_left_and_was_deleted_elsewhere_is_forgotten_in_both_scopes(
    ada: Any, bob: Any
) -> None:
    note = Note.objects.create(title="n", user=ada)
    note.user = bob
    note.save()
    note.delete()
    age(91)
    assert purge("default", horizon()) == Purged(documents=1, places=1)
    for user in (ada, bob):
        assert Scope.objects.get(key=scopes.personal("default", user.pk)).purged > 0
    assert not Feed.objects.exists()


def test_an_outcome_that_was_not_confirmed_keeps_its_tombstone_as_long_again() -> None:
    book = Book.objects.create(title="b")
    book.delete()
    document = Document.objects.get()
    Outcome.objects.create(replica=5, document=document, clock=1, payload={"reverted": {}})
    age(100)
    assert purge("default", horizon()) == Purged()
    age(100)
    assert purge("default", horizon()) == Purged(documents=1)
    assert not Outcome.objects.exists()


def test_a_purge_takes_a_bounded_number_of_queries_and_rows_at_once(
    monkeypatch: pytest.MonkeyPatch, django_assert_max_num_queries: Any
) -> None:
    monkeypatch.setattr(purging, "PURGED_AT_ONCE", 10)
    Book.objects.bulk_create([Book(title=str(n)) for n in range(25)])
    Book.objects.all().delete()
    age(91)
    assert purging._purge_documents("default", horizon()) == Purged(documents=10)
    monkeypatch.setattr(purging, "PURGED_AT_ONCE", 100)
    with django_assert_max_num_queries(25):
        purging._purge_documents("default", horizon())
    assert not Document.objects.exists()


@pytest.mark.databases("postgres")
def test_a_tombstone_that_somebody_writes_to_is_left_for_the_next_time() -> None:
    for title in ("a", "b"):
        Book.objects.create(title=title).delete()
    age(91)
    first = Document.objects.order_by("pk")[0]
    with open_transaction(lambda: Document.objects.select_for_update().get(pk=first.pk)):
        assert purge("default", horizon()) == Purged(documents=1)
    assert purge("default", horizon()) == Purged(documents=1)


def test_a_purge_while_a_page_is_read_makes_it_a_listing() -> None:
    """Whenever it happens: before, between and after the queries."""
    for delay in range(4):
        book = Book.objects.create(title="b")
        cursor = feed.pull(ALL, 0).end
        book.delete()
        calls = iter(range(100))

        def meddling(
            execute: Any, sql: str, *args: Any, calls: Any = calls, delay: int = delay
        ) -> Any:
            if next(calls) == delay:
                purge("default", timezone.now() + DAY)
            return execute(sql, *args)

        with connection.execute_wrapper(meddling):
            page = feed.pull(ALL, cursor)
        told = any(change.id == book.sync_id for change in page.items)
        assert told or page.listing is not None
        purge("default", timezone.now() + DAY)


def test_a_device_that_was_away_for_long_reads_anew_and_keeps_its_edits(
    phones: tuple[Phone, Phone],
) -> None:
    one, two = phones
    rows = [Book.objects.create(title=str(n)) for n in range(4)]
    one.sync()
    two.sync()
    one.cut()
    one.replica.add(BOOK, rows[0].sync_id, "copies", 3)
    one.replica.set(BOOK, rows[1].sync_id, title="Mine")
    made = one.replica.create(BOOK, {"title": "Made offline"})
    rows[0].delete()
    rows[2].delete()
    two.sync()
    age(91)
    for cursors in (one, two):
        standing = cursors.replica._session._shelf.standing
        for scope, at in list(standing.cursors.items()):
            standing.cursors[scope] = max(at - int(91 * 86_400 * 1e6), 0)
    call_command("pulse_purge", stdout=StringIO())
    assert Document.objects.filter(deleted=True).count() == 0
    one.sync()
    two.sync()
    assert Resyncing(ALL) in one.events
    assert Resyncing(ALL) not in two.events
    titles = {row.title for row in Book.objects.all()}
    assert titles == {"Mine", "3", "Made offline"}
    for phone in phones:
        assert {row.id for row in phone.replica.all(BOOK)} == {
            rows[1].sync_id,
            rows[3].sync_id,
            made,
        }
        assert phone.replica.in_sync
    (kept,) = one.replica.reverted()
    assert (kept.reason, kept.id, kept.fields["copies"].value) == ("gone", rows[0].sync_id, 3)


def test_a_listing_that_breaks_off_goes_on_at_the_cursor(phones: tuple[Phone, Phone]) -> None:
    one, _ = phones
    rows = [Book.objects.create(title=str(n)) for n in range(6)]
    one.sync()
    one.cut()
    rows[1].delete()
    purge("default", timezone.now() + DAY)
    rows[5].title = "new"
    rows[5].save()
    with override_settings(DJANGO_PULSE={"PAGE_ROWS": 1}):
        for _ in range(8):
            one.connect()
            one.receive()
            one.send()
            one.receive()
            one.receive()
            one.restart()
        one.sync()
    assert {row.id for row in one.replica.all(BOOK)} == {
        row.sync_id for row in rows if row is not rows[1]
    }
    assert one.replica.in_sync
    assert len([event for event in one.events if event == Resyncing(ALL)]) == 1


def test_the_command_says_what_it_did() -> None:
    Book.objects.create(title="b").delete()
    said = StringIO()
    call_command("pulse_purge", "--days", "0", "--dry-run", stdout=said)
    assert "1 deleted rows" in said.getvalue()
    assert "would be forgotten" in said.getvalue()
    call_command("pulse_purge", days=0, stdout=said)
    assert "are forgotten" in said.getvalue()
    assert not Document.objects.exists()
    for days in ("-1", "nan", "much", "1e99"):
        with pytest.raises(CommandError):
            call_command("pulse_purge", "--days", days)


def test_a_process_purges_by_itself_once_an_hour(
    monkeypatch: pytest.MonkeyPatch, phones: tuple[Phone, Phone]
) -> None:
    Book.objects.create(title="b").delete()
    age(91)
    monkeypatch.setattr(purging, "_last", {})
    phones[0].sync()
    assert Document.objects.exists()  # a process that has only begun has better things to do
    monkeypatch.setitem(purging._last, "default", -purging.SECONDS_BETWEEN)
    phones[0].ping()
    assert not Document.objects.exists()
    Diary.objects.create(title="d").delete()
    age(91)
    phones[0].ping()
    assert Document.objects.exists()


def test_nothing_is_purged_that_comes_back_in_the_meantime() -> None:
    book = Book.objects.create(title="b")
    sync_id = book.sync_id
    book.delete()
    age(91)
    Book.objects.create(sync_id=sync_id, title="again")
    assert purge("default", horizon()) == Purged()
    assert Document.objects.get().deleted_at is None


def test_a_purge_that_fails_has_forgotten_nothing() -> None:
    Book.objects.create(title="b").delete()
    age(91)
    with transaction.atomic():
        purge("default", horizon())
        transaction.set_rollback(True)
    assert Document.objects.count() == Feed.objects.count() == 1
    assert Scope.objects.get(key=ALL).purged == 0
