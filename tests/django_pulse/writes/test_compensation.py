"""A device whose every edit is undone still converges, and its document stays small."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from django.contrib.auth import get_user_model

from crdt.document import Document
from crdt.events import Refused, Reverted
from crdt.replica import Replica
from django_pulse.tables import Document as Stored
from django_pulse.writes.pushes import undoing
from tests.django_pulse.phones import Phone, switchboard
from tests.django_pulse.text.apps import App
from tests.project.permits.models import Page, Workspace

ROUNDS = int(os.environ.get("PULSE_ROUNDS", "25"))
"""How often everything is undone that a device wrote. A thousand take some minutes."""

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(120 + ROUNDS)]

MODEL = "permits.page"
TEXT = "Write it down, é😀."


@pytest.fixture
def row() -> Page:
    space = Workspace.objects.create(name="Hall")
    for role in ("reader", "voter"):
        space.seats.create(user=get_user_model().objects.create_user(role), role=role)
    made: Page = Page.objects.create(title="Plan", body=TEXT, workspace=space)
    return made


def phone_of(board: Any, role: str) -> Phone:
    """A device that has what its user sees; its replica id takes as many bytes as they do."""
    phone = Phone(board, get_user_model().objects.get(username=role), 2**52 + len(role))
    phone.sync()
    return phone


def values(replica: Replica, row: UUID, nth: int) -> None:
    replica.set(MODEL, row, title=f"Mine {nth}", tags=[f"tag {nth}"], workspace=10**6 + nth)
    replica.add(MODEL, row, "votes", nth + 1)


def deletion(replica: Replica, row: UUID, nth: int) -> None:
    replica.delete(MODEL, row)


def insertion(replica: Replica, row: UUID, nth: int) -> None:
    replica.edit_text(MODEL, row, "body", nth % len(TEXT), 0, f"é😀 {nth}")


def everything(replica: Replica, row: UUID, nth: int) -> None:
    values(replica, row, nth)
    insertion(replica, row, nth)


Edit = Callable[[Replica, UUID, int], None]


def undone(row: Page, role: str, edit: Edit) -> tuple[Phone, bytes]:
    """Have an edit undone again and again; the device, and the document in the end."""
    with switchboard() as board:
        phone = phone_of(board, role)
        for nth in range(ROUNDS):
            edit(phone.replica, row.sync_id, nth)
            phone.sync()
            assert phone.replica.in_sync
    return phone, bytes(Stored.objects.get(sync_id=row.sync_id).state)


def assert_converged(phone: Phone, row: Page, state: bytes) -> None:
    row.refresh_from_db()
    assert (row.title, row.body, row.votes) == ("Plan", TEXT, 0)
    [(_, held)] = phone.documents(MODEL).values()
    document = Document(state)
    assert held == {name: document.live(name) for name in document.fields()}
    assert phone.row(MODEL, row.sync_id)["body"] == TEXT


@pytest.mark.parametrize("edit", [values, deletion])
def test_a_document_in_which_values_are_undone_grows_by_nothing(row: Page, edit: Edit) -> None:
    phone, state = undone(row, "reader", edit)
    assert_converged(phone, row, state)
    assert len(state) < 400
    assert len(Document(state).entries) == len(Document(state).fields())
    reverted = [event for event in phone.events if isinstance(event, Reverted)]
    assert len(reverted) == ROUNDS, "each of them was told"


@pytest.mark.parametrize("edit", [insertion, everything])
def test_a_document_in_which_texts_are_undone_grows_up_to_a_bound_and_no_further(
    row: Page, monkeypatch: pytest.MonkeyPatch, edit: Edit
) -> None:
    if ROUNDS < 1_000:  # then as many edits do not reach the real one
        monkeypatch.setattr(undoing, "MOST_BYTES", 700)
    phone, state = undone(row, "reader", edit)
    assert_converged(phone, row, state)
    assert undoing.MOST_BYTES < len(state) < undoing.MOST_BYTES + 1_000
    told = [event for event in phone.events if isinstance(event, Reverted)]
    texts = [event.fields["body"] for event in told if "body" in event.fields]
    assert len(texts) == ROUNDS, "each of them was told"
    assert {field.code for field in texts} == {"denied"}
    assert len({field.value for field in texts}) == ROUNDS
    assert len(phone.replica.reverted()) == len(told), "and kept"
    assert not [event for event in phone.events if isinstance(event, Refused)]


def test_a_large_document_takes_what_may_stand(row: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(undoing, "MOST_BYTES", 10)
    with switchboard() as board:
        phone = phone_of(board, "voter")
        phone.replica.add(MODEL, row.sync_id, "votes", 1)
        phone.replica.set(MODEL, row.sync_id, title="Mine")
        phone.sync()
    row.refresh_from_db()
    assert (row.votes, row.title) == (1, "Plan")


def test_of_a_whole_row_all_but_such_a_text_is_taken(
    row: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An app of the text protocol keeps no documents: the server leaves the text out for it."""
    monkeypatch.setattr(undoing, "MOST_BYTES", 10)
    before = len(Stored.objects.get(sync_id=row.sync_id).state)
    app, sync_id = App(get_user_model().objects.get(username="voter")), str(row.sync_id)
    app.pull(MODEL)
    for number in range(5):
        app.edit(MODEL, sync_id, body=f"{number} {TEXT}", votes=number + 1)
        ack = app.upload(MODEL)
        told = str(ack["errors"] + ack.get("notes", []))
        assert sync_id in told
        assert "body" in told
        row.refresh_from_db()
        assert (row.body, row.votes) == (TEXT, number + 1)
    assert len(Stored.objects.get(sync_id=row.sync_id).state) < before + 150
