"""A new row with a text that is too long for one push: it comes in parts, and nothing is lost."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import override_settings

from tests.django_pulse.devices import Device, values_of
from tests.django_pulse.phones import Phone, switchboard
from tests.project.deletes.models import Book
from tests.project.permits.models import Page, Seat, Workspace

pytestmark = pytest.mark.django_db(transaction=True)

TEXT = "Zürich 😀 " * 9_000


@pytest.fixture
def phone(ada: Any) -> Any:
    with switchboard() as board, override_settings(DJANGO_PULSE={"MAX_UPDATE_BYTES": 50_000}):
        phone = Phone(board, ada, 11)
        phone.sync()
        phone.cut()
        yield phone


@pytest.mark.parametrize("cut_off", [False, True])
def test_a_new_rows_text_arrives_whole_though_it_comes_in_parts(
    phone: Phone, cut_off: bool
) -> None:
    made = phone.replica.create("deletes.book", {"notes": TEXT, "title": "Long"})
    if cut_off:
        phone.connect()
        phone.receive()
        phone.send()
        assert len(Book.objects.get().notes) < len(TEXT)
        phone.restart()
    phone.sync()
    phone.cut()
    phone.sync()
    row = Book.objects.get()
    assert row.notes == TEXT
    assert values_of(row)["notes"] == phone.row("deletes.book", made)["notes"] == TEXT
    assert phone.replica.in_sync


def test_what_a_new_row_needs_comes_before_its_text(phone: Phone, ada: Any) -> None:
    """In whatever order the app names them."""
    space = Workspace.objects.create(name="w")
    Seat.objects.create(workspace=space, user=ada, role="admin")
    tags = [f"tag {number:04}" for number in range(1_200)]
    made = {"body": TEXT, "tags": tags, "title": "Long", "workspace": space.pk}
    phone.replica.create("permits.page", made)
    phone.sync()
    assert phone.replica.reverted() == []
    row = Page.objects.get()
    assert (row.title, row.workspace, row.body, row.tags) == ("Long", space, TEXT, tags)


def test_a_text_of_which_the_first_part_says_no_more_than_characters_is_kept(ada: Any) -> None:
    """The entry that tells that it was written comes with its last part, as clients may have it."""
    device = Device(ada, Book)
    made = device.create(title="Long")
    device.rows[made].edit_text("notes", 0, 0, "First. ")
    device.push()
    row = Book.objects.get()
    assert row.notes == values_of(row)["notes"] == "First. "
    device.edit(made, "notes", 7, 0, "Second.")
    device.push()
    row.refresh_from_db()
    assert row.notes == values_of(row)["notes"] == "First. Second."
