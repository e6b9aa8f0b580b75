"""On SQLite, which has one writer at a time, nobody hears that the database is locked."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.db import connection, connections, transaction

from django_pulse.changefeed import feed
from django_pulse.visibility import scopes
from tests.django_pulse.devices import Device, values_of
from tests.django_pulse.together import PATIENCE, at_once, open_transaction, push_until_taken
from tests.project.todo.models import Note

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.databases("sqlite")]

EDITS = 5

# Saves, pushes, bulk updates and pulls, all at one row.
WORKING = """
import sys, uuid, django
django.setup()
from django.contrib.auth import get_user_model
from tests.django_pulse.writes.test_sqlite_locks import work
print("ready", flush=True)
sys.stdin.readline()
work(get_user_model().objects.get(), int(sys.argv[1]))
"""


def work(user: Any, replica: int) -> None:
    """What one process or thread does: three changes of the shared row per turn."""
    device = Device(user, Note)
    device.replica = replica  # each process counts its devices by itself
    shared = Note.objects.get(title="shared").sync_id  # others may have made rows already
    device.pull(shared)
    for n in range(EDITS):
        row = Note.objects.get(sync_id=shared)
        row.votes += 1
        row.save()
        device.add(shared, votes=1)
        new = device.create(title=f"{replica} {n}")
        push_until_taken(device, shared, new)
        Note.objects.filter(sync_id=new).update(votes=1)
        feed.pull(scopes.personal("default", user.pk), feed.scope_heads(user).popitem()[1])


def test_threads_and_processes_write_at_once(child_environment: dict[str, str]) -> None:
    """One of the processes has SQLite as `startproject` has it, with deferred transactions."""
    user = get_user_model().objects.create_user("ada")
    Note.objects.create(title="shared", user=user)
    children = [
        subprocess.Popen(
            [sys.executable, "-c", WORKING, str(replica)],
            env=child_environment | {"PULSE_TEST_PLAIN": plain},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for replica, plain in ((51, ""), (52, "1"))
    ]
    for child in children:
        assert child.stdout is not None
        assert child.stdout.readline() == "ready\n"
    for child in children:
        assert child.stdin is not None
        child.stdin.write("go\n")
        child.stdin.flush()
    at_once(lambda: work(user, 53), lambda: work(user, 54))
    for child in children:
        _, errors = child.communicate(timeout=PATIENCE)
        assert (child.returncode, errors) == (0, "")
    shared = Note.objects.get(title="shared")
    assert shared.votes == 4 * 2 * EDITS
    assert values_of(shared)["votes"] == shared.votes
    assert Note.objects.exclude(pk=shared.pk).filter(votes=1).count() == 4 * EDITS


def test_two_threads_that_push_the_same_rows_lose_nothing() -> None:
    user = get_user_model().objects.create_user("ada")
    phone, laptop = Device(user, Note), Device(user, Note)
    rows = [phone.create(title=f"note {n}", votes=0) for n in range(5)]
    phone.push()
    laptop.pull()

    def edit(device: Device) -> None:
        for _ in range(EDITS):
            for each in rows:
                device.add(each, votes=1)
            push_until_taken(device)

    at_once(lambda: edit(phone), lambda: edit(laptop))
    assert set(Note.objects.values_list("votes", flat=True)) == {2 * EDITS}


def test_a_push_that_finds_the_database_locked_is_busy_once_and_for_all_its_rows() -> None:
    user = get_user_model().objects.create_user("ada")
    phone = Device(user, Note)
    for n in range(20):
        phone.create(title=f"note {n}")

    def push_impatiently() -> set[str]:
        connections["default"].ensure_connection()
        with connections["default"].cursor() as cursor:
            cursor.execute("PRAGMA busy_timeout = 1100")  # SQLite's patience, just over ours
        return {result.status for result in phone.push()}

    def write() -> None:
        Note.objects.create(title="theirs", user=user)

    with open_transaction(write):
        [statuses] = at_once(push_impatiently)
        assert statuses == {"busy"}
    assert {result.status for result in phone.push()} == {"ok"}
    assert Note.objects.count() == 21


def test_a_view_that_has_read_can_still_write_while_devices_push() -> None:
    """Under IMMEDIATE, which the settings of the quick start ask for."""
    user = get_user_model().objects.create_user("ada")
    assert connection.settings_dict["OPTIONS"]["transaction_mode"] == "IMMEDIATE"
    phone = Device(user, Note)
    made = phone.create(title="Milk", votes=0)
    phone.push()

    def view() -> None:
        for _ in range(EDITS):
            with transaction.atomic():
                row = Note.objects.get(sync_id=made)
                row.votes += 1
                row.save()

    def push() -> None:
        for _ in range(EDITS):
            phone.add(made, votes=1)
            push_until_taken(phone)

    at_once(view, push)
    assert Note.objects.get().votes == 2 * EDITS
