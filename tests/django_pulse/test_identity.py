"""Who the server is, and whose a replica id is."""

from __future__ import annotations

import random
from types import SimpleNamespace
from typing import Any

import pytest
from django.apps.registry import Apps
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.db import connection, transaction

from crdt.errors import RemoteFault
from django_pulse import identity
from django_pulse.tables import Clock, Device
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
    call_command("migrate", verbosity=0)
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


def test_a_replica_belongs_to_the_user_and_device_that_claimed_it_first(ada: Any, bob: Any) -> None:
    identity.claim_replica(ada, "phone", 7)
    identity.claim_replica(ada, "phone", 7)
    for user, device in ((bob, "phone"), (ada, "laptop"), (bob, "")):
        with pytest.raises(RemoteFault) as fault:
            identity.claim_replica(user, device, 7)
        assert fault.value.code == "replica_taken"
    assert Device.objects.get().user == str(ada.pk)


@pytest.mark.parametrize("replica", [0, -1, 2**53, 2**64 - 1])
def test_an_id_outside_of_the_bounds_is_nobodys(ada: Any, replica: int) -> None:
    with pytest.raises(RemoteFault):
        identity.claim_replica(ada, "phone", replica)
    assert not Device.objects.exists()


def test_nobody_gets_the_servers_own_id(ada: Any) -> None:
    with pytest.raises(RemoteFault):
        identity.claim_replica(ada, "phone", identity.replica_id("default"))


def test_of_two_who_claim_an_id_at_once_one_gets_it(ada: Any, bob: Any) -> None:
    def claim(user: Any, replica: int) -> bool:
        try:
            identity.claim_replica(user, "phone", replica)
        except RemoteFault:
            return False
        return True

    for replica in random.Random(1).sample(range(1, 2**53), 5):
        won = at_once(
            *(lambda user=user, replica=replica: claim(user, replica) for user in (ada, bob))
        )
        assert sorted(won) == [False, True]


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


def test_whoever_signs_in_with_any_kind_of_key_can_claim() -> None:
    """Users' keys may be UUIDs or words: they are compared as text."""
    for pk in ("6f0d", 12, "ö"):
        identity.claim_replica(SimpleNamespace(pk=pk), "phone", 1_000 + len(str(pk)))  # type: ignore[arg-type]
    assert {device.user for device in Device.objects.all()} == {"6f0d", "12", "ö"}
