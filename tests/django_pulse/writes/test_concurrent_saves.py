"""Saves that happen at the same time as other saves, and as pushes."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.db import connection, transaction
from django.db.models import Count, F

from tests.django_pulse.devices import Device, values_of
from tests.django_pulse.together import at_once, push_until_taken
from tests.project.todo.models import Everything, Note, Task

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.databases("sqlite", "postgres"),
]

ROUNDS = 15


@pytest.fixture
def user() -> Any:
    return get_user_model().objects.create_user("ada")


@pytest.fixture
def impatient_database(transactional_db: None) -> Iterator[None]:
    """A PostgreSQL that looks for deadlocks after 100 ms, and not only after a second."""
    if connection.vendor != "postgresql":
        yield
        return
    with connection.cursor() as cursor:
        name = connection.ops.quote_name(str(connection.settings_dict["NAME"]))
        cursor.execute(f"ALTER DATABASE {name} SET deadlock_timeout = '100ms'")
    yield
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER DATABASE {name} RESET deadlock_timeout")


@pytest.mark.parametrize("_round", range(5))
def test_two_stale_saves_at_once_merge(user: Any, _round: int) -> None:
    note = Note.objects.create(title="Milk", body="two litres", user=user)

    def in_view(**changes: Any) -> None:
        row = loaded.pop()
        for name, value in changes.items():
            setattr(row, name, value)
        row.save()

    loaded = [Note.objects.get(), Note.objects.get(), Note.objects.get()]
    at_once(
        lambda: in_view(title="Bread", votes=1),
        lambda: in_view(body="exactly two litres", votes=10),
        lambda: in_view(body="two litres, please", votes=100),
    )
    row = Note.objects.get()
    assert (row.title, row.body, row.votes) == ("Bread", "exactly two litres, please", 111)
    assert row.version == note.version + 3
    assert values_of(row)["votes"] == 111


SAVING = """
import sys, django
django.setup()
from tests.project.todo.models import Task
task = Task.objects.get()
print("loaded", flush=True)
sys.stdin.readline()
setattr(task, *eval(sys.argv[1]))
task.save()
"""


@pytest.mark.databases("postgres")
def test_two_stale_saves_of_two_processes_merge(
    user: Any, child_environment: dict[str, str]
) -> None:
    task = Task.objects.create(title="Write", user=user)
    changes = [("completed", True), ("title", "Read")]
    children = [
        subprocess.Popen(
            [sys.executable, "-c", SAVING, repr(change)],
            env=child_environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for change in changes
    ]
    for child in children:
        assert child.stdout is not None
        assert child.stdout.readline() == "loaded\n"
    for child in children:
        child.communicate("save\n")
        assert child.returncode == 0
    row = Task.objects.get()
    assert (row.completed, row.title, row.version) == (True, "Read", task.version + 2)
    assert values_of(row) | {"completed": True, "title": "Read"} == values_of(row)


@pytest.mark.usefixtures("impatient_database")
def test_a_view_is_never_the_victim_of_a_deadlock_with_pushes(user: Any) -> None:
    """The view takes its rows in every order, and the user they belong to before or after."""
    phone, laptop = Device(user, Note), Device(user, Note)
    ids = [phone.create(title=f"note {n}", votes=0) for n in range(4)]
    phone.push()
    laptop.pull()
    pks = list(Note.objects.order_by("pk").values_list("pk", flat=True))

    def view() -> None:
        for n in range(ROUNDS):
            first, second = (pks[0], pks[1]) if n % 2 else (pks[1], pks[0])
            with transaction.atomic():
                if n % 3 == 0:
                    get_user_model().objects.select_for_update().get(pk=user.pk)
                row = Note.objects.select_for_update().get(pk=first)
                row.votes += 1
                row.save()
                if n % 3 == 1:
                    get_user_model().objects.select_for_update().get(pk=user.pk)
                other = Note.objects.get(pk=second)
                other.votes += 1
                other.save()
            Note.objects.filter(pk__in=pks[2:]).update(title=f"round {n}")

    def pushes(device: Device) -> None:
        order = ids if device is phone else list(reversed(ids))
        for n in range(ROUNDS):
            for each in ids:
                device.add(each, votes=1)
            device.create(title=f"new {n}")
            push_until_taken(device, *order, *(set(device.rows) - set(ids)))

    at_once(view, lambda: pushes(phone), lambda: pushes(laptop))
    votes = dict(Note.objects.filter(pk__in=pks).values_list("pk", "votes"))
    assert votes == dict(zip(pks, [3 * ROUNDS] * 2 + [2 * ROUNDS] * 2, strict=True))
    assert Note.objects.count() == 4 + 2 * ROUNDS
    for row in Note.objects.filter(pk__in=pks):
        assert values_of(row)["votes"] == row.votes


def test_bulk_updates_and_pushes_at_once_lose_nothing(user: Any) -> None:
    """The rows are updated in the order of a condition that pushes keep changing."""
    phone = Device(user, Note)
    ids = [phone.create(title="even" if n % 2 else "odd", votes=0) for n in range(8)]
    phone.push()

    def update() -> None:
        for _ in range(ROUNDS):
            Note.objects.filter(title="even").update(votes=F("votes") + 1)
            Note.objects.exclude(title="even").order_by("-pk").update(votes=F("votes") + 1)

    def push() -> None:
        for n in range(ROUNDS):
            for each in ids:
                phone.set(each, title="even" if n % 2 else "odd")
            push_until_taken(phone)

    at_once(update, push, update)
    for row in Note.objects.all():
        assert values_of(row)["votes"] == row.votes
        assert values_of(row)["title"] == row.title
        assert phone.get(row.sync_id)["title"] == row.title


def test_deleting_a_row_while_devices_push_it_leaves_a_tombstone(user: Any) -> None:
    phone = Device(user, Note)
    rows = [phone.create(title=f"note {n}") for n in range(10)]
    phone.push()

    def push() -> None:
        for each in rows:
            phone.add(each, votes=1)
            push_until_taken(phone, each)

    def delete() -> None:
        for each in rows:
            Note.objects.get(sync_id=each).delete()

    at_once(push, delete)
    assert not Note.objects.exists()
    phone.pull()
    assert all(phone.schema.is_deleted(document) for document in phone.rows.values())


def test_every_queryset_that_django_updates_is_updated(user: Any) -> None:
    """Rows that are grouped, distinct or joined cannot be locked as they are."""
    task = Task.objects.create(title="Write", user=user)
    Everything.objects.create(integer=1)
    assert Task.objects.filter(user__username="ada").distinct().update(title="a") == 1
    idle = Task.objects.annotate(uses=Count("everything")).filter(uses=0)
    assert idle.update(title="b") == 1
    assert Task.objects.filter(pk=task.pk).order_by("user__username").update(title="c") == 1
    assert Everything.objects.filter(task__user=None).update(integer=2) == 1
    assert Task.objects.none().update(title="d") == 0
    task.refresh_from_db()
    assert (task.title, values_of(task)["title"], task.version) == ("c", "c", 4)
