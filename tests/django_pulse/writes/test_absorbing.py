"""What is written behind our back (a data migration, raw SQL) is taken in, and not undone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.db import connection, migrations
from django.db.migrations.loader import MigrationLoader

from crdt.document import Document
from django_pulse.changefeed import feed
from django_pulse.tables import Outbox
from django_pulse.visibility import scopes
from tests.django_pulse.devices import Device, values_of
from tests.project.todo.models import Note

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.databases("sqlite", "postgres"),
]


@pytest.fixture
def user() -> Any:
    return get_user_model().objects.create_user("ada")


@pytest.fixture
def phone(user: Any) -> Device:
    return Device(user, Note)


def by_migration() -> None:
    """`RunPython` with historical models, which have none of our managers, as `migrate` runs it."""

    def forwards(apps: Any, schema_editor: Any) -> None:
        notes = apps.get_model("todo", "Note").objects
        notes.update(title="MILK", votes=100)
        for note in notes.all():
            note.body += ", or three"
            note.save()

    class Migration(migrations.Migration):
        operations = [migrations.RunPython(forwards)]

    state = MigrationLoader(connection).project_state()
    with connection.schema_editor() as editor:
        Migration("9999_shout", "todo").apply(state, editor)


def by_sql() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE todo_note SET title = 'MILK', votes = 100, body = body || ', or three'"
        )


@pytest.fixture(params=[by_migration, by_sql])
def change_everything(request: pytest.FixtureRequest) -> Callable[[], None]:
    change: Callable[[], None] = request.param
    return change


def test_the_next_push_does_not_undo_it_and_it_reaches_every_client(
    phone: Device, user: Any, change_everything: Callable[[], None]
) -> None:
    laptop = Device(user, Note)
    made = phone.create(title="Milk", body="two litres", votes=1)
    phone.push()
    laptop.pull()
    cursor = feed.scope_heads(user)[scopes.personal("default", user.pk)]
    change_everything()
    phone.add(made, votes=5)  # having seen nothing of it
    phone.edit(made, "body", 0, 0, "exactly ")
    [result] = phone.push()
    assert result.status == "ok"
    row = Note.objects.get()
    expected = ("MILK", "exactly two litres, or three", 105)
    assert (row.title, row.body, row.votes) == expected
    assert {name: values_of(row)[name] for name in ("title", "votes")} == {
        "title": "MILK",
        "votes": 105,
    }
    phone.pull()
    laptop.pull()
    for device in (phone, laptop):
        values = device.get(made)
        assert (values["title"], values["body"], values["votes"]) == expected
    page = feed.pull(scopes.personal("default", user.pk), cursor)
    [change] = page.items
    assert phone.schema.read(Document(change.update)).values["title"] == "MILK"


def test_an_edit_made_later_on_a_device_wins_over_it(
    phone: Device, change_everything: Callable[[], None]
) -> None:
    made = phone.create(title="Milk", body="two litres", votes=1)
    phone.push()
    change_everything()
    phone.skew_ms = 10_000
    phone.set(made, title="Bread")
    phone.push()
    row = Note.objects.get()
    assert (row.title, row.votes) == ("Bread", 100)


def test_the_next_save_does_not_undo_it(
    phone: Device, change_everything: Callable[[], None]
) -> None:
    made = phone.create(title="Milk", body="two litres", votes=1)
    phone.push()
    stale = Note.objects.get()
    change_everything()
    stale.votes += 1
    stale.save()
    row = Note.objects.get()
    assert (row.title, row.votes) == ("MILK", 101)
    phone.pull()
    assert phone.get(made)["title"] == "MILK"


def test_a_row_deleted_by_raw_sql_is_deleted_for_the_devices_that_push_it(phone: Device) -> None:
    made = phone.create(title="Milk")
    phone.push()
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM todo_note")
    phone.set(made, title="Bread")
    [result] = phone.push()
    assert result.status == "ok"
    assert not Note.objects.exists()
    phone.pull()
    assert phone.schema.is_deleted(phone.rows[made])


def test_a_row_inserted_by_raw_sql_is_mirrored_when_it_is_first_pushed(
    phone: Device, user: Any
) -> None:
    made = phone.create(title="Milk", votes=2)
    Note._base_manager.bulk_create(
        [Note(sync_id=made, title="there before", body="b", votes=40, user=user)]
    )
    [result] = phone.push()
    assert result.status == "ok"
    row = Note.objects.get()
    assert row.votes == 42
    assert values_of(row)["votes"] == 42
    assert values_of(row)["body"] == "b"


def test_a_push_that_is_refused_absorbs_nothing(phone: Device) -> None:
    made = phone.create(title="Milk")
    phone.push()
    by_sql()
    thief = Device(get_user_model().objects.create_user("eve"), Note)
    thief.create(made, title="Stolen")
    [result] = thief.push()
    assert result.status == "refused"
    assert values_of(Note.objects.get())["title"] == "Milk"
    assert not Outbox.objects.exists()


def test_a_row_that_was_given_away_behind_our_back_is_its_new_owners(phone: Device) -> None:
    bob = get_user_model().objects.create_user("bob")
    made = phone.create(title="Milk")
    phone.push()
    with connection.cursor() as cursor:
        cursor.execute("UPDATE todo_note SET user_id = %s", [bob.pk])
    phone.set(made, title="from its former owner")
    [result] = phone.push()
    assert (result.status, result.clock) == ("resend", 0), "as of a row that is not there"
    phone.acked[made] = 0
    [result] = phone.push()
    assert (result.status, result.code) == ("refused", "forbidden")
    theirs = Device(bob, Note)
    theirs.create(made, title="Bread")
    [result] = theirs.push()
    assert result.status == "ok"
    assert Note.objects.get().title == "Bread"
    page = feed.pull(scopes.personal("default", phone.user.pk), 0)
    assert (page.items, page.leaves) == ((), (("todo.note", made),))
