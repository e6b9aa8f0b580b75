"""The table of the page on merge rules through the real write path: what two who meet make of it.

One row is written to in all its fields at once, and there are as many rows as a field has meetings.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import zip_longest
from typing import Any

import pytest
from django.contrib.auth import get_user_model

from fuzz.rule_cases import RULE_CASES, Meeting, Steps
from tests.django_pulse.devices import Device
from tests.project.rules.models import Trip

from .test_rules import CASES, FIELDS, pushed, told

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.databases("sqlite", "postgres"),
]

Meetings = Mapping[str, Meeting]
"""One for each of some fields."""


@pytest.fixture
def devices() -> list[Device]:
    user = get_user_model().objects.create_user("ada")
    return [Device(user, Trip) for _ in range(3)]


def meetings(*, by_devices: bool, in_one_step: bool) -> Iterator[Meetings]:
    """Every meeting of every field that such writers can have."""
    columns = [
        [
            (name, meeting)
            for meeting in case.meetings
            if FIELDS[name].rule.client_writes or not by_devices
            if not (in_one_step and any(isinstance(edit, Steps) for edit in edits(meeting)))
        ]
        for name, case in CASES.items()
    ]
    for row in zip_longest(*columns):
        yield dict(pair for pair in row if pair is not None)


def edits(meeting: Meeting) -> tuple[Any, Any]:
    return meeting.mine, meeting.yours


def before(row: Meetings) -> Trip:
    trip: Trip = Trip.objects.create(**{name: meeting.before for name, meeting in row.items()})
    return trip


def check(trip: Trip, row: Meetings, *, any_order: bool = False) -> None:
    found = Trip.objects.get(pk=trip.pk)
    for name, meeting in row.items():
        if any_order and "append" in meeting.operation:
            continue  # whose items come first is decided by the replicas' ids
        value = getattr(found, name)
        assert FIELDS[name].same(value, meeting.becomes), (name, meeting, value)


def test_every_meeting_that_is_declared_is_tried_here() -> None:
    declared = [meeting for case in RULE_CASES for meeting in case.meetings]
    rows = list(meetings(by_devices=False, in_one_step=False))
    tried = [meeting for row in rows for meeting in row.values()]
    assert [meeting for meeting in declared if meeting not in tried] == []


@pytest.mark.parametrize("in_time", [True, False])
def test_two_devices_make_what_is_declared(devices: list[Device], in_time: bool) -> None:
    """Whoever reaches the server first; but where that is what decides."""
    yours, mine, witness = devices
    yours.skew_ms = 5
    for every in meetings(by_devices=True, in_one_step=False):
        row = {n: m for n, m in every.items() if in_time or FIELDS[n].rule.name != "first"}
        trip = before(row)
        for device in devices:
            device.pull(trip.sync_id)
        for device, at in ((mine, 0), (yours, 1)):
            for name, meeting in row.items():
                edit = edits(meeting)[at]
                for value in edit if isinstance(edit, Steps) else (edit,):
                    device.set(trip.sync_id, **{name: value})
        for device in (mine, yours) if in_time else (yours, mine):
            pushed(device, trip)
        check(trip, row)
        for device in (witness, mine, yours):
            told(trip, device)


def test_a_device_and_a_stale_instance_make_what_is_declared(devices: list[Device]) -> None:
    for row in meetings(by_devices=True, in_one_step=True):
        trip = before(row)
        stale = Trip.objects.get(pk=trip.pk)
        devices[0].pull(trip.sync_id)
        for name, meeting in row.items():
            devices[0].set(trip.sync_id, **{name: meeting.mine})
            setattr(stale, name, meeting.yours)
        pushed(devices[0], trip)
        stale.save()
        check(trip, row, any_order=True)
        told(stale, devices[0])
        for name in row:
            found = getattr(Trip.objects.get(pk=trip.pk), name)
            assert FIELDS[name].same(getattr(stale, name), found), "it shows what it became"


def test_two_stale_instances_make_what_is_declared() -> None:
    for row in meetings(by_devices=False, in_one_step=True):
        trip = before(row)
        for instance, at in [(Trip.objects.get(pk=trip.pk), at) for at in (0, 1)]:
            for name, meeting in row.items():
                setattr(instance, name, edits(meeting)[at])
            instance.save()
        check(trip, row, any_order=True)
