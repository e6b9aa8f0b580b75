"""References that wait for a row: only what their own writer may write gets in, and only theirs."""

from __future__ import annotations

import uuid

import pytest
from django.core.exceptions import ValidationError

from django_pulse.identity import random_replica
from django_pulse.tables import Awaited, Document, Feed
from django_pulse.tables import Device as Registered
from fuzz.simulation.parked import was_there
from tests.django_pulse.devices import Device
from tests.django_pulse.workspaces import DENIED, MISSING, answer, device, page, space, told
from tests.project.permits.models import Page, Seat, Workspace

__all__ = ["space"]  # a fixture

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.databases("sqlite", "postgres"),
]


@pytest.fixture
def row(space: Workspace) -> Page:
    return page(space)


def known(space: Workspace, role: str) -> Device:
    """A device whose replica is registered, as every one that said hello is."""
    made = device(space, role)
    made.replica = random_replica()
    made.rows.clear()
    made.pull()
    Registered.objects.create(replica=made.replica, user=str(made.user.pk), device=role)
    return made


def wait(phone: Device, row: Page, parent: uuid.UUID) -> None:
    phone.pull(row.sync_id)
    phone.set(row.sync_id, parent=parent)
    phone.push(row.sync_id)


def arrive(space: Workspace, parent: uuid.UUID) -> Page:
    return page(space, sync_id=parent, title="Parent")


def parent_of(row: Page) -> Page | None:
    found: Page | None = Page.objects.get(pk=row.pk).parent
    return found


@pytest.mark.parametrize("how", ["can_sync", "clean"])
def test_an_edit_that_is_undone_leaves_the_column_that_waits_as_it_was(
    space: Workspace, row: Page, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    editor, voter = known(space, "editor"), known(space, "voter")
    other, coming = page(space, title="Other"), uuid.uuid4()
    wait(editor, row, coming)
    if how == "clean":
        answer(monkeypatch, lambda *_: True)

        def clean(self: Page) -> None:
            if self.parent_id is not None and self.parent_id == other.pk:
                raise ValidationError({"parent": "Not this one."})

        monkeypatch.setattr(Page, "clean", clean)
    voter.pull()
    voter.set(row.sync_id, parent=other.sync_id)
    [result] = voter.push(row.sync_id)
    assert told(result).keys() == {"parent"}
    assert parent_of(row) is None
    assert {wait.user for wait in Awaited.objects.all()} == {str(editor.user.pk)}
    there = arrive(space, coming)
    assert parent_of(row) == there, "what the editor wrote still gets in"


@pytest.mark.parametrize("first", ["voter", "editor"])
def test_one_who_may_not_takes_nothing_from_one_who_may(
    space: Workspace, row: Page, first: str
) -> None:
    phones = {"voter": known(space, "voter"), "editor": known(space, "editor")}
    coming = uuid.uuid4()
    for phone in phones.values():
        phone.pull()
    for role in [first, *(phones.keys() - {first})]:
        phones[role].set(row.sync_id, parent=coming)
        phones[role].push(row.sync_id)
    there = arrive(space, coming)
    assert parent_of(row) == there


def test_a_row_that_may_not_be_made_and_is_deleted_while_it_waits_is_nowhere_and_stays_gone(
    space: Workspace,
) -> None:
    phone, coming = known(space, "reader"), uuid.uuid4()
    made = phone.create(title="Mine", workspace=space.pk, parent=coming)
    phone.push()
    there = arrive(space, coming)
    waits = Document.objects.get(sync_id=made)
    assert waits.parked is not None
    assert waits.parked["code"] == "forbidden"
    phone.delete(made)
    assert [result.status for result in phone.push()] == ["ok"]
    stored = Document.objects.get(sync_id=made)
    assert stored.deleted
    assert not stored.scopes
    assert not was_there(stored)
    assert not Feed.objects.filter(document=stored.pk).exists(), "nobody is told of it"
    phone.undelete(made)
    [result] = phone.push()
    assert (result.status, result.clock) == ("resend", 0), "as of a row that is not there"
    phone.acked[made] = 0
    [result] = phone.push()
    assert (result.status, result.code, result.message) == MISSING
    assert Page.objects.get() == there
    there.delete()
    assert was_there(Document.objects.get(sync_id=coming)), "a tombstone stays where its row was"


@pytest.mark.parametrize("arrives", [False, True])
def test_a_row_that_waits_is_deleted_by_who_pushed_it_and_once_it_is_there_only_by_who_may(
    space: Workspace, arrives: bool
) -> None:
    phone, coming = known(space, "editor"), uuid.uuid4()
    made = phone.create(title="Mine", workspace=space.pk, parent=coming)
    phone.push()
    if arrives:
        arrive(space, coming)
    phone.delete(made)
    [result] = phone.push()
    assert (result.status, told(result)) == ("ok", {"-": (True, *DENIED)} if arrives else {})
    stored = Document.objects.get(sync_id=made)
    assert stored.deleted is not arrives
    assert was_there(stored) is arrives
    assert Page.objects.filter(sync_id=made).exists() is arrives


def test_what_he_pushes_meanwhile_lets_nothing_in_that_he_may_not(
    space: Workspace, row: Page
) -> None:
    phone = known(space, "editor")
    coming = uuid.uuid4()
    wait(phone, row, coming)
    Seat.objects.filter(user=phone.user).update(role="voter")
    arrived = Page(sync_id=coming, title="Parent", workspace=space)
    Page.objects.bulk_create([arrived])
    phone.add(row.sync_id, votes=1)
    phone.push(row.sync_id)
    assert Page.objects.get(pk=row.pk).votes == 1
    assert parent_of(row) is None
    assert not Document.objects.get(sync_id=row.sync_id).waiting
    del arrived


def test_a_reference_that_waits_is_let_in_for_whoever_wrote_it(space: Workspace, row: Page) -> None:
    phone, coming = known(space, "admin"), uuid.uuid4()
    wait(phone, row, coming)
    there = arrive(space, coming)
    assert parent_of(row) == there
    assert not Awaited.objects.exists()


@pytest.mark.parametrize("role", ["voter", "editor"])
def test_what_loses_to_a_reference_that_waits_is_asked_about_at_once(
    space: Workspace, row: Page, role: str
) -> None:
    """Or it would be let in unasked, should that one not stand when its row comes."""
    editor, other = known(space, "editor"), known(space, role if role == "voter" else "admin")
    there, coming = page(space, title="There"), uuid.uuid4()
    other.pull()
    other.skew_ms = -60_000
    other.set(row.sync_id, parent=there.sync_id)
    wait(editor, row, coming)
    [result] = other.push(row.sync_id)
    assert told(result).keys() == ({"parent"} if role == "voter" else set())
    Seat.objects.filter(user=editor.user).update(role="reader")
    arrive(space, coming)
    assert parent_of(row) == (None if role == "voter" else there)


def test_of_two_references_that_wait_the_one_that_lost_gets_in_when_the_other_may_not(
    space: Workspace, row: Page
) -> None:
    editor, admin = known(space, "editor"), known(space, "admin")
    first, second = uuid.uuid4(), uuid.uuid4()
    admin.pull()
    admin.skew_ms = -60_000
    admin.set(row.sync_id, parent=second)
    wait(editor, row, first)
    admin.push(row.sync_id)
    Seat.objects.filter(user=editor.user).update(role="reader")
    there = arrive(space, second)
    assert parent_of(row) is None
    arrive(space, first)
    assert parent_of(row) == there
    assert not Awaited.objects.exists()


def test_what_a_column_held_while_it_waited_loses_to_an_edit_that_is_pushed_later(
    space: Workspace, row: Page
) -> None:
    editor, admin = known(space, "editor"), known(space, "admin")
    there, coming = page(space, title="There"), uuid.uuid4()
    admin.pull()
    admin.set(row.sync_id, parent=there.sync_id)
    wait(editor, row, coming)
    row.refresh_from_db()
    row.title = "Later"
    row.save()
    Seat.objects.filter(user=editor.user).update(role="reader")
    arrive(space, coming)
    assert parent_of(row) is None
    [result] = admin.push(row.sync_id)
    assert told(result) == {}
    assert parent_of(row) == there
