"""How full a document may be, and what can be done with one that is."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth import get_user_model

from crdt.parts import cut_push
from crdt.state import read_state
from django_pulse.tables import Document as StoredDocument
from tests.django_pulse.devices import Device
from tests.project.rules.models import Trip
from tests.project.todo.models import Note

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.databases("sqlite", "postgres"),
]


@pytest.fixture
def ada() -> Any:
    return get_user_model().objects.create_user("ada")


def limit(settings: Any, **values: int) -> None:
    settings.DJANGO_PULSE = values


def size_of(row: Any) -> int:
    return len(bytes(StoredDocument.objects.get(sync_id=row).state))


def full_note(ada: Any, settings: Any, letters: int = 500) -> tuple[Device, Any]:
    """A note whose document holds as much as it may, within a few bytes."""
    phone = Device(ada, Note)
    row = phone.create(title="Full", body="x" * letters)
    phone.push()
    limit(settings, MAX_DOCUMENT_BYTES=size_of(row) + 10)
    return phone, row


def test_a_push_that_would_make_a_document_too_large_is_refused(ada: Any, settings: Any) -> None:
    phone, row = full_note(ada, settings)
    before = bytes(StoredDocument.objects.get(sync_id=row).state)
    phone.edit(row, "body", 0, 0, "y" * 50)
    [result] = phone.push()
    assert (result.status, result.code) == ("refused", "full")
    assert str(size_of(row) + 10) in result.message
    assert bytes(StoredDocument.objects.get(sync_id=row).state) == before
    assert Note.objects.get().body == "x" * 500


def test_a_full_document_can_be_read_and_made_smaller(ada: Any, settings: Any) -> None:
    phone, row = full_note(ada, settings)
    other = Device(ada, Note)
    other.pull(row)
    assert other.get(row)["body"] == "x" * 500
    other.edit(row, "body", 0, 400, "")
    assert [result.status for result in other.push()] == ["ok"]
    assert Note.objects.get().body == "x" * 100
    phone.pull(row)
    phone.edit(row, "body", 0, 0, "y" * 50)
    assert [result.status for result in phone.push()] == ["ok"]


def test_a_full_document_can_be_deleted_by_any_device(ada: Any, settings: Any) -> None:
    _, row = full_note(ada, settings)
    limit(settings, MAX_DOCUMENT_BYTES=100, MAX_DOCUMENT_ENTRIES=1, MAX_DOCUMENT_REPLICAS=1)
    other = Device(ada, Note)
    other.pull(row)
    other.delete(row)
    assert [result.status for result in other.push()] == ["ok"]
    assert not Note.objects.exists()


def test_the_server_may_write_a_full_document(ada: Any, settings: Any) -> None:
    _, row = full_note(ada, settings)
    note = Note.objects.get(sync_id=row)
    note.body = "z" * 2_000
    note.save()
    assert size_of(row) > 2_000
    note.body = ""
    note.save()
    assert Note.objects.get().body == ""


def test_what_takes_the_place_of_something_else_counts_once(ada: Any, settings: Any) -> None:
    phone, row = full_note(ada, settings)
    limit(settings)
    for letter in "abcdefgh":
        phone.pull(row)
        phone.set(row, title=letter * 40)
        assert [result.status for result in phone.push()] == ["ok"]
        if letter == "d":  # by now what its clocks take is there
            limit(settings, MAX_DOCUMENT_BYTES=size_of(row) + 4)
    phone.pull(row)
    phone.set(row, title="e" * 80)
    assert [result.code for result in phone.push()] == ["full"]
    assert Note.objects.get().title == "h" * 40


def test_of_entries_there_is_a_bound(ada: Any, settings: Any) -> None:
    phone = Device(ada, Trip)
    row = phone.create(name="Alps", tags=["snow", "sun"])
    phone.push()
    state = bytes(StoredDocument.objects.get(sync_id=row).state)
    limit(settings, MAX_DOCUMENT_ENTRIES=len(read_state(state).entries))
    phone.pull(row)
    phone.set(row, tags=["snow", "ice"])  # one in the place of another
    assert [result.status for result in phone.push()] == ["ok"]
    phone.set(row, tags=["snow", "ice", "sun"])
    [result] = phone.push()
    assert (result.status, result.code) == ("refused", "full")
    assert sorted(Trip.objects.get().tags) == ["ice", "snow"]


def test_of_devices_that_write_to_a_row_there_is_a_bound(ada: Any, settings: Any) -> None:
    phone = Device(ada, Note)
    row = phone.create(title="a")
    phone.push()
    stored = phone.rows[row]
    other = Device(ada, Note)
    other.pull(row)
    limit(settings, MAX_DOCUMENT_REPLICAS=len(other.rows[row].vector))
    other.set(row, title="b")
    [result] = other.push()
    assert (result.status, result.code) == ("refused", "full")
    phone.set(row, title="c")
    assert [result.status for result in phone.push()] == ["ok"]
    assert stored.replica == phone.replica


def test_of_an_updates_bytes_there_is_a_bound(ada: Any, settings: Any) -> None:
    limit(settings, MAX_UPDATE_BYTES=200)
    phone = Device(ada, Note)
    row = phone.create(title="a", body="x" * 300)
    [result] = phone.push()
    assert (result.status, result.code) == ("refused", "too_large")
    assert "200" in result.message
    assert not Note.objects.exists()
    assert len(cut_push(phone.update(row), 1_000, 100)) > 1
