"""Who is killed at a fault point starts again from what was durable: no more, and no less."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth import get_user_model

from fuzz.simulation.faults import Crash, Faults, FaultyStore, server_is_up
from fuzz.simulation.outcome import DEVICE_POINTS, SERVER_POINTS
from fuzz.world import Clock, Device, Server
from tests.project.todo.models import Note

# Killed in the middle of a transaction is what SQLite's connections survive here.
pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.databases("sqlite")]

LABEL = "todo.note"

DURABLE = {
    "before store": False,
    "after store": False,
    "before commit": False,
    "after commit": True,
    "before stamp": True,
    "after stamp": True,
}
"""Is what a device pushed in the database after the server died there?"""


@pytest.fixture
def faults() -> Iterator[Faults]:
    faults = Faults()
    with faults.on_the_server():
        yield faults


def device_of(user: Any, faults: Faults) -> Device:
    return Device("phone", user, 101, Clock(), uuid4, FaultyStore(faults))


@pytest.mark.parametrize("point", DURABLE)
def test_a_server_keeps_what_it_had_committed_when_it_was_killed(
    point: str, faults: Faults
) -> None:
    ada = get_user_model().objects.create(username="ada")
    server, phone = Server(), device_of(ada, faults)
    with server.serving():
        phone.catch_up(server)
        made = phone.replica.create(LABEL, {"title": "Eggs"})
        faults.arm(point, 1 if "commit" in point else 0)  # the first one is that of the marks
        with pytest.raises(Crash):
            phone.exchange()
        assert faults.struck == {point: 1}
        server_is_up()
        phone.cut()
        assert Note.objects.filter(sync_id=made).exists() is DURABLE[point]
        assert phone.replica.pending == 1  # it was told nothing
        phone.catch_up(server)
        assert Note.objects.get().title == "Eggs"
        assert phone.replica.pending == 0


@pytest.mark.parametrize(("point", "is_kept"), [("before write", False), ("after write", True)])
def test_a_device_keeps_what_its_store_had_when_it_was_killed(
    point: str, is_kept: bool, faults: Faults
) -> None:
    ada = get_user_model().objects.create(username="ada")
    server, phone = Server(), device_of(ada, faults)
    with server.serving():
        phone.catch_up(server)
    faults.arm(point, 0)
    with pytest.raises(Crash):
        phone.replica.create(LABEL, {"title": "Eggs"})
    phone.restart()
    assert bool(phone.rows(LABEL)) is is_kept


def test_every_point_has_a_name_of_its_own_and_may_be_passed_before_it_strikes() -> None:
    points = (*SERVER_POINTS, *DEVICE_POINTS)
    assert len(set(points)) == len(points) == 14
    faults = Faults()
    faults.arm("before ack", 2)
    for _ in range(2):
        faults.reach("before ack")
    with pytest.raises(Crash):
        faults.reach("before ack")
    faults.reach("before ack")
    assert faults.reached["before ack"] == 4
    assert faults.struck["before ack"] == 1
