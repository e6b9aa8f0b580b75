"""Three-way merges on behalf of an app that sends whole rows."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from django_pulse.tables import Receipt, Told
from tests.django_pulse.devices import Device
from tests.django_pulse.past import execute
from tests.project.todo.models import Note, Task

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


def test_a_stale_copy_changes_only_the_field_that_was_edited(
    app: App, note: Note, ada: Any
) -> None:
    sync_id = str(note.sync_id)
    for number in range(6):
        Note.objects.filter(pk=note.pk).update(body=f"{number} litres", votes=number)
    app.edit("note", sync_id, title="Oat milk")
    ack = app.upload("note")
    assert (ack["synced_ids"], ack["conflicts"], ack["errors"]) == ([sync_id], [], [])
    assert "notes" not in ack
    note.refresh_from_db()
    assert (note.title, note.body, note.votes) == ("Oat milk", "5 litres", 5)
    assert app.table("note")[sync_id]["body"] == "5 litres", "the app was told at once"


def test_a_counter_is_written_as_the_difference(app: App, note: Note, ada: Any) -> None:
    sync_id = str(note.sync_id)
    phone = Device(ada, Note)
    phone.pull()
    phone.add(note.sync_id, votes=5)
    phone.push()
    app.edit("note", sync_id, votes=3)
    app.upload("note")
    note.refresh_from_db()
    assert note.votes == 1 + 5 + 2


def test_a_text_is_written_as_the_diff(app: App, note: Note, ada: Any) -> None:
    phone = Device(ada, Note)
    phone.pull()
    phone.edit(note.sync_id, "body", 0, 3, "drei 😀")
    phone.push()
    app.edit("note", str(note.sync_id), body="two litres, lactose-free")
    app.upload("note")
    note.refresh_from_db()
    assert note.body == "drei 😀 litres, lactose-free"


@pytest.mark.parametrize("device", ["", "phone"])
def test_a_counter_sent_again_after_a_lost_ack_counts_once(
    ada: Any, note: Note, device: str
) -> None:
    app = App(ada, device)
    app.pull("note")
    app.edit("note", str(note.sync_id), votes=3)
    first = app.upload("note", lost=True)
    app.connect()
    assert app.upload("note") == first
    note.refresh_from_db()
    assert note.votes == 3
    assert Receipt.objects.count() == 1


@pytest.mark.parametrize("device", ["", "phone"])
def test_after_a_lost_ack_further_edits_start_from_what_was_taken(
    ada: Any, note: Note, device: str
) -> None:
    app = App(ada, device)
    app.pull("note")
    app.edit("note", str(note.sync_id), votes=3, title="Oat milk")
    app.upload("note", lost=True)
    Note.objects.filter(pk=note.pk).update(title="Soy milk")
    app.connect()
    app.edit("note", str(note.sync_id), votes=4)
    app.upload("note")
    note.refresh_from_db()
    assert (note.votes, note.title) == (4, "Soy milk")


def test_a_value_that_is_toggled_is_no_retry(app: App, note: Note, ada: Any) -> None:
    task = Task.objects.create(title="Bread", user=ada)
    app.pull("todo.task")
    for completed in (True, False, True):
        app.edit("todo.task", str(task.sync_id), completed=completed)
        app.upload("todo.task", lost=True)
        task.refresh_from_db()
        assert task.completed is completed


def test_two_devices_of_one_user_keep_both_edits(ada: Any, note: Note) -> None:
    phone, tablet = App(ada, "phone"), App(ada, "tablet")
    for app in (phone, tablet):
        app.pull("note")
    phone.edit("note", str(note.sync_id), votes=2, title="Oat milk")
    tablet.edit("note", str(note.sync_id), votes=2, body="two litres!")
    phone.upload("note")
    tablet.upload("note")
    note.refresh_from_db()
    assert (note.votes, note.title, note.body) == (3, "Oat milk", "two litres!")


def test_devices_without_a_name_are_told_apart_by_what_they_hold(ada: Any, note: Note) -> None:
    one, other = App(ada), App(ada)
    for app in (one, other):
        app.pull("note")
    one.edit("note", str(note.sync_id), title="Oat milk", body="one litre")
    other.edit("note", str(note.sync_id), votes=7)
    one.upload("note")
    other.upload("note")
    note.refresh_from_db()
    assert (note.votes, note.title, note.body) == (7, "Oat milk", "one litre")


def test_a_row_made_on_the_app_is_its_users(app: App, ada: Any) -> None:
    made = app.create("note", title="Bread", body="", votes=2, user=None, reviewed_by="")
    ack = app.upload("note", lost=True)
    assert (ack["synced_ids"], ack["errors"]) == ([made], [])
    row = Note.objects.get(sync_id=made)
    assert (row.title, row.votes, row.user) == ("Bread", 2, ada)
    app.connect()
    app.edit("note", made, votes=5)
    app.upload("note")
    row.refresh_from_db()
    assert row.votes == 5, "the second upload goes on from the first"


def test_beyond_the_history_the_last_write_wins_and_the_ack_says_so(
    app: App, note: Note, ada: Any
) -> None:
    sync_id = str(note.sync_id)
    Told.objects.all().delete()
    Note.objects.filter(pk=note.pk).update(body="five litres")
    app.edit("note", sync_id, title="Oat milk")
    ack = app.upload("note")
    assert ack["synced_ids"] == [sync_id]
    [said] = ack["notes"]
    assert said["id"] == sync_id
    assert "does not know any more" in said["msg"]
    note.refresh_from_db()
    assert (note.title, note.body) == ("Oat milk", "two litres")


def test_what_is_turned_down_is_told_for_its_row_and_the_rest_goes_through(
    app: App, note: Note, ada: Any
) -> None:
    good, bad = str(note.sync_id), app.create("note", title="x" * 201)
    app.edit("note", good, title="Oat milk", reviewed_by="me", votes="many")
    ack = app.upload("note")
    assert ack["synced_ids"] == []
    told = {each["id"]: each["msg"] for each in ack["errors"]}
    assert told.keys() == {good, bad}
    assert "reviewed_by: Devices cannot write this field." in told[good]
    assert "votes: “many” value must be an integer." in told[good]
    assert "title:" in told[bad]
    note.refresh_from_db()
    assert (note.title, note.reviewed_by, note.votes) == ("Oat milk", "", 1)
    assert app.upload("note")["errors"] == ack["errors"], "a retry has the same answer"


def test_a_delete_is_a_delete_and_can_be_taken_back(app: App, note: Note) -> None:
    sync_id = str(note.sync_id)
    app.edit("note", sync_id, is_deleted=1)
    assert app.upload("note", lost=True)["synced_ids"] == [sync_id]
    assert not Note.objects.exists()
    app.edit("note", sync_id, is_deleted=False)
    assert app.upload("note", lost=True)["errors"] == []
    assert Note.objects.get().title == "Milk"


def test_a_stale_copy_brings_no_deleted_row_back(app: App, note: Note) -> None:
    sync_id = str(note.sync_id)
    note.delete()
    app.edit("note", sync_id, title="Oat milk", is_deleted=False)
    ack = app.upload("note")
    assert ack["errors"] == [{"id": sync_id, "msg": "title: The row was deleted before this edit."}]
    assert not Note.objects.exists()
    assert sync_id not in app.table("note"), "it was told that the row is gone"


def test_a_row_of_somebody_else_is_refused_as_one_that_is_not_there(
    app: App, bob: Any, note: Note
) -> None:
    hers = Note.objects.create(title="Hers", user=bob)
    payload = {"sync_id": str(hers.sync_id), "version": 5, "title": "Mine"}
    [ack] = app.say({"type": "SYNC_UPLOAD", "table": "note", "payload": payload})
    assert (ack["status"], ack["sync_id"]) == ("ERROR", str(hers.sync_id))
    assert "you may not write it" in ack["error"]
    hers.refresh_from_db()
    assert hers.title == "Hers"


def test_what_the_app_keeps_for_itself_is_remarked_on_and_not_written(app: App, note: Note) -> None:
    app.edit("note", str(note.sync_id), title="Oat milk", colour="red")
    ack = app.upload("note")
    assert ack["synced_ids"] == [str(note.sync_id)]
    assert ack["notes"] == [
        {
            "id": str(note.sync_id),
            "msg": "Not written, for there are no such fields: colour.",
        }
    ]


def test_what_is_wrong_with_a_field_is_said_with_its_name_once(app: App, note: Note) -> None:
    app.edit("note", str(note.sync_id), body="a\0b")
    [error] = app.upload("note")["errors"]
    assert error["msg"] == "body: Text must not hold the character NUL."


def test_id_version_and_local_marks_are_never_written(app: App, note: Note) -> None:
    new = app.create("note", title="Bread", id=4_711, version=99, is_local_only=True, pk=4_712)
    edited = app.payload("note", str(note.sync_id)) | {"id": 4_713, "title": "Oat milk"}
    payloads = [app.payload("note", new) | {"id": 4_711}, edited]
    ack = app.say({"type": "SYNC_BATCH_UPLOAD", "table": "note", "payloads": payloads})[0]
    assert (len(ack["synced_ids"]), ack["errors"]) == (2, [])
    assert "notes" not in ack
    rows = Note.objects.in_bulk(field_name="sync_id")
    made, known = rows[UUID(new)], rows[note.sync_id]
    assert made.pk not in {4_711, 4_712}
    assert (made.version, made.is_local_only) == (1, False)
    assert (known.pk, known.title, known.version) == (note.pk, "Oat milk", 2)


def test_a_row_that_raw_sql_wrote_is_merged_into(app: App, note: Note, ada: Any) -> None:
    execute("UPDATE todo_note SET title = 'Raw', votes = 9 WHERE id = %s", note.pk)
    app.edit("note", str(note.sync_id), votes=2, title="Oat milk")
    app.upload("note")
    note.refresh_from_db()
    assert (note.title, note.votes) == ("Oat milk", 10)
