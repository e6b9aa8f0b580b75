"""Rows that one deletes and another edits: who wins, and what the other is told."""

from __future__ import annotations

from typing import Any

import pytest

from crdt.editing import delete_row
from django_pulse.tables import Document
from tests.django_pulse.devices import Device, document_of
from tests.project.deletes.models import Book, Diary

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.databases("sqlite", "postgres")]

LATER = 60_000
"""Milliseconds between what happens first and what happens later; less than a clock may be off."""


@pytest.fixture(params=[Book, Diary])
def model(request: pytest.FixtureRequest) -> Any:
    return request.param


def pair(user: Any, model: Any) -> tuple[Device, Device, Any]:
    """Two devices that know a row."""
    one, two = Device(user, model), Device(user, model)
    row = one.create(title="One", notes="naïve 😀", copies=2)
    one.push()
    one.pull()
    two.pull()
    return one, two, row


def test_an_edit_made_before_the_deletion_is_told_to_its_writer(ada: Any, model: Any) -> None:
    one, two, row = pair(ada, model)
    one.set(row, title="Two")
    one.edit(row, "notes", 0, 0, "é")
    two.skew_ms = LATER
    two.delete(row)
    two.push(row)
    (result,) = one.push(row)
    assert not model.objects.exists()
    assert {name: one["code"] for name, one in result.reverted.items()} == {
        "title": "deleted",
        "notes": "deleted",
    }
    assert result.reverted["title"]["value"] == "Two"
    assert result.reverted["notes"]["value"] == "énaïve 😀"


def test_under_delete_wins_a_later_edit_is_lost_and_told(ada: Any) -> None:
    one, two, row = pair(ada, Book)
    two.delete(row)
    two.push(row)
    one.skew_ms = LATER
    one.set(row, title="Two")
    (result,) = one.push(row)
    assert result.reverted["title"]["code"] == "deleted"
    assert not Book.objects.exists()


@pytest.mark.parametrize("field", ["title", "copies", "notes", "lent"])
def test_under_last_action_wins_a_later_edit_brings_the_row_back(ada: Any, field: str) -> None:
    one, two, row = pair(ada, Diary)
    first = Diary.objects.get()
    two.delete(row)
    two.push(row)
    assert not Diary.objects.exists()
    one.skew_ms = LATER
    if field == "notes":
        one.edit(row, "notes", 0, 0, "é")
    else:
        one.set(row, **{field: {"title": "Two", "copies": 5, "lent": True}[field]})
    (result,) = one.push(row)
    assert (result.status, result.reverted) == ("ok", {})
    back = Diary.objects.get()
    assert (back.sync_id, back.version) == (row, first.version + 2)
    assert back.title == ("Two" if field == "title" else "One")
    assert back.copies == (5 if field == "copies" else 2)
    assert back.notes == ("énaïve 😀" if field == "notes" else "naïve 😀")
    two.pull(row)
    assert not two.schema.is_deleted(two.rows[row])


def test_it_does_not_matter_who_comes_first(ada: Any) -> None:
    """The edit is later than the deletion, and is there before it."""
    one, two, row = pair(ada, Diary)
    two.delete(row)
    one.skew_ms = LATER
    one.set(row, title="Two")
    one.push(row)
    two.push(row)
    assert Diary.objects.get().title == "Two"
    two.pull(row)
    assert not two.schema.is_deleted(two.rows[row])


def test_what_the_server_adds_to_a_new_row_is_no_action(ada: Any) -> None:
    one, two = Device(ada, Diary), Device(ada, Diary)
    one.skew_ms = two.skew_ms = -LATER
    row = one.create(title="One")
    one.push()  # the server says what the other fields hold, a minute after the row was made
    two.pull()
    two.skew_ms = -LATER // 2
    two.delete(row)
    two.push()
    assert not Diary.objects.exists()


def test_a_sum_that_the_server_folds_is_as_old_as_its_latest_part(ada: Any) -> None:
    one, two, row = pair(ada, Diary)
    two.skew_ms = LATER
    two.delete(row)
    one.skew_ms = LATER // 2
    one.add(row, copies=1)
    one.push(row)
    one.skew_ms = LATER // 3
    one.add(row, copies=1)
    one.push(row)
    assert Diary.objects.get().copies == 4
    two.push(row)
    assert not Diary.objects.exists()


def test_the_orm_acts_too(ada: Any) -> None:
    one, two, row = pair(ada, Diary)
    two.skew_ms = -LATER
    two.delete(row)
    book = Diary.objects.get()
    book.lent = True
    book.save()
    two.push(row)
    assert Diary.objects.get().lent is True
    Diary.objects.get().delete()
    one.skew_ms = -LATER
    one.set(row, title="Late")
    (result,) = one.push(row)
    assert result.reverted["title"]["code"] == "deleted"
    assert not Diary.objects.exists()


def test_a_deletion_can_be_taken_back_by_who_knows_it(ada: Any, model: Any) -> None:
    one, two, row = pair(ada, model)
    two.delete(row)
    two.push(row)
    assert Document.objects.get().deleted_at is not None
    one.pull(row)
    delete_row(one.rows[row], one.schema, one.now(), one.acked[row], deleted=False)
    one.push(row)
    back = model.objects.get()
    assert (back.title, back.notes, back.copies) == ("One", "naïve 😀", 2)
    assert Document.objects.get().deleted_at is None


def test_a_row_created_again_with_its_identity_is_the_same_row(ada: Any, model: Any) -> None:
    one, _, row = pair(ada, model)
    model.objects.get().delete()
    assert Document.objects.get().deleted_at is not None
    model.objects.create(sync_id=row, title="Again")
    assert Document.objects.get().deleted_at is None
    one.pull(row)
    assert not one.schema.is_deleted(one.rows[row])
    assert one.get(row)["title"] == "Again"
    model.objects.all().delete()
    assert Document.objects.get().deleted_at is not None
    model.objects.bulk_create([model(sync_id=row, title="Third")])
    stored = Document.objects.get()
    assert (stored.deleted, stored.deleted_at) == (False, None)


def test_deletions_that_did_not_stand_do_not_pile_up(ada: Any) -> None:
    one, two, row = pair(ada, Diary)
    size = len(document_of(Diary.objects.get()).encode())
    for _ in range(20):
        two.delete(row)
        two.push(row)
        one.skew_ms += LATER // 100
        one.set(row, title="One")
        one.set(row, title=f"Edit at {one.skew_ms}")
        one.push(row)
        one.pull(row)
        two.skew_ms = one.skew_ms
        two.pull(row)
    document = document_of(Diary.objects.get())
    assert len(document.live("-")) <= 1
    assert len(document.encode()) < size + 100
