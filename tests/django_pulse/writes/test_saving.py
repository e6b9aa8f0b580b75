"""`save()`, `create()` and the bulk writes of the ORM."""

from __future__ import annotations

import copy
import pickle
import uuid
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.db import DatabaseError, connection, transaction
from django.db.models import F
from django.test.utils import CaptureQueriesContext

from django_pulse.tables import Document, Feed, Outbox
from tests.django_pulse.devices import Device, document_of, values_of
from tests.project.todo.models import Everything, Item, Note, Task

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.databases("sqlite", "postgres"),
]


@pytest.fixture
def user() -> Any:
    return get_user_model().objects.create_user("ada")


@pytest.fixture
def note(user: Any) -> Note:
    row: Note = Note.objects.create(title="Milk", body="two litres", user=user)
    return row


def save_and_roll_back(row: Note) -> None:
    with transaction.atomic():
        row.save()
        transaction.set_rollback(True)


def test_a_created_row_has_a_document_that_says_the_same(user: Any) -> None:
    task = Task.objects.create(title="Write", description="a book", user=user)
    assert task.version == 1
    assert values_of(task) == {
        "title": "Write",
        "description": "a book",
        "completed": False,
        "user": user.pk,
    }
    assert Document.objects.get().scopes == [f"default/auth.user/user/{user.pk}"]


def test_saving_increments_the_version_and_is_visible_at_once(user: Any) -> None:
    task = Task.objects.create(title="Write", user=user)
    task.title = "Read"
    task.save()
    assert task.version == 2
    assert Task.objects.get().version == 2
    assert Document.objects.get().version == 2


def test_saving_without_a_change_writes_nothing(note: Note) -> None:
    before = Document.objects.get()
    feed = list(Feed.objects.values_list("position", flat=True))
    updated_at = Note.objects.get().updated_at
    with CaptureQueriesContext(connection) as queries:
        note.save()
    assert [query["sql"] for query in queries.captured_queries] == []
    assert bytes(Document.objects.get().state) == bytes(before.state)
    assert list(Feed.objects.values_list("position", flat=True)) == feed
    assert Note.objects.get().updated_at == updated_at
    assert note.version == 1


def test_stale_instances_that_changed_different_fields_both_survive(user: Any) -> None:
    task = Task.objects.create(title="Write", user=user)
    one, other = Task.objects.get(pk=task.pk), Task.objects.get(pk=task.pk)
    other.title = "Read"
    other.save()
    one.completed = True
    one.save()
    row = Task.objects.get(pk=task.pk)
    assert (row.title, row.completed, row.version) == ("Read", True, 3)
    assert values_of(row)["title"] == "Read"
    assert values_of(row)["completed"] is True
    assert one.title == "Read", "what was merged shows on the instance once it is committed"


def test_stale_counters_add_up(note: Note) -> None:
    one, other = Note.objects.get(), Note.objects.get()
    one.votes += 1
    one.save()
    other.votes += 2
    other.save()
    assert Note.objects.get().votes == 3
    assert other.votes == 3


def test_a_counter_written_by_an_expression_adds_up(note: Note) -> None:
    stale = Note.objects.get()
    note.votes = F("votes") + 1
    note.save()
    stale.votes += 1
    stale.save()
    Note.objects.update(votes=F("votes") + 5)
    assert Note.objects.get().votes == 7
    assert values_of(note)["votes"] == 7


def test_stale_texts_merge_character_by_character(note: Note) -> None:
    one, other = Note.objects.get(), Note.objects.get()
    one.body = "exactly two litres"
    one.save()
    other.body = "two litres 🥛 please"
    other.save()
    assert Note.objects.get().body == "exactly two litres 🥛 please"
    assert values_of(note)["body"] == "exactly two litres 🥛 please"


def test_a_rolled_back_save_leaves_row_document_and_feed_untouched(note: Note) -> None:
    before = Document.objects.get()
    note.title = "Bread"
    save_and_roll_back(note)
    after = Document.objects.get()
    assert (bytes(after.state), after.version) == (bytes(before.state), before.version)
    assert Note.objects.get().title == "Milk"
    assert not Outbox.objects.exists()


def test_after_a_rollback_the_next_save_of_the_same_instance_writes_its_edit(note: Note) -> None:
    note.votes += 1
    note.title = "Bread"
    save_and_roll_back(note)
    note.save()
    row = Note.objects.get()
    assert (row.title, row.votes, row.version) == ("Bread", 1, 2)


def test_after_a_rolled_back_savepoint_too(note: Note) -> None:
    with transaction.atomic():
        note.votes += 1
        save_and_roll_back(note)
        note.save()
        note.votes += 1
        note.save()
    assert Note.objects.get().votes == 2


def test_two_saves_in_one_transaction_write_each_edit_once(note: Note) -> None:
    with transaction.atomic():
        note.votes += 1
        note.save()
        note.votes += 1
        note.save()
    note.votes += 1
    note.save()
    assert Note.objects.get().votes == 3


def test_update_fields_writes_those_fields_only(note: Note) -> None:
    note.title = "Bread"
    note.votes = 5
    note.save(update_fields=["votes"])
    row = Note.objects.get()
    assert (row.title, row.votes) == ("Milk", 5)
    note.save()
    assert Note.objects.get().title == "Bread"


def test_a_deferred_field_keeps_what_happened_meanwhile(note: Note) -> None:
    deferred = Note.objects.only("title").get()
    Note.objects.filter(pk=note.pk).update(body="three litres")
    deferred.title = "Bread"
    deferred.save()
    assert Note.objects.get().body == "three litres"


def test_a_json_value_changed_in_place_is_an_edit() -> None:
    row = Everything.objects.create(json={"tags": ["a"]})
    row = Everything.objects.get()
    row.json["tags"].append("b")
    row.save()
    assert Everything.objects.get().json == {"tags": ["a", "b"]}
    assert values_of(row)["json"] == {"tags": ["a", "b"]}


def test_a_clone_is_a_row_and_a_document_of_its_own(note: Note) -> None:
    clone = Note.objects.get()
    clone.pk = None
    clone.title = "Clone"
    clone.save()
    assert Note.objects.count() == 2
    assert clone.sync_id != note.sync_id
    assert Document.objects.count() == 2
    assert values_of(clone)["title"] == "Clone"


def test_an_instance_made_by_hand_for_an_existing_row_updates_it(note: Note, user: Any) -> None:
    Note(pk=note.pk, title="By hand", body="two litres", user=user).save()
    row = Note.objects.get()
    assert row.title == "By hand"
    assert row.sync_id == note.sync_id
    assert values_of(row)["title"] == "By hand"


def test_forcing_an_update_of_a_missing_row_fails_as_in_django(note: Note) -> None:
    gone = Note.objects.get()
    Note.objects.all().delete()
    gone.title = "Gone"
    with pytest.raises(DatabaseError):
        gone.save(force_update=True)


def test_a_deleted_row_leaves_a_tombstone_and_saving_it_again_brings_it_back(note: Note) -> None:
    stale = Note.objects.get()
    note.delete()
    stored = Document.objects.get()
    assert stored.deleted
    assert stored.scopes, "those who saw the row learn that it is gone"
    stale.title = "Back"
    stale.save()
    assert not Document.objects.get().deleted
    assert values_of(stale)["title"] == "Back"


def test_deleting_a_queryset_and_cascades_leave_tombstones(note: Note, user: Any) -> None:
    Task.objects.create(title="Write", user=user)
    Item.objects.create(name="Pen", price="1.50")
    user.delete()
    assert Document.objects.filter(deleted=True).count() == 2
    Item.objects.all().delete()
    assert Document.objects.filter(deleted=True).count() == 3


def test_bulk_create_update_and_bulk_update_are_mirrored(user: Any) -> None:
    rows = Note.objects.bulk_create(
        [Note(title=f"note {n}", votes=n, user=user) for n in range(10)]
    )
    assert Document.objects.count() == 10
    assert {values_of(row)["votes"] for row in Note.objects.all()} == set(range(10))
    Note.objects.update(title="same")
    assert {values_of(row)["title"] for row in rows} == {"same"}
    stored = list(Note.objects.all())
    for row in stored:
        row.votes += 100
    Note.objects.bulk_update(stored, ["votes"])
    assert {values_of(row)["votes"] for row in stored} == set(range(100, 110))
    assert {row.version for row in Note.objects.all()} == {3}


def test_bulk_writes_take_as_many_queries_for_many_rows_as_for_few(user: Any) -> None:
    def queries(count: int) -> int:
        rows = [Note(title=f"note {n}", user=user) for n in range(count)]
        with CaptureQueriesContext(connection) as captured:
            Note.objects.bulk_create(rows)
            Note.objects.filter(title__startswith="note").update(votes=F("votes") + 1)
            Note.objects.all().delete()
        return len(captured)

    queries(1)  # makes the scope
    assert queries(60) == queries(3)


def test_moving_a_row_to_another_user_leaves_one_scope_and_enters_the_other(note: Note) -> None:
    other = get_user_model().objects.create_user("bob")
    note.user = other
    note.save()
    assert Document.objects.get().scopes == [f"default/auth.user/user/{other.pk}"]
    presence = Feed.objects.order_by("position").values_list("scope__key", "present")
    assert dict(presence) == {
        f"default/auth.user/user/{note.user_id}": True,
        f"default/auth.user/user/{Document.objects.count() and _first_user(other)}": False,
    }


def _first_user(other: Any) -> int:
    return get_user_model().objects.exclude(pk=other.pk).get().pk


def test_a_local_only_row_is_in_no_scope_until_it_is_cleared(user: Any) -> None:
    task = Task.objects.create(title="Draft", user=user, is_local_only=True)
    assert Document.objects.get().scopes == []
    task.is_local_only = False
    task.save()
    assert Document.objects.get().scopes == [f"default/auth.user/user/{user.pk}"]
    assert Feed.objects.count() == 1
    assert not Task.objects.get().is_local_only


def test_a_row_changed_by_raw_sql_is_absorbed_by_the_next_save(note: Note) -> None:
    with connection.cursor() as cursor:
        cursor.execute("UPDATE todo_note SET title = 'Raw', votes = 7")
    note.votes += 1
    note.save()
    row = Note.objects.get()
    assert (row.title, row.votes) == ("Raw", 8)
    assert values_of(row)["title"] == "Raw"
    assert values_of(row)["votes"] == 8


def test_a_row_without_document_gets_one_when_it_is_saved(user: Any) -> None:
    with connection.cursor() as cursor:
        sync_id = uuid.uuid4()
        Note.objects.create(title="x", user=user)
        Document.objects.all().delete()
        cursor.execute("UPDATE todo_note SET title = 'Old'")
    row = Note.objects.get()
    row.votes = 3
    row.save()
    assert values_of(row)["title"] == "Old"
    assert values_of(row)["votes"] == 3
    assert sync_id != row.sync_id


@pytest.mark.parametrize("again", [copy.copy, lambda note: pickle.loads(pickle.dumps(note))])
def test_a_copy_of_what_was_saved_changes_what_it_was_edited_in_alone(
    note: Note, again: Any
) -> None:
    note.title = "saved"
    note.save()
    copied = again(note)
    Note.objects.filter(pk=note.pk).update(title="of others")
    copied.reviewed_by = "me"
    copied.save()
    note.refresh_from_db()
    assert (note.title, note.reviewed_by) == ("of others", "me")


def test_instances_can_be_pickled_and_copied_in_the_middle_of_a_transaction(note: Note) -> None:
    with transaction.atomic():
        note.votes += 1
        note.save()
        twin = pickle.loads(pickle.dumps(note))
        copied = copy.copy(note)
    assert twin.votes == copied.votes == 1


def test_refresh_from_db_is_not_an_edit(note: Note) -> None:
    stale = Note.objects.get()
    note.title = "Bread"
    note.save()
    stale.refresh_from_db()
    note.title = "Butter"
    note.save()
    stale.votes = 1
    stale.save()
    assert Note.objects.get().title == "Butter"


@pytest.mark.parametrize("names", [None, ["votes"], ["body"]])
def test_what_was_read_between_a_save_and_its_rollback_hides_no_edit(
    note: Note, names: Any
) -> None:
    """Also what had been deferred until then."""
    row = Note.objects.defer("votes", "body").get()
    with transaction.atomic():
        row.title = "Bread"
        row.save()
        row.refresh_from_db(fields=names)
        transaction.set_rollback(True)
    Note.objects.update(body="three litres", votes=7)
    row.save()
    stored = Note.objects.get()
    assert (stored.title, stored.body, stored.votes) == ("Bread", "three litres", 7)
    assert values_of(stored)["title"] == "Bread"


def test_five_hundred_saves_leave_the_document_as_small_as_ten(user: Any) -> None:
    note = Note.objects.create(title="0", user=user)
    sizes = []
    for n in range(1, 61):
        note.title, note.votes = f"{n:03}", n
        note.save()
        sizes.append(len(Document.objects.get().state))
    assert max(sizes[20:]) <= max(sizes[:20]) + 8, sizes


def test_a_device_sees_what_the_orm_wrote(note: Note, user: Any) -> None:
    phone = Device(user, Note)
    phone.pull()
    assert phone.get(note.sync_id)["title"] == "Milk"
    assert phone.get(note.sync_id)["body"] == "two litres"
    assert document_of(note).vector
