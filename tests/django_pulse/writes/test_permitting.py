"""What `can_sync` lets through, and what becomes of the rest."""

from __future__ import annotations

import pytest

from crdt.entry import ROW_FIELD
from django_pulse.tables import Document
from tests.django_pulse.devices import document_of, values_of
from tests.django_pulse.workspaces import DENIED, MISSING, answer, device, page, space, told
from tests.project.permits.models import Page, Seat, Workspace

__all__ = ["space"]  # a fixture

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.databases("sqlite", "postgres"),
]


# Roles


def test_a_reader_changes_nothing_and_is_told_field_by_field(space: Workspace) -> None:
    row = page(space, votes=2)
    phone = device(space, "reader")
    phone.set(row.sync_id, title="Mine")
    phone.add(row.sync_id, votes=5)
    phone.edit(row.sync_id, "body", 0, 0, "I: ")
    [result] = phone.push()
    assert result.status == "ok"
    assert told(result) == {
        "title": ("Mine", *DENIED),
        "votes": (5, *DENIED),
        "body": ("I: Empty.", *DENIED),
    }
    row.refresh_from_db()
    assert (row.title, row.votes, row.body) == ("Plan", 2, "Empty.")
    phone.pull()
    assert phone.get(row.sync_id) == values_of(row), "the device converges"


def test_a_voter_writes_only_what_he_may_and_the_rest_of_his_push_is_undone(
    space: Workspace,
) -> None:
    row = page(space)
    phone = device(space, "voter")
    phone.add(row.sync_id, votes=1)
    phone.set(row.sync_id, title="Mine", tags=["new"])
    [result] = phone.push()
    assert told(result) == {"title": ("Mine", *DENIED)}
    row.refresh_from_db()
    assert (row.title, row.votes, row.tags) == ("Plan", 1, ["new"])


def test_a_read_only_field_is_undone_as_such_whatever_can_sync_says(space: Workspace) -> None:
    row = page(space)
    phone = device(space, "admin")
    phone.set(row.sync_id, approved=True, title="Better")
    [result] = phone.push()
    assert {name: code for name, (_, code, _) in told(result).items()} == {"approved": "read_only"}
    row.refresh_from_db()
    assert (row.approved, row.title) == (False, "Better")


def test_an_edit_that_loses_is_asked_about_as_one_that_wins(space: Workspace) -> None:
    row = page(space)
    phone, laptop = device(space, "reader"), device(space, "editor")
    phone.set(row.sync_id, title="Lost")
    laptop.skew_ms = 10_000
    laptop.set(row.sync_id, title="Won")
    laptop.push()
    [result] = phone.push()
    assert told(result) == {"title": ("Lost", *DENIED)}
    assert [live.value for live in document_of(row).live("title")] == ["Won"]


def test_an_undone_edit_lets_live_what_it_had_replaced(space: Workspace) -> None:
    row = page(space)
    laptop = device(space, "editor")
    laptop.set(row.sync_id, title="Theirs")
    laptop.push()
    phone = device(space, "reader")
    phone.set(row.sync_id, title="Mine")
    phone.push()
    [live] = document_of(row).live("title")
    assert (live.value, live.dot.replica) == ("Theirs", laptop.replica)


# Creating


def test_a_row_that_may_not_be_made_is_refused_as_one_that_is_not_there(space: Workspace) -> None:
    phone = device(space, "reader")
    phone.create(title="New", workspace=space.pk)
    [result] = phone.push()
    assert (result.status, result.code, result.message) == MISSING
    assert not Page.objects.exists()
    assert not Document.objects.exists()


def test_a_new_row_gets_the_default_of_a_field_that_may_not_be_set(space: Workspace) -> None:
    phone = device(space, "editor")
    made = phone.create(title="New", status="done", workspace=space.pk)
    [result] = phone.push()
    assert told(result) == {"status": ("done", *DENIED)}
    row = Page.objects.get()
    assert (row.title, row.status, row.body) == ("New", "open", "Empty.")
    phone.pull()
    assert phone.get(made) == values_of(row)
    assert phone.get(made)["status"] == "open"


def test_a_new_row_without_a_field_that_it_must_have_is_refused(
    space: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    phone = device(space, "admin")
    phone.create(title="New", workspace=space.pk)
    answer(monkeypatch, lambda row, *_: {"title"})
    [result] = phone.push()
    assert (result.status, result.code) == ("refused", "required")
    assert not Page.objects.exists()


# Deleting, and taking it back


def test_a_deletion_that_is_not_allowed_is_undone_and_says_so(space: Workspace) -> None:
    row = page(space)
    phone = device(space, "editor")
    phone.delete(row.sync_id)
    [result] = phone.push()
    assert told(result) == {ROW_FIELD: (True, *DENIED)}
    assert Page.objects.get().version == 2
    phone.pull()
    assert not phone.schema.is_deleted(phone.rows[row.sync_id])


def test_an_edit_beside_a_deletion_that_is_undone_stands(space: Workspace) -> None:
    row = page(space)
    phone = device(space, "editor")
    phone.set(row.sync_id, title="Last words")
    phone.delete(row.sync_id)
    [result] = phone.push()
    assert told(result) == {ROW_FIELD: (True, *DENIED)}
    assert Page.objects.get().title == "Last words"


@pytest.mark.parametrize("role", ["admin", "editor"])
def test_a_deletion_is_taken_back_only_by_whom_can_sync_allows(space: Workspace, role: str) -> None:
    row = page(space)
    phone = device(space, role)
    row.delete()
    phone.pull()
    phone.undelete(row.sync_id)
    [result] = phone.push()
    assert Page.objects.exists() is (role == "admin")
    assert told(result) == ({} if role == "admin" else {ROW_FIELD: (False, *DENIED)})
    assert Document.objects.get().deleted is (role != "admin")


def test_an_edit_of_a_deleted_row_is_asked_about_before_it_waits_for_its_return(
    space: Workspace,
) -> None:
    row = page(space)
    phone = device(space, "reader")
    phone.set(row.sync_id, title="Mine")
    row.delete()
    [result] = phone.push()
    assert told(result) == {"title": ("Mine", *DENIED)}
    admin = device(space, "admin")
    admin.undelete(row.sync_id)
    admin.push()
    assert Page.objects.get().title == "Plan"


# Moving


def test_a_move_is_asked_about_where_the_row_is_and_where_it_would_be(space: Workspace) -> None:
    row = page(space)
    phone = device(space, "editor")
    other = Workspace.objects.create(name="Yard")
    seat = Seat.objects.create(workspace=other, user=phone.user, role="reader")
    phone.set(row.sync_id, workspace=other.pk, title="Moved")
    [result] = phone.push()
    assert told(result) == {"workspace": (other.pk, *DENIED)}
    row.refresh_from_db()
    assert (row.workspace, row.title) == (space, "Moved"), "he may still edit it where it is"
    Seat.objects.filter(pk=seat.pk).update(role="editor")
    phone.pull()
    phone.set(row.sync_id, workspace=other.pk)
    [result] = phone.push()
    assert told(result) == {}
    row.refresh_from_db()
    assert row.workspace == other


def test_whoever_may_write_only_at_the_destination_cannot_fetch_the_row(space: Workspace) -> None:
    row = page(space)
    phone = device(space, "reader")
    mine = Workspace.objects.create(name="Mine")
    Seat.objects.create(workspace=mine, user=phone.user, role="admin")
    phone.set(row.sync_id, workspace=mine.pk)
    [result] = phone.push()
    assert told(result) == {"workspace": (mine.pk, *DENIED)}
