"""Verifying finds whatever does not fit, and repairs it so that devices have what the rows say."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection, models
from django.test.utils import CaptureQueriesContext

from crdt.document import Document as CrdtDocument
from django_pulse.mapping.schema import schema_of
from django_pulse.tables import Document, Feed, Outbox
from django_pulse.upkeep.diagnosis import KINDS, Finding
from django_pulse.upkeep.verifying import verify
from tests.django_pulse.past import execute, filled
from tests.django_pulse.phones import Phone, switchboard
from tests.django_pulse.together import in_thread, open_transaction
from tests.project.archive.models import Atlas, Book, Shelf
from tests.project.rules.models import Trip

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.databases("sqlite", "postgres"),
]

LABEL = "archive.book"


def found(model: Any = Book, **options: Any) -> list[Finding]:
    """Everything that is wrong."""
    return [one for step in verify(model, "default", **options) for one in step.findings]


def kinds(model: Any = Book, **options: Any) -> list[str]:
    return sorted(one.kind for one in found(model, **options))


def said(row: Any) -> dict[str, Any]:
    """What the row's document says."""
    document = Document.objects.get(sync_id=row.sync_id)
    return schema_of(type(row)).read(CrdtDocument(bytes(document.state))).values


@pytest.fixture
def book(ada: Any) -> Book:
    made: Book = Book.objects.create(title="one", notes="é🦜", copies=3, user=ada)
    return made


def by_sql(book: Book) -> None:
    execute("UPDATE archive_book SET title = 'two', copies = 9 WHERE id = %s", book.pk)


def past_the_models(book: Book) -> None:
    filled(Book, 1, user=book.user)


def deleted(book: Book) -> None:
    execute("DELETE FROM archive_book WHERE id = %s", book.pk)


def returned(book: Book) -> None:
    filled(Book, 1, user=book.user, sync_id=book.sync_id)


def flipped(book: Book) -> None:
    """A bit of the document's bytes is another."""
    stored = Document.objects.get(sync_id=book.sync_id)
    state = bytearray(stored.state)
    state[len(state) // 2] ^= 0x80
    Document.objects.filter(pk=stored.pk).update(state=bytes(state))


def cut_off(book: Book) -> None:
    stored = Document.objects.get(sync_id=book.sync_id)
    Document.objects.filter(pk=stored.pk).update(state=bytes(stored.state)[:-3])


def given_away(book: Book) -> None:
    execute("UPDATE archive_book SET user_id = NULL WHERE id = %s", book.pk)


def miscounted(book: Book) -> None:
    execute("UPDATE archive_book SET version = 70 WHERE id = %s", book.pk)


def forgotten(book: Book) -> None:
    Feed.objects.all().delete()


def deleted_and_cut_off(book: Book) -> None:
    deleted(book)
    cut_off(book)


def lost(book: Book) -> None:
    Document.objects.filter(sync_id=book.sync_id).delete()


HAPPENED = {
    by_sql: ["column", "column"],
    past_the_models: ["document"],
    deleted: ["row"],
    cut_off: ["unreadable"],
    given_away: ["column", "scopes"],
    miscounted: ["version"],
    forgotten: ["feed"],
    deleted_and_cut_off: ["unreadable"],
    lost: ["document"],
}


@pytest.mark.parametrize(
    ("happen", "expected"), HAPPENED.items(), ids=lambda x: getattr(x, "__name__", "")
)
def test_it_is_found_repaired_and_not_found_again(
    happen: Callable[[Book], None], expected: list[str], book: Book
) -> None:
    assert kinds() == []
    happen(book)
    columns = list(Book.objects.order_by("pk").values_list("title", "notes", "copies", "user"))
    assert kinds() == expected
    assert kinds() == expected  # looking changes nothing
    assert all(one.fixed for one in found(fix=True))
    assert kinds() == []
    after = list(Book.objects.order_by("pk").values_list("title", "notes", "copies", "user"))
    assert after == columns
    for row in Book.objects.all():
        assert said(row)["title"] == row.title
        assert said(row)["notes"] == row.notes


def test_every_kind_of_finding_is_explained_and_occurs() -> None:
    assert {kind for expected in HAPPENED.values() for kind in expected} | {
        "returned",
        "unfit",
    } == set(KINDS)


def test_a_row_that_came_back_by_raw_sql_comes_back_on_devices(book: Book, ada: Any) -> None:
    with switchboard() as board:
        phone = Phone(board, ada, 1001)
        phone.sync()
        Book.objects.get().delete()
        phone.sync()
        assert phone.replica.get(LABEL, book.sync_id) is None
        returned(book)
        assert "returned" in kinds()
        found(fix=True)
        assert kinds() == []
        phone.sync()
        assert phone.row(LABEL, book.sync_id)["title"] == "row 0"


@pytest.mark.parametrize("happen", [by_sql, cut_off, lost, forgotten, miscounted])
@pytest.mark.parametrize("online", [True, False])
def test_devices_converge_on_the_row_and_keep_their_edits(
    happen: Callable[[Book], None], online: bool, book: Book, ada: Any
) -> None:
    with switchboard() as board:
        phone, other = Phone(board, ada, 1001), Phone(board, ada, 1002)
        phone.sync()
        phone.replica.add(LABEL, book.sync_id, "copies", 4)
        phone.replica.edit_text(LABEL, book.sync_id, "notes", 0, insert="so ")
        phone.sync()
        other.sync()
        for each in (phone, other):
            if not online:
                each.cut()
        happen(book)
        before = Book.objects.get()
        found(fix=True)
        for each in (phone, other):
            each.replica.add(LABEL, book.sync_id, "copies", 10)
        phone.replica.edit_text(LABEL, book.sync_id, "notes", 3, insert="[new]")
        for each in (phone, other, phone, other):
            each.sync()
        after = Book.objects.get()
        assert (after.title, after.copies) == (before.title, before.copies + 20)
        assert after.notes == "so [new]é🦜"
        for each in (phone, other):
            row = each.row(LABEL, book.sync_id)
            assert (row["title"], row["copies"], row["notes"]) == (
                after.title,
                after.copies,
                after.notes,
            )
            assert each.replica.in_sync
    assert kinds() == []


def test_a_device_that_never_had_the_row_gets_what_the_feed_forgot(book: Book, ada: Any) -> None:
    with switchboard() as board:
        phone = Phone(board, ada, 1001)
        forgotten(book)
        phone.sync()
        assert phone.replica.get(LABEL, book.sync_id) is None
        found(fix=True)
        phone.exchange()
        assert phone.row(LABEL, book.sync_id)["title"] == "one"


def test_whatever_bit_is_flipped_rows_stay_and_devices_converge(book: Book, ada: Any) -> None:
    """Not every flip shows: one in a clock reads as another clock. Those that do are repaired."""
    stored = Document.objects.get()
    state = bytes(stored.state)
    for place in range(0, len(state) * 8, 23):
        broken = bytearray(state)
        broken[place // 8] ^= 1 << place % 8
        Document.objects.filter(pk=stored.pk).update(state=bytes(broken))
        found(fix=True)
        assert kinds() == [], f"bit {place}"
        book.refresh_from_db()
        assert (book.title, book.notes, book.copies) == ("one", "é🦜", 3)
        assert said(book)["notes"] == "é🦜"
        Document.objects.filter(pk=stored.pk).update(state=state)


def test_bytes_that_cannot_be_read_are_logged(book: Book, caplog: pytest.LogCaptureFixture) -> None:
    cut_off(book)
    assert kinds() == ["unreadable"]
    assert not caplog.records
    with caplog.at_level(logging.ERROR, "django_pulse"):
        found(fix=True)
    [record] = caplog.records
    assert str(book.sync_id) in record.getMessage()


@pytest.mark.databases("sqlite")
def test_what_no_document_can_hold_is_told_and_left(book: Book, ada: Any) -> None:
    other = Book.objects.create(title="two", user=ada)
    execute("UPDATE archive_book SET weight = 9e999 WHERE id = %s", book.pk)
    by_sql(other)
    results = found(fix=True)
    assert {(one.pk, one.kind, one.fixed) for one in results} == {
        (book.pk, "unfit", False),
        (other.pk, "column", True),
    }
    assert kinds() == ["unfit"]


@pytest.mark.databases("sqlite")
def test_a_row_that_cannot_be_read_hides_no_other(book: Book, ada: Any) -> None:
    others = [Book.objects.create(title=f"{number}", user=ada) for number in range(4)]
    execute("UPDATE archive_book SET created_at = '2024-02-31 10:00:00' WHERE id = %s", book.pk)
    by_sql(others[-1])
    assert kinds() == ["column", "column", "unfit"]


def test_a_row_of_a_model_below_is_verified_with_it(ada: Any) -> None:
    atlas = Atlas.objects.create(title="Africa", scale=5, user=ada)
    execute("UPDATE archive_book SET title = 'Asia' WHERE id = %s", atlas.pk)
    assert kinds(Book) == []
    assert [(one.field, one.column, one.document) for one in found(Atlas)] == [
        ("title", "Asia", "Africa")
    ]
    found(Atlas, fix=True)
    assert kinds(Atlas) == []


def test_a_local_row_is_as_it_should_be(ada: Any) -> None:
    Book.objects.create(title="mine", is_local_only=True, user=ada)
    assert kinds() == []


def test_what_waits_for_its_position_is_in_the_feed(
    ada: Any, stamped_later: pytest.MonkeyPatch
) -> None:
    Book.objects.create(title="new", user=ada)
    assert Outbox.objects.exists()
    assert kinds() == []


def test_a_step_takes_as_many_queries_however_many_rows_it_has(ada: Any) -> None:
    counts = []
    for rows in (5, 50):
        Shelf.objects.bulk_create([Shelf(name="s") for _ in range(rows)])
        execute("UPDATE archive_shelf SET name = name || 'x'")
        with CaptureQueriesContext(connection) as queries:
            assert len(found(Shelf, fix=True, rest=lambda seconds: None)) == Shelf.objects.count()
        counts.append(len(queries))
    assert counts[0] == counts[1]


@pytest.mark.databases("postgres")
def test_a_row_that_somebody_writes_is_no_finding(book: Book) -> None:
    with open_transaction(lambda: Book.objects.update(title="later")):
        assert kinds(rest=lambda seconds: None) == []
    assert kinds() == []


@pytest.mark.databases("postgres")
def test_writers_at_the_same_time_are_no_findings(ada: Any) -> None:
    books = [Book.objects.create(title="t", copies=0, user=ada) for _ in range(20)]

    def edits() -> None:
        for number in range(40):
            Book.objects.filter(pk=books[number % 20].pk).update(copies=number)

    future = in_thread(edits)
    while not future.done():
        assert kinds(fix=True, batch_size=3, rest=lambda seconds: None) == []
    future.result(60)


def test_whatever_rule_a_column_has_it_is_repaired_at_once(ada: Any) -> None:
    """By first, highest and lowest what was there may win: then the column is put back."""
    first = {
        "driver": "Ada",
        "highest": 5,
        "deadline": date(2030, 1, 1),
        "lowest": 5,
        "votes": 1,
        "cost": Decimal("2.50"),
        "tags": ["a", "b"],
        "urgent": True,
        "public": True,
        "meeting_point": "here",
        "notes": "é🦜",
        "stops": ["a", "b", "c"],
        "options": {"a": {"b": 1}, "c": [1]},
        "plan": {"a": [1, 2]},
        "approved_by": "Bob",
    }
    then = {
        "driver": "Eve",
        "highest": 3,
        "deadline": None,
        "lowest": 9,
        "votes": 7,
        "cost": Decimal("-1.25"),
        "tags": ["b", "c"],
        "urgent": False,
        "public": False,
        "meeting_point": "there",
        "notes": "🦜 and é",
        "stops": ["c", "x", "a"],
        "options": {"a": 2, "d": {}},
        "plan": None,
        "approved_by": "",
    }
    for before, after in ((first, then), (then, first)):
        trip = Trip.objects.create(**before)
        models.QuerySet(Trip).filter(pk=trip.pk).update(**after)
        assert set(kinds(Trip)) == {"column"}
        assert all(one.fixed for one in found(Trip, fix=True))
        assert kinds(Trip) == []
        trip.refresh_from_db()
        kept = {"driver", "highest", "deadline", "lowest"}
        assert {name: getattr(trip, name) for name in after if name not in kept} == {
            name: value for name, value in after.items() if name not in kept
        }
