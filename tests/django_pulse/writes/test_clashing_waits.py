"""References that wait, where another value of the field clashes with what must be unique."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from django.contrib.auth import get_user_model

from django_pulse.identity import random_replica
from django_pulse.tables import Awaited
from django_pulse.tables import Device as Registered
from tests.django_pulse.devices import Device
from tests.django_pulse.workspaces import space, told
from tests.project.permits.models import Desk, Seat, Workspace

__all__ = ["space"]  # a fixture

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.databases("sqlite", "postgres"),
]


@pytest.fixture
def row(space: Workspace) -> Desk:
    return desk(space, "row")


@pytest.fixture
def taken(space: Workspace) -> Desk:
    """A desk beside which another stands."""
    made = desk(space, "taken")
    desk(space, "other", beside=made)
    return made


def desk(space: Workspace, name: str, **values: Any) -> Desk:
    made: Desk = Desk.objects.create(name=name, workspace=space, **values)
    return made


def known(space: Workspace, name: str) -> Device:
    """A device, registered as every one that said hello is, of an editor."""
    user = get_user_model().objects.create_user(name)
    space.seats.create(user=user, role="editor")
    made = Device(user, Desk)
    made.replica = random_replica()
    Registered.objects.create(replica=made.replica, user=str(user.pk), device=name)
    made.pull()
    return made


def put(phone: Device, row: Desk, beside: uuid.UUID, **values: Any) -> Any:
    phone.pull(row.sync_id)
    phone.set(row.sync_id, beside=beside, **values)
    [result] = phone.push(row.sync_id)
    return result


def beside(row: Desk) -> Desk | None:
    found: Desk | None = Desk.objects.get(pk=row.pk).beside
    return found


@pytest.mark.parametrize("target", ["hidden", "coming"])
@pytest.mark.parametrize("by", ["himself", "another"])
def test_a_value_that_clashes_lets_nothing_in_that_waits_and_keeps_it_waiting(
    space: Workspace, row: Desk, taken: Desk, target: str, by: str
) -> None:
    elsewhere, key = Workspace.objects.create(name="Elsewhere"), uuid.uuid4()
    if target == "hidden":
        desk(elsewhere, "hidden", sync_id=key)
    ann = known(space, "ann")
    put(ann, row, key)
    second = ann if by == "himself" else known(space, "bob")
    assert told(put(second, row, taken.sync_id))["beside"][1] == "unique"
    assert beside(row) is None
    assert [(wait.key, wait.user) for wait in Awaited.objects.all()] == [
        (str(key), str(ann.user.pk))
    ]
    if target == "hidden":
        there = Desk.objects.get(sync_id=key)
        there.workspace = space
        there.save()
    else:
        there = desk(space, "come", sync_id=key)
    assert beside(row) == there


def test_what_waits_beside_a_value_that_clashed_is_asked_about_when_it_gets_in(
    space: Workspace, row: Desk
) -> None:
    desk(space, "other", code="one")
    ann, coming = known(space, "ann"), uuid.uuid4()
    assert told(put(ann, row, coming, code="one")).keys() == {"code"}
    Seat.objects.filter(user=ann.user).update(role="reader")
    desk(space, "come", sync_id=coming)
    assert beside(row) is None
    assert not Awaited.objects.exists()


def test_a_reference_that_waits_for_a_desk_that_is_taken_when_it_comes_is_undone(
    space: Workspace, row: Desk
) -> None:
    ann, coming = known(space, "ann"), uuid.uuid4()
    put(ann, row, coming)
    Desk.objects.bulk_create([Desk(name="come", sync_id=coming, workspace=space)])
    there = Desk.objects.get(sync_id=coming)
    assert beside(row) == there
    late = desk(space, "late")
    assert told(put(ann, late, coming))["beside"][1] == "unique"
    assert beside(late) is None
    assert not Awaited.objects.exists()
