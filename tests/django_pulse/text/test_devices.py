"""Devices of one user that say no name: which of them sent a row can only be told from the row."""

from __future__ import annotations

from typing import Any

import pytest

from tests.project.todo.models import Note, Task

from .apps import App

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.databases("sqlite", "postgres"),
]

NAMES = [("", ""), ("phone", "tablet")]


@pytest.fixture
def note(ada: Any) -> Note:
    made: Note = Note.objects.create(title="Milk", body="two litres", votes=5, user=ada)
    return made


def both(user: Any, names: tuple[str, str], table: str) -> list[App]:
    """Two devices that were told all there is."""
    apps = [App(user, name) for name in names]
    for app in apps:
        app.pull(table)
    return apps


@pytest.mark.parametrize("names", NAMES)
def test_edits_of_different_fields_are_all_kept(
    ada: Any, note: Note, names: tuple[str, str]
) -> None:
    sync_id = str(note.sync_id)
    one, other = both(ada, names, "note")
    one.edit("note", sync_id, title="Oat milk", votes=6)
    other.edit("note", sync_id, body="two litres!")
    for app in (one, other):
        app.upload("note", lost=True)
    for app in (one, other):
        app.connect()
        assert app.upload("note")["errors"] == []
    note.refresh_from_db()
    assert (note.title, note.votes, note.body) == ("Oat milk", 6, "two litres!")


@pytest.mark.parametrize("names", NAMES)
def test_an_edit_that_both_made_makes_no_other_one_a_stale_copy(
    ada: Any, names: tuple[str, str]
) -> None:
    task = Task.objects.create(title="Bread", user=ada)
    one, other = both(ada, names, "todo.task")
    one.edit("todo.task", str(task.sync_id), completed=True, title="White bread")
    other.edit("todo.task", str(task.sync_id), completed=True, description="Fresh.")
    one.upload("todo.task")
    other.upload("todo.task")
    task.refresh_from_db()
    assert (task.title, task.description, task.completed) == ("White bread", "Fresh.", True)


@pytest.mark.parametrize(("names", "votes"), [(NAMES[0], 6), (NAMES[1], 7)])
def test_two_rows_that_are_wholly_alike_are_one_and_its_retry_unless_devices_have_names(
    ada: Any, note: Note, names: tuple[str, str], votes: int
) -> None:
    for app in both(ada, names, "note"):
        app.edit("note", str(note.sync_id), votes=6)
        assert app.upload("note")["errors"] == []
    note.refresh_from_db()
    assert note.votes == votes


@pytest.mark.parametrize("name", ["", "phone"])
def test_what_was_sent_and_then_undone_is_undone_after_a_lost_ack(
    ada: Any, note: Note, name: str
) -> None:
    app = App(ada, name)
    app.pull("note")
    for votes, title in ((7, "Oat milk"), (5, "Milk"), (8, "Milk")):
        app.edit("note", str(note.sync_id), votes=votes, title=title)
        app.upload("note", lost=True)
        app.connect()
        note.refresh_from_db()
        assert (note.votes, note.title) == (votes, title)
