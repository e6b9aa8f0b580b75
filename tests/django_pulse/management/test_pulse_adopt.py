"""`manage.py pulse_adopt`: what it prints, and what it ends with."""

from __future__ import annotations

import io
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from django_pulse.tables import Document
from tests.django_pulse.past import execute, filled
from tests.project.archive.models import Book, Shelf

pytestmark = pytest.mark.django_db(transaction=True)


def told(*arguments: str, **options: Any) -> str:
    """What the command prints."""
    out = io.StringIO()
    call_command("pulse_adopt", *arguments, stdout=out, **options)
    return out.getvalue()


def test_it_says_how_many_rows_it_adopted() -> None:
    filled(Shelf, 5)
    assert told("archive.Shelf", batch_size=2).startswith("archive.shelf: 5 rows adopted, ")
    assert Document.objects.count() == 5
    assert told("archive.Shelf").startswith("archive.shelf: 0 rows adopted, ")


def test_a_dry_run_counts_and_writes_nothing() -> None:
    filled(Shelf, 5)
    assert told("archive.shelf", dry_run=True) == "archive.shelf: 5 rows have no document.\n"
    assert not Document.objects.exists()


def test_all_takes_every_model_that_syncs() -> None:
    filled(Shelf, 2)
    filled(Book, 3)
    printed = told("--all")
    assert "archive.shelf: 2 rows adopted" in printed
    assert "archive.book: 3 rows adopted" in printed
    assert "todo.task: 0 rows adopted" in printed


def test_rows_that_are_left_are_an_error_that_counts_them() -> None:
    rows = filled(Book, 3)
    execute(
        "UPDATE archive_book SET copies = 9007199254740993, weight = 1e999 WHERE id = %s",
        rows[1].pk,
    )
    errors = io.StringIO()
    with pytest.raises(CommandError, match="1 rows are without a document still"):
        told("archive.Book", stderr=errors)
    assert errors.getvalue().startswith(f"archive.book {rows[1].pk}: weight: float is not")


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        ((), {}, "Name the models, or say --all.*archive.book"),
        (("archive.Book", "--all"), {}, "Name the models, or say --all"),
        (("auth.User",), {}, "auth.User is no model that syncs.*archive.book"),
        (("archive.Book",), {"database": "elsewhere"}, "no database 'elsewhere'"),
    ],
)
def test_what_makes_no_sense_is_refused_with_what_would(
    arguments: tuple[str, ...], options: dict[str, Any], message: str
) -> None:
    with pytest.raises(CommandError, match=message):
        told(*arguments, **options)


def test_a_batch_of_no_rows_is_refused() -> None:
    with pytest.raises(CommandError, match="batch-size"):
        told("archive.Book", "--batch-size", "0")
