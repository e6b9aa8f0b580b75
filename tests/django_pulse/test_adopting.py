"""Adopting gives every row that has none its document, once, whatever happens meanwhile."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from crdt.document import Document as CrdtDocument
from django_pulse.changefeed import feed
from django_pulse.mapping.schema import schema_of
from django_pulse.tables import Document, Feed, Outbox
from django_pulse.upkeep import adopting, sweeping
from django_pulse.upkeep.adopting import adopt, without_document
from django_pulse.visibility import scopes
from tests.django_pulse.past import execute, filled
from tests.django_pulse.phones import Phone, switchboard
from tests.django_pulse.together import Gate, in_thread, open_transaction
from tests.project.archive.models import Atlas, Book, Shelf

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.databases("sqlite", "postgres"),
]


def adopted(model: Any, **options: Any) -> int:
    """Adopt all of `model`; how many rows that were."""
    return sum(batch.rows for batch in adopt(model, "default", **options))


def said(row: Any) -> dict[str, Any]:
    """What the row's document says."""
    document = Document.objects.get(sync_id=row.sync_id)
    return schema_of(type(row)).read(CrdtDocument(bytes(document.state))).values


def test_every_column_is_in_the_document_and_the_row_in_the_feed(ada: Any) -> None:
    shelf = Shelf.objects.create(name="top")
    [row] = filled(Book, 1, notes="é🦜", copies=3, weight=1.5, shelf=shelf, user=ada)
    assert adopted(Book) == 1
    row.refresh_from_db()
    values = said(row)
    assert (values["title"], values["notes"], values["copies"]) == ("row 0", "é🦜", 3)
    assert values["weight"] == 1.5
    assert row.version == Document.objects.get(sync_id=row.sync_id).version == 1
    page = feed.pull(scopes.personal("default", ada.pk), 0)
    assert [change.id for change in page.items] == [row.sync_id]


def test_devices_receive_adopted_rows_and_edit_them(ada: Any) -> None:
    [row] = filled(Book, 1, notes="old", copies=3, user=ada)
    with switchboard() as board:
        phone = Phone(board, ada, 1001)
        phone.sync()
        adopted(Book)
        phone.sync()
        assert phone.row("archive.book", row.sync_id)["title"] == "row 0"
        phone.replica.add("archive.book", row.sync_id, "copies", 2)
        phone.replica.edit_text("archive.book", row.sync_id, "notes", 3, insert="er")
        phone.sync()
    row.refresh_from_db()
    assert (row.copies, row.notes, row.version) == (5, "older", 2)


def test_rows_that_have_documents_are_left_alone(ada: Any) -> None:
    mirrored = Book.objects.create(title="new", user=ada)
    filled(Book, 3, user=ada)
    before = Document.objects.get(sync_id=mirrored.sync_id)
    assert adopted(Book) == 3
    assert adopted(Book) == 0
    after = Document.objects.get(sync_id=mirrored.sync_id)
    assert (after.state, after.version) == (before.state, before.version)


def test_a_row_that_is_local_has_a_document_and_is_in_no_feed(ada: Any) -> None:
    [row] = filled(Book, 1, is_local_only=True, user=ada)
    adopted(Book)
    assert said(row)["title"] == "row 0"
    assert not Feed.objects.exists()
    row.refresh_from_db()
    row.is_local_only = False
    row.save()
    assert Feed.objects.count() == 1


def test_a_version_that_was_counted_by_an_earlier_release_goes_on(ada: Any) -> None:
    [row] = filled(Book, 1, version=41, user=ada)
    adopted(Book)
    row.refresh_from_db()
    assert row.version == Document.objects.get().version == 42


def test_a_row_of_a_model_below_is_adopted_with_all_its_columns(ada: Any) -> None:
    atlas = Atlas.objects.create(title="Africa", scale=5, user=ada)
    filled(Book, 2, user=ada)
    Document.objects.all().delete()
    assert adopted(Book) == 2
    assert adopted(Atlas) == 1
    assert (said(atlas)["title"], said(atlas)["scale"]) == ("Africa", 5)
    assert Document.objects.get(sync_id=atlas.sync_id).model == "archive.atlas"


@pytest.mark.parametrize(
    ("column", "value", "reason"),
    [("weight", "'nan'", "finite"), ("weight", "'infinity'", "finite")],
)
@pytest.mark.databases("postgres")
def test_a_number_that_no_document_holds_is_told_and_passed_over(
    column: str, value: str, reason: str, ada: Any
) -> None:
    rows = filled(Book, 5, user=ada)
    execute(f"UPDATE archive_book SET {column} = {value} WHERE id = %s", rows[2].pk)
    [batch] = adopt(Book, "default")
    assert batch.rows == 4
    [unfit] = batch.unfit
    assert unfit.pk == rows[2].pk
    assert column in unfit.reason
    assert reason in unfit.reason
    assert without_document(Book, "default").get().pk == rows[2].pk


@pytest.mark.parametrize(
    ("column", "value"),
    [("title", "'a' || char(0)"), ("weight", "9e999"), ("copies", "'many'")],
)
@pytest.mark.databases("sqlite")
def test_a_value_that_no_document_holds_is_told_and_passed_over(
    column: str, value: str, ada: Any
) -> None:
    """SQLite lets anything into a column."""
    rows = filled(Book, 9, user=ada)
    for row in rows[2:4]:
        execute(f"UPDATE archive_book SET {column} = {value} WHERE id = %s", row.pk)
    [batch] = adopt(Book, "default")
    assert batch.rows == 7
    assert {unfit.pk for unfit in batch.unfit} == {rows[2].pk, rows[3].pk}
    assert all(unfit.reason for unfit in batch.unfit)


@pytest.mark.databases("sqlite")
def test_a_row_that_cannot_even_be_read_is_told_and_passed_over(ada: Any) -> None:
    rows = filled(Book, 9, user=ada)
    execute("UPDATE archive_book SET created_at = '2024-02-31 10:00:00' WHERE id = %s", rows[6].pk)
    [batch] = adopt(Book, "default")
    assert batch.rows == 8
    assert [unfit.pk for unfit in batch.unfit] == [rows[6].pk]


def test_a_batch_takes_as_many_queries_however_many_rows_there_are(
    ada: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(adopting, "LOOKED_AT_ONCE", 10)
    counts = []
    for rows in (10, 100):
        filled(Book, rows, user=ada)
        with CaptureQueriesContext(
            connection,
        ) as queries:
            batches = sum(1 for _ in adopt(Book, "default", 10, rest=lambda seconds: None))
        found = [query["sql"] for query in queries.captured_queries]
        counts.append(len(found) / batches)
    few, many = counts
    assert many <= few + 2


def test_no_more_rows_are_read_at_once_than_a_batch_has(ada: Any) -> None:
    most = 0

    def watched(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        nonlocal most
        result = execute(sql, params, many, context)
        if isinstance(params, list | tuple):
            most = max(most, *(len(p) if isinstance(p, list) else 1 for p in params), 1)
        return result

    filled(Book, 50, user=ada)
    with connection.execute_wrapper(watched):
        adopted(Book, batch_size=7)
    assert most <= 7
    assert not without_document(Book, "default").exists()


DYING = """
import os, signal, sys, django
django.setup()
from django.core.management import call_command
from django.db import connection
left = int(sys.argv[1])

def count(execute, *arguments):
    global left
    left -= 1
    if not left:
        os.kill(os.getpid(), signal.SIGKILL)
    return execute(*arguments)

with connection.execute_wrapper(count):
    call_command("pulse_adopt", "archive.Book", "--batch-size", "3")
"""


def test_killed_anywhere_it_goes_on_and_does_nothing_twice(
    ada: Any, child_environment: dict[str, str]
) -> None:
    rows = 60
    filled(Book, rows, user=ada)
    done = 0
    for statements in (41, 57):  # that many it takes, and then there is a power cut
        child = subprocess.run(
            [sys.executable, "-c", DYING, str(statements)],
            cwd=Path(__file__).parents[2],
            env=child_environment,
            check=False,
        )
        assert child.returncode == -signal.SIGKILL
        before, done = done, Document.objects.count()
        assert before < done < rows
    assert adopted(Book) == rows - done
    assert set(Book.objects.values_list("version", flat=True)) == {1}
    assert set(Document.objects.values_list("version", flat=True)) == {1}
    feed.stamp("default")
    assert Feed.objects.count() == Document.objects.count() == rows
    assert not Outbox.objects.exists()


@pytest.mark.databases("postgres")
def test_a_row_that_somebody_holds_delays_nobody_and_is_left_to_the_next_run(ada: Any) -> None:
    rows = filled(Book, 10, user=ada)
    pauses: list[float] = []
    with open_transaction(lambda: Book.objects.filter(pk=rows[3].pk).update(title="held")):
        [batch] = adopt(Book, "default", rest=pauses.append)
    assert (batch.rows, batch.busy) == (9, 1)
    assert tuple(pauses) == sweeping.PAUSES
    assert adopted(Book) == 0  # whoever held it has mirrored it
    assert said(rows[3])["title"] == "held"


@pytest.mark.databases("postgres")
def test_rows_that_are_edited_and_deleted_meanwhile_keep_every_edit(ada: Any) -> None:
    rows = filled(Book, 60, copies=0, user=ada)
    gate = Gate()

    def edits() -> None:
        for row in rows:
            gate.arrive()
            if row.pk % 7 == 0:
                Book.objects.filter(pk=row.pk).delete()
            else:
                Book.objects.filter(pk=row.pk).update(copies=row.pk)

    def adopting_too() -> None:
        gate.reached()
        while without_document(Book, "default").exists():
            adopted(Book, batch_size=3, rest=lambda seconds: None)

    for future in (in_thread(edits), in_thread(adopting_too), in_thread(adopting_too)):
        future.result(60)
    left = {row.pk: row for row in Book.objects.all()}
    assert set(left) == {row.pk for row in rows if row.pk % 7}
    for pk, row in left.items():
        assert row.copies == said(row)["copies"] == pk
    alive = Document.objects.filter(deleted=False)
    assert set(alive.values_list("sync_id", flat=True)) == {row.sync_id for row in left.values()}


def test_what_fails_about_the_database_is_not_blamed_on_rows(ada: Any) -> None:
    filled(Book, 3, user=ada)
    with transaction.atomic():
        execute("ALTER TABLE django_pulse_outbox RENAME TO elsewhere")
        with pytest.raises(Exception, match="django_pulse_outbox"):
            adopted(Book)
        transaction.set_rollback(True)
