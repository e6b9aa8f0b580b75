"""`manage.py pulse_verify`: what it prints, and what it ends with."""

from __future__ import annotations

import io
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from tests.django_pulse.past import execute, filled
from tests.project.archive.models import Shelf

pytestmark = pytest.mark.django_db(transaction=True)


def told(*arguments: str, out: io.StringIO | None = None, **options: Any) -> str:
    """What the command prints; also into `out`, for those that end with an error."""
    out = out or io.StringIO()
    call_command("pulse_verify", *arguments, stdout=out, **options)
    return out.getvalue()


@pytest.fixture
def shelf() -> Shelf:
    made: Shelf = Shelf.objects.create(name="top")
    execute("UPDATE archive_shelf SET name = 'bottom'")
    return made


def test_where_all_is_well_it_says_so() -> None:
    Shelf.objects.create(name="top")
    printed = "archive.shelf: 1 rows verified, 0 things wrong, 0 repaired.\n"
    assert told("archive.Shelf") == printed
    assert printed in told("--all")


def test_what_is_wrong_is_an_error_and_printed_a_line_each(shelf: Shelf) -> None:
    filled(Shelf, 1)
    out = io.StringIO()
    with pytest.raises(CommandError, match=r"2 things are wrong. `--fix` repairs"):
        told("archive.Shelf", out=out)
    differs, missing, summary = out.getvalue().splitlines()
    assert differs == (
        f"archive.shelf pk={shelf.pk} sync_id={shelf.sync_id} field=name: "
        "the column differs from the document"
    )
    assert missing.endswith("the row has no document")
    assert summary == "archive.shelf: 2 rows verified, 2 things wrong, 0 repaired."


def test_what_is_repaired_is_no_error(shelf: Shelf) -> None:
    printed = told("archive.Shelf", fix=True)
    assert "the column differs from the document (repaired)" in printed
    assert "1 things wrong, 1 repaired" in printed
    assert "0 things wrong" in told("archive.Shelf", fix=True)


def test_values_are_shown_only_where_they_are_asked_for(shelf: Shelf) -> None:
    for verbosity, shown in ((1, False), (2, True)):
        out = io.StringIO()
        with pytest.raises(CommandError):
            told("archive.Shelf", out=out, verbosity=verbosity)
        assert ("column='bottom' document='top'" in out.getvalue()) is shown
        assert ("bottom" in out.getvalue()) is shown
