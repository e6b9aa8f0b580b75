"""`manage.py pulse_restored`: a database that was restored, and devices that know more."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection, transaction

from django_pulse import identity
from tests.django_pulse.phones import Phone, switchboard
from tests.project.deletes.models import Book, Shelf

pytestmark = pytest.mark.django_db(transaction=True)
both = pytest.mark.databases("sqlite", "postgres")

BOOK = "deletes.book"


class Backup:
    """All that is in the database, as it was when this was made."""

    def __init__(self) -> None:
        self._tables: dict[str, list[Any]] = {}
        with connection.cursor() as cursor:
            for table in connection.introspection.table_names(cursor):
                cursor.execute(f'SELECT * FROM "{table}"')
                self._tables[table] = [self._adapted(row) for row in cursor.fetchall()]

    def restore(self) -> None:
        with transaction.atomic(), connection.cursor() as cursor:
            if connection.vendor == "postgresql":
                cursor.execute("SET session_replication_role = replica")
            else:
                cursor.execute("PRAGMA defer_foreign_keys = ON")
            for table, rows in self._tables.items():
                cursor.execute(f'DELETE FROM "{table}"')
                for row in rows:
                    marks = ", ".join(["%s"] * len(row))
                    cursor.execute(f'INSERT INTO "{table}" VALUES ({marks})', row)
            if connection.vendor == "postgresql":
                cursor.execute("SET session_replication_role = DEFAULT")

    def _adapted(self, row: Any) -> list[Any]:
        adapt = connection.ops.adapt_json_value
        return [adapt(each, None) if isinstance(each, (dict, list)) else each for each in row]


@pytest.fixture
def phones(ada: Any) -> Iterator[tuple[Phone, Phone]]:
    with switchboard() as board:
        yield Phone(board, ada, 11), Phone(board, ada, 12)


def told(**options: Any) -> str:
    out = io.StringIO()
    call_command("pulse_restored", stdout=out, **options)
    return out.getvalue()


@pytest.mark.parametrize("how", ["told", "told late", "found out"])
def test_what_devices_wrote_since_the_backup_comes_back_and_all_agree(
    phones: tuple[Phone, Phone], how: str
) -> None:
    """Also where the server wrote before anybody said that it was restored, or nobody ever does."""
    one, two = phones
    book, other, gone = (Book.objects.create(title=each, notes="A note.") for each in "abc")
    shelf = Shelf.objects.create(name="s")
    for phone in phones:
        phone.sync()
    backup = Backup()
    one.replica.set(BOOK, book.sync_id, title="a by one")
    two.replica.set(BOOK, other.sync_id, shelf=shelf.sync_id)
    two.replica.edit_text(BOOK, other.sync_id, "notes", 0, 0, "So: ")
    two.replica.delete(BOOK, gone.sync_id)
    made = one.replica.create(BOOK, {"title": "made by one"})
    for phone in (*phones, *phones):
        phone.sync()
        phone.cut()
    for row in Book.objects.all():
        row.lent, row.notes = True, row.notes + " Said the server."
        row.save()
    for phone in phones:
        phone.sync()
        phone.cut()
    one.replica.set(BOOK, other.sync_id, title="b offline")
    backup.restore()
    if how == "told":
        told()
    for row in Book.objects.all():
        row.notes += " Said the server again."
        row.save()
    if how == "told late":
        told()
    for row in Book.objects.all():
        row.copies += 10
        row.save()
    for phone in (*phones, *phones):
        phone.sync()
    rows = {row.sync_id: row for row in Book.objects.all()}
    assert rows.keys() == {book.sync_id, other.sync_id, made}
    assert (rows[book.sync_id].title, rows[book.sync_id].copies) == ("a by one", 10)
    assert (rows[other.sync_id].title, rows[other.sync_id].shelf) == ("b offline", shelf)
    assert rows[other.sync_id].notes.startswith("So: A note.")
    assert rows[made].title == "made by one"
    for phone in phones:
        assert phone.replica.in_sync
        assert phone.replica.reverted() == []
        for sync_id, row in rows.items():
            shown = phone.row(BOOK, sync_id)
            assert (shown["title"], shown["copies"], shown["notes"], shown["lent"]) == (
                row.title,
                row.copies,
                row.notes,
                row.lent,
            )


@pytest.mark.parametrize("types", [False, True])
@pytest.mark.parametrize("first", [0, 1])
def test_an_edit_of_a_row_that_another_device_made_since_comes_back_with_it(
    phones: tuple[Phone, Phone], first: int, types: bool
) -> None:
    """Whoever of both connects first."""
    one, two = phones
    for phone in phones:
        phone.sync()
    backup = Backup()
    made = two.replica.create(BOOK, {"title": "made by two", "notes": "A note.", "copies": 2})
    two.sync()
    one.sync()
    one.replica.set(BOOK, made, title="named by one")
    if types:
        one.replica.edit_text(BOOK, made, "notes", 2, 4, "story")
    for phone in (one, two):
        phone.sync()
        phone.cut()
    backup.restore()
    told()
    for phone in (phones[first], phones[not first], *phones):
        phone.cut()
        phone.sync()
    row = Book.objects.get()
    for phone in phones:
        assert phone.replica.in_sync
        assert phone.replica.reverted() == []
        shown = phone.row(BOOK, made)
        assert (shown["title"], shown["notes"]) == (row.title, row.notes)
    assert row.title == "named by one"
    assert ("story" in row.notes) == types


@both
def test_it_begins_another_epoch_and_says_so() -> None:
    before = identity.clock("default")
    assert "default: " in told()
    after = identity.clock("default")
    assert after.epoch != before.epoch
    assert after.replica != before.replica
    assert after.position >= before.position


@both
def test_many_devices_that_know_more_begin_one_epoch(phones: tuple[Phone, Phone], ada: Any) -> None:
    for phone in phones:
        phone.sync()
    backup = Backup()
    for phone in phones:
        phone.cut()
        phone.sync()
        phone.cut()
    before = identity.clock("default").epoch
    backup.restore()
    phones[0].sync()
    begun = identity.clock("default").epoch
    assert begun != before
    for phone in (*phones, *phones):
        phone.cut()
        phone.sync()
    assert identity.clock("default").epoch == begun
    assert phones[0].replica.in_sync


def test_a_database_that_lost_nothing_stays_in_its_epoch(phones: tuple[Phone, Phone]) -> None:
    before = identity.clock("default").epoch
    for phone in (*phones, *phones, *phones):
        phone.connect()  # the welcome may be lost
        phone.cut()
        phone.sync()
    assert identity.clock("default").epoch == before
