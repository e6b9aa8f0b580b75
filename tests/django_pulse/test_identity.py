"""Who the server is, and whose a replica id is."""

from __future__ import annotations

from typing import Any

import pytest
from django.apps.registry import Apps
from django.contrib.auth import get_user_model
from django.core.management.sql import emit_post_migrate_signal
from django.db import connection, transaction

from django_pulse import identity
from django_pulse.tables import Clock
from tests.django_pulse.devices import document_of
from tests.django_pulse.together import at_once, open_transaction
from tests.project.todo.models import Item

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.databases("sqlite", "postgres"),
]


@pytest.fixture
def ada() -> Any:
    return get_user_model().objects.create_user("ada")


@pytest.fixture
def bob() -> Any:
    return get_user_model().objects.create_user("bob")


def test_migrate_makes_the_clock() -> None:
    Clock.objects.all().delete()
    emit_post_migrate_signal(verbosity=0, interactive=False, db="default")
    assert Clock.objects.count() == 1


def test_a_database_without_our_tables_gets_no_clock() -> None:
    identity.after_migrate("default", apps=Apps())
    identity.after_migrate("no such database", apps=Apps())


def test_the_server_is_the_same_until_the_clock_is_made_anew() -> None:
    first = identity.replica_id("default"), identity.epoch()
    assert (identity.replica_id("default"), identity.epoch()) == first
    Clock.objects.all().delete()
    second = identity.replica_id("default"), identity.epoch()
    assert second[0] != first[0]
    assert second[1] != first[1]
    assert 0 < second[0] < 2**53
    assert len(second[1]) == 32


def test_an_id_changed_behind_our_back_is_used_at_once() -> None:
    """As after a restore from a backup: nobody remembers the old one."""
    item = Item.objects.create(name="Pen", price=1)
    before = identity.replica_id("default")
    Clock.objects.update(replica=12345)
    item.name = "Pencil"
    item.save()
    assert set(document_of(item).vector) == {before, 12345}


def test_threads_that_need_the_clock_first_make_one(ada: Any) -> None:
    Clock.objects.all().delete()

    def create() -> int:
        Item.objects.create(name="Pen", price=1)
        return identity.replica_id("default")

    assert len(set(at_once(create, create, create))) == 1
    assert Clock.objects.count() == 1


@pytest.mark.databases("postgres")
def test_a_locked_clock_is_still_read(ada: Any) -> None:
    with open_transaction(lambda: identity.clock("default", lock=True)):
        assert identity.epoch()
        with transaction.atomic():
            assert identity.replica_id("default")


def test_a_limit_on_lock_waits_ends_with_its_transaction() -> None:
    if connection.vendor != "postgresql":
        identity.limit_lock_waits("default", 5)  # nothing to set there, and nothing fails
        return
    with transaction.atomic():
        identity.limit_lock_waits("default", 5)
        assert lock_timeout() == "5ms"
    assert lock_timeout() == "0"


def lock_timeout() -> str:
    with connection.cursor() as cursor:
        cursor.execute("SHOW lock_timeout")
        [value] = cursor.fetchone() or [""]
    return str(value)
