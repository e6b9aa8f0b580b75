"""Somebody holds a row, a document or what a row points to: nobody else waits for that."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.db import connection, connections

from django_pulse.tables import Document
from django_pulse.writes.pushes import batches, pushing
from tests.django_pulse.devices import Device, values_of
from tests.django_pulse.together import PATIENCE, Gate, in_thread, open_transaction
from tests.project.todo.models import Category, Everything, Note, Task

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.databases("postgres")]


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """However slow the machine is, a batch with a busy row in it is halved down to that row."""
    monkeypatch.setattr(pushing, "PATIENCE_SECONDS", PATIENCE)


@pytest.fixture
def user() -> Any:
    return get_user_model().objects.create_user("ada")


@pytest.fixture
def phone(user: Any) -> Device:
    return Device(user, Note)


def statuses(phone: Device, *ids: uuid.UUID) -> list[str]:
    return [result.status for result in phone.push(*ids)]


def the_row(sync_id: uuid.UUID) -> Any:
    return Note.objects.select_for_update().get(sync_id=sync_id)


def the_document(sync_id: uuid.UUID) -> Any:
    return Document.objects.select_for_update().get(sync_id=sync_id)


@pytest.mark.parametrize("hold", [the_row, the_document])
def test_what_a_view_holds_is_busy_and_nobody_else_waits(
    phone: Device, hold: Callable[[uuid.UUID], Any]
) -> None:
    held, free = phone.create(title="held"), phone.create(title="free")
    phone.push()
    stranger = Device(get_user_model().objects.create_user("bob"), Note)
    with open_transaction(lambda: hold(held)):
        phone.set(held, title="held 2")
        phone.set(free, title="free 2")
        assert statuses(phone, held, free) == ["busy", "ok"]
        new = stranger.create(title="of somebody else")
        assert statuses(stranger, new) == ["ok"]
        assert statuses(phone, held) == ["busy"]
    assert statuses(phone, held) == ["ok"]
    titles = set(Note.objects.values_list("title", flat=True))
    assert titles == {"held 2", "free 2", "of somebody else"}


def test_while_a_view_holds_the_user_only_new_rows_of_that_user_wait(
    phone: Device, user: Any
) -> None:
    known = phone.create(title="known")
    phone.push()
    stranger = Device(get_user_model().objects.create_user("bob"), Note)
    with open_transaction(lambda: get_user_model().objects.select_for_update().get(pk=user.pk)):
        phone.set(known, title="edited")
        new = phone.create(title="new")
        assert statuses(phone, known, new) == ["ok", "busy"]
        assert statuses(stranger, stranger.create(title="other")) == ["ok"]
    assert statuses(phone, new) == ["ok"]


def test_while_a_view_holds_a_row_only_what_begins_to_point_to_it_waits(user: Any) -> None:
    held, free = (Category.objects.create(name=name) for name in ("held", "free"))
    tablet = Device(user, Everything)
    there = tablet.create(category=held.pk)
    tablet.push()
    with open_transaction(lambda: Category.objects.select_for_update().get(pk=held.pk)):
        tablet.set(there, integer=2)
        to_held, to_free = tablet.create(category=held.pk), tablet.create(category=free.pk)
        assert statuses(tablet, there, to_held, to_free) == ["ok", "busy", "ok"]
    assert statuses(tablet, to_held) == ["ok"]
    assert Everything.objects.get(sync_id=to_held).category == held


def test_a_view_that_edits_without_changing_the_key_keeps_nobody_from_pointing(user: Any) -> None:
    """As the database's own check would have it: a foreign key needs the key to stay, no more."""
    category = Category.objects.create(name="before")
    tablet = Device(user, Everything)
    with open_transaction(lambda: Category.objects.filter(pk=category.pk).update(name="after")):
        assert statuses(tablet, tablet.create(category=category.pk)) == ["ok"]


def test_a_view_never_waits_for_a_push_that_skipped_its_row(
    phone: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise it would wait for the document, which the push has no use for."""
    held, free = phone.create(title="held"), phone.create(title="free")
    phone.push()
    phone.set(held, title="from the phone")
    phone.set(free, title="from the phone")
    gate = Gate()
    write = batches._write

    def slowly(*arguments: Any) -> None:
        gate.pass_through()
        write(*arguments)

    monkeypatch.setattr(batches, "_write", slowly)
    pushes: list[Future[list[str]]] = []

    def view() -> None:
        row = the_row(held)
        pushes.append(in_thread(lambda: statuses(phone, held, free)))
        gate.reached()  # the push has its locks, and keeps them
        row.votes = 5
        row.save()

    with open_transaction(view):
        gate.open()
        assert pushes[0].result(PATIENCE) == ["busy", "ok"]
    assert statuses(phone, held) == ["ok"]
    row = Note.objects.get(sync_id=held)
    assert (row.title, row.votes) == ("from the phone", 5)
    assert values_of(row)["votes"] == 5


def test_a_unique_value_that_is_not_committed_yet_keeps_one_row_waiting(user: Any) -> None:
    partner = Category.objects.create(name="partner")
    tablet = Device(user, Everything)
    rows = [tablet.create(integer=n) for n in range(20)]
    tablet.set(rows[7], partner=partner.pk)
    with open_transaction(lambda: Everything.objects.create(partner=partner)):
        results = statuses(tablet, *rows)
        assert [n for n, status in enumerate(results) if status != "ok"] == [7]
        assert results[7] == "busy"
    [result] = tablet.push(rows[7])
    assert result.parked
    assert result.parked["fields"]["partner"]["code"] == "unique"


def test_a_frame_full_of_busy_rows_is_not_tried_for_ever(
    phone: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [phone.create(title=f"note {n}") for n in range(40)]
    tries = []
    merged = batches.merge

    def counted(batch: Any) -> Any:
        tries.append(len(batch.items))
        return merged(batch)

    monkeypatch.setattr(pushing, "merge", counted)
    monkeypatch.setattr(pushing, "PATIENCE_SECONDS", 0)

    def make_the_same() -> None:
        Note.objects.bulk_create(
            [Note(sync_id=each, title="theirs", user=phone.user) for each in rows]
        )

    with open_transaction(make_the_same):
        assert set(statuses(phone, *rows)) == {"busy"}
        assert tries == [40]
    assert set(statuses(phone, *rows)) == {"ok"}
    assert set(Note.objects.values_list("title", flat=True)) <= {
        "theirs",
        *(f"note {n}" for n in range(40)),
    }


@pytest.mark.parametrize("moment", ["hold", "store_documents"])
def test_a_connection_lost_in_the_middle_turns_nothing_down(
    phone: Device, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    made = phone.create(title="Milk")
    original = getattr(batches, moment)

    def cut_off(*arguments: Any, **options: Any) -> Any:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_backend_pid()")
            pid = cursor.fetchone()
        in_thread(lambda: terminate(pid)).result(PATIENCE)
        return original(*arguments, **options)

    with monkeypatch.context() as patched:
        patched.setattr(batches, moment, cut_off)
        assert statuses(phone, made) == ["busy"]
    assert statuses(phone, made) == ["ok"]
    assert Note.objects.get().title == "Milk"


def terminate(pid: Any) -> None:
    with connections["default"].cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s)", pid)


def test_a_table_that_is_not_migrated_yet_turns_nothing_down(user: Any) -> None:
    """Two releases run side by side: the newer one knows a column that is not there yet."""
    laptop = Device(user, Task)
    made = laptop.create(title="Write")
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE todo_task RENAME COLUMN description TO later")
    try:
        assert statuses(laptop, made) == ["busy"]
    finally:
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE todo_task RENAME COLUMN later TO description")
    assert statuses(laptop, made) == ["ok"]
