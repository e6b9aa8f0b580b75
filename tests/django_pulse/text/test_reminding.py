"""Nothing is missed by an app that remembers one position for a table, whatever gets lost."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from django_pulse.tables import Document, Feed, Reminder
from django_pulse.upkeep import purging
from tests.project.teams.models import Budget, Project
from tests.project.todo.models import Item, Note, Task

from .apps import App

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.databases("sqlite", "postgres"),
]


@pytest.fixture
def note(ada: Any) -> Note:
    made: Note = Note.objects.create(title="Milk", body="two litres", votes=1, user=ada)
    return made


@pytest.fixture
def app(ada: Any, note: Note) -> App:
    """An app that was told the note."""
    app = App(ada)
    app.pull("note")
    return app


def goes_by(app: App, note: Note, ada: Any) -> None:
    """Others write: the app passes over the row that it edited, and takes another one."""
    Note.objects.filter(pk=note.pk).update(title="Soy milk")
    Note.objects.create(title="Bread", user=ada)
    app.pull("note")
    assert app.table("note")[str(note.sync_id)]["title"] == "Milk"


def cut_off_behind_the_ack(app: App) -> dict[str, Any]:
    """Upload, lose the connection right behind the ack, and ask anew; returns the ack."""
    ack = app.upload("note", lost=True)
    app.take(ack)
    app.connect()
    app.pull("note")
    return ack


def test_what_was_passed_over_is_told_though_the_edit_was_undone(
    app: App, note: Note, ada: Any
) -> None:
    sync_id = str(note.sync_id)
    app.edit("note", sync_id, votes=2)
    goes_by(app, note, ada)
    app.edit("note", sync_id, votes=1)
    assert cut_off_behind_the_ack(app)["synced_ids"] == [sync_id]
    assert app.table("note")[sync_id]["title"] == "Soy milk"


def test_what_was_passed_over_is_told_after_a_retry(app: App, note: Note, ada: Any) -> None:
    sync_id = str(note.sync_id)
    app.edit("note", sync_id, votes=2)
    app.upload("note", lost=True)
    goes_by(app, note, ada)
    assert cut_off_behind_the_ack(app)["synced_ids"] == [sync_id]
    assert app.table("note")[sync_id]["title"] == "Soy milk"


def test_what_did_not_stand_is_told_as_it_is(app: App, note: Note) -> None:
    sync_id = str(note.sync_id)
    app.edit("note", sync_id, reviewed_by="me")
    ack = app.upload("note", lost=True)
    assert [each["id"] for each in ack["errors"]] == [sync_id]
    app.edited.clear()  # the user was told
    app.connect()
    app.pull("note")
    assert app.table("note")[sync_id]["reviewed_by"] == ""


def test_an_edit_of_what_was_told_after_a_reminder_is_merged(
    app: App, note: Note, ada: Any
) -> None:
    sync_id = str(note.sync_id)
    app.edit("note", sync_id, votes=2)
    goes_by(app, note, ada)
    app.edit("note", sync_id, votes=1)
    cut_off_behind_the_ack(app)
    Note.objects.filter(pk=note.pk).update(votes=7)
    app.edit("note", sync_id, votes=4)
    ack = app.upload("note")
    assert "notes" not in ack, "what was told under a reminder's position is remembered"
    note.refresh_from_db()
    assert (note.votes, note.title) == (10, "Soy milk")


def test_nobody_is_reminded_of_what_he_holds(app: App, note: Note) -> None:
    app.edit("note", str(note.sync_id), title="Oat milk")
    app.upload("note")
    app.edit("note", str(note.sync_id), title="Oat milk")
    app.upload("note")
    assert not Reminder.objects.exists()
    assert app.pull("note") == []


def test_nobody_is_reminded_of_a_row_that_he_may_not_see(app: App, bob: Any) -> None:
    hers = Note.objects.create(title="Hers", user=bob)
    payload = {"sync_id": str(hers.sync_id), "version": 1, "title": "Mine"}
    told = app.say({"type": "SYNC_BATCH_UPLOAD", "table": "note", "payloads": [payload]})
    assert [each["type"] for each in told] == ["BATCH_ACK"]
    assert not Reminder.objects.exists()


def test_whoever_was_away_for_longer_than_deletions_are_known_is_told_of_them(
    app: App, note: Note, ada: Any, bob: Any
) -> None:
    goes = Note.objects.create(title="goes", user=ada)
    kept = Note.objects.create(title="kept", user=ada)
    app.pull("note")
    note.delete()
    goes.user = bob
    goes.save()
    purging.purge("default", timezone.now() + timedelta(seconds=1))
    assert not Document.objects.filter(sync_id=note.sync_id).exists()
    app.connect()
    told = [each["data"] for each in app.pull("note")]
    assert {(each["type"], each["sync_id"]) for each in told} == {
        ("HARD_DELETE", str(note.sync_id)),
        ("HARD_DELETE", str(goes.sync_id)),
    }
    assert app.table("note").keys() == {str(kept.sync_id)}
    assert app.pull("note") == [], "nothing is told twice"
    fresh = App(ada)
    assert [each["data"]["sync_id"] for each in fresh.pull("note")] == [str(kept.sync_id)]


def test_an_edit_of_a_row_that_is_forgotten_is_answered_and_the_row_taken_away(
    app: App, note: Note
) -> None:
    sync_id = str(note.sync_id)
    app.edit("note", sync_id, title="Oat milk")
    note.delete()
    purging.purge("default", timezone.now() + timedelta(seconds=1))
    ack = app.upload("note")
    assert [each["id"] for each in ack["errors"]] == [sync_id]
    assert sync_id not in app.table("note")
    assert not Note.objects.exists()


def test_a_row_that_left_a_scope_long_ago_and_is_seen_in_another_one_stays(ada: Any) -> None:
    one, other = Project.objects.create(name="one"), Project.objects.create(name="other")
    for project in (one, other):
        project.admins.add(ada)
    budget = Budget.objects.create(title="moves", project=one)
    app = App(ada)
    app.pull("budget")
    budget.project = other
    budget.save()
    assert Feed.objects.filter(present=False).exists()
    purging.purge("default", timezone.now() + timedelta(seconds=1))
    app.connect()
    assert [each["data"].get("type") for each in app.pull("budget")] == [None]
    assert app.table("budget").keys() == {str(budget.sync_id)}


def test_no_reminder_is_left_where_no_app_can_know_the_row(ada: Any) -> None:
    Task.objects.create(title="Bread", user=ada).delete()
    Item.objects.create(name="Milk", price=1).delete()
    purging.purge("default", timezone.now() + timedelta(seconds=1))
    assert not Document.objects.exists()
    assert not Reminder.objects.exists()
