"""Every merge rule through the real write path: devices, the ORM and raw SQL as writers."""

from __future__ import annotations

import os
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.db import connection
from django.db.models import F
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from django_pulse.mapping.schema import schema_of
from fuzz.rule_cases import RULE_CASES
from tests.django_pulse.devices import Device, document_of, values_of
from tests.project.rules.models import Trip

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.databases("sqlite", "postgres"),
]

FIELDS = schema_of(Trip).fields
CASES = {
    name: case
    for name, known in FIELDS.items()
    for case in RULE_CASES
    if case.rule == known.rule and case.kind == known.kind
}
EXAMPLES = int(os.environ.get("PULSE_EXAMPLES", "12"))
SMALL = 2**31
"""Integers beyond it do not fit a column."""


@pytest.fixture
def user() -> Any:
    return get_user_model().objects.create_user("ada")


@pytest.fixture
def devices(user: Any) -> list[Device]:
    return [Device(user, Trip) for _ in range(3)]


@pytest.fixture
def device(devices: list[Device]) -> Device:
    return devices[0]


def told(trip: Trip, device: Device) -> None:
    """The device hears of everything, and sees what is in the columns."""
    device.pull(trip.sync_id)
    shown, row = device.get(trip.sync_id), Trip.objects.get(pk=trip.pk)
    for name, known in FIELDS.items():
        column = getattr(row, name)
        assert known.same(shown[name], column), (name, shown[name], column)


def values(name: str) -> list[Any]:
    """The samples of a field's rule that its column takes."""
    may_be_null = Trip._meta.get_field(name).null
    return [
        value
        for value in CASES[name].values
        if value is not None or may_be_null
        if not isinstance(value, int | Decimal) or -SMALL < value < SMALL
    ]


def test_every_rule_is_tested_here() -> None:
    assert {type(case.rule) for case in RULE_CASES} == {type(k.rule) for k in FIELDS.values()}


def pushed(device: Device, trip: Trip) -> None:
    """Push what there is."""
    if device.rows[trip.sync_id].clock(device.replica) > device.acked.get(trip.sync_id, 0):
        assert device.push(trip.sync_id)[0].status == "ok"


@settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(data=st.data())
def test_devices_and_the_orm_converge(data: st.DataObject, user: Any) -> None:
    trip = Trip.objects.create()
    devices = [Device(user, Trip) for _ in range(3)]
    for device in devices:
        device.pull(trip.sync_id)
    stale = [Trip.objects.get(pk=trip.pk) for _ in range(2)]
    for _ in range(data.draw(st.integers(1, 12))):
        who, name = data.draw(st.integers(0, 4)), data.draw(st.sampled_from(sorted(CASES)))
        value, goes_on = data.draw(st.sampled_from(values(name))), data.draw(st.booleans())
        if who >= 3:
            setattr(stale[who - 3], name, value)
            stale[who - 3].save()
            if goes_on:
                stale[who - 3].refresh_from_db()
        elif FIELDS[name].rule.client_writes:
            devices[who].set(trip.sync_id, **{name: value})
            if goes_on:
                pushed(devices[who], trip)
            if data.draw(st.booleans()):
                devices[who].pull(trip.sync_id)
    for device in devices:
        pushed(device, trip)
    for device in devices:
        told(trip, device)


# Stale instances and expressions


def test_two_instances_that_add_both_count() -> None:
    Trip.objects.create(votes=5, cost=Decimal("1.10"))
    first, second = Trip.objects.get(), Trip.objects.get()
    for instance in (first, second):
        instance.votes += 1
        instance.cost += Decimal("0.10")
        instance.save()
    row = Trip.objects.get()
    assert (row.votes, row.cost) == (7, Decimal("1.30"))
    assert values_of(row)["votes"] == 7


def test_expressions_add_to_what_there_is(devices: list[Device]) -> None:
    trip = Trip.objects.create(votes=5)
    stale = Trip.objects.get()
    devices[0].pull()
    devices[0].add(trip.sync_id, votes=10)
    devices[0].push()
    stale.votes = F("votes") + 1
    stale.save()
    Trip.objects.update(votes=F("votes") + 1, highest=F("votes"))
    row = Trip.objects.get()
    assert (row.votes, row.highest) == (17, 16)
    for device in devices:
        told(trip, device)


def test_a_text_is_rebased_on_what_is_there_now(devices: list[Device]) -> None:
    trip = Trip.objects.create(notes="Bring bread.")
    first, second = Trip.objects.get(), Trip.objects.get()
    devices[0].pull()
    devices[0].edit(trip.sync_id, "notes", 12, 0, " Naïve 😀")
    devices[0].push()
    first.notes = "Please: Bring bread."
    first.save()
    second.notes = "Bring butter."
    second.save()
    assert Trip.objects.get().notes == "Please: Bring butter. Naïve 😀"


def test_an_equal_set_in_another_order_is_no_edit() -> None:
    trip = Trip.objects.create(tags=["a", "b"])
    trip.tags = ["b", "a", "a"]
    trip.save()
    assert Trip.objects.get().version == 1


def test_a_value_changed_in_place_is_an_edit_of_what_changed(devices: list[Device]) -> None:
    trip = Trip.objects.create(plan={"days": [1, 2], "by": {"car": True}}, stops=["a"])
    stale = Trip.objects.get()
    devices[0].pull()
    devices[0].set(trip.sync_id, plan={"days": [1, 2, 3], "by": {"car": False}}, stops=["a", "b"])
    devices[0].push()
    stale.plan["by"]["train"] = True
    stale.plan["days"].remove(1)
    stale.stops.insert(0, "start")
    stale.save()
    row = Trip.objects.get()
    assert row.plan == {"days": [2, 3], "by": {"car": False, "train": True}}
    assert row.stops == ["start", "a", "b"]


# What is there wins


def test_what_was_written_past_the_rule_is_written_back(devices: list[Device]) -> None:
    trip = Trip.objects.create(highest=10, lowest=10, driver="Ana", tags=["a"])
    devices[0].pull()
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE rules_trip SET highest = 5, lowest = 20, driver = 'Ben', tags = %s",
            ['{"a": 1}'],
        )
    devices[0].set(trip.sync_id, name="Another trip")
    assert devices[0].push()[0].status == "ok"
    row = Trip.objects.get()
    assert (row.highest, row.lowest, row.driver, row.tags) == (10, 10, "Ana", ["a"])
    Trip.objects.update(highest=7)
    assert Trip.objects.get().highest == 10
    Trip.objects.update(highest=11)
    assert Trip.objects.get().highest == 11
    told(trip, devices[1])


def test_a_save_that_changes_nothing_counts_no_version() -> None:
    trip = Trip.objects.create(highest=10, driver="Ana", deadline=date(2026, 1, 1))
    trip.highest, trip.driver, trip.deadline = 5, "Ben", None
    trip.save()
    assert (trip.version, trip.highest, trip.driver) == (1, 10, "Ana")
    row = Trip.objects.get()
    assert (row.highest, row.driver, row.deadline) == (10, "Ana", date(2026, 1, 1))


# What devices may write


def test_who_claims_what_is_taken_is_told(devices: list[Device]) -> None:
    ana, ben, _ = devices
    trip = Trip.objects.create()
    for device in devices:
        device.pull()
    ben.set(trip.sync_id, driver="Ben", name="Ben's trip")
    ana.set(trip.sync_id, driver="Ana")
    assert ana.push()[0].reverted == {}
    [result] = ben.push()
    assert result.reverted["driver"]["code"] == "taken"
    assert result.reverted["driver"]["value"] == "Ben"
    row = Trip.objects.get()
    assert (row.driver, row.name) == ("Ana", "Ben's trip")
    told(trip, ben)


def forged(device: Device, trip: Trip, name: str, wire: Any, replaces: Any = ()) -> dict[str, Any]:
    """What a device is told that appends an entry past its rule."""
    document = device.rows[trip.sync_id]
    named = [entry.dot for entry in document.live(name)] if replaces == "all" else replaces
    document.append(name, document.next_stamp(device.now()), wire, named)
    [result] = device.push(trip.sync_id)
    assert result.status == "ok"
    return dict(result.reverted)


def test_no_client_takes_away_what_its_entry_does_not_stand_for(device: Device) -> None:
    for name, before, wire in (
        ("highest", 10, 5),
        ("lowest", 10, 20),
        ("votes", 10, 1),
        ("tags", ["a", "b"], '["c"]'),
        ("stops", ["a", "b"], '[">0104","c"]'),
        ("options", {"a": 1, "b": 2}, '[["c"],5]'),
        ("plan", {"a": [1, 2]}, '[["a"],">0104",5]'),
    ):
        trip = Trip.objects.create(**{name: before})
        device.pull(trip.sync_id)
        assert forged(device, trip, name, wire, "all")[name]["code"] == "forbidden", name
        assert FIELDS[name].same(getattr(Trip.objects.get(pk=trip.pk), name), before)
        told(trip, device)


def test_what_is_no_part_of_a_value_is_reverted(device: Device) -> None:
    for name, wire in (
        ("tags", '"a"'),
        ("stops", '["x",1]'),
        ("stops", '[">0104",1,9007199254740991,">0104",null]'),
        ("options", "{}"),
        ("plan", '[["a"],"x",1]'),
        ("notes", "text"),
    ):
        trip = Trip.objects.create()
        device.pull(trip.sync_id)
        assert forged(device, trip, name, wire)[name]["code"] == "invalid", name
        told(trip, device)


def test_parts_are_validated_together_and_told_as_a_value(devices: list[Device]) -> None:
    mine, yours, _ = devices
    trip = Trip.objects.create(tags=["a", "b", "c"])
    for device in devices:
        device.pull()
    mine.set(trip.sync_id, tags=["a", "b", "c", "d", "e"])
    yours.set(trip.sync_id, tags=["a", "b", "c", "x", "y"], stops=[1])
    assert mine.push()[0].reverted == {}
    [result] = yours.push()
    assert result.reverted["tags"] == {
        "value": '["x","y"]',
        "code": "too_many",
        "message": "At most five.",
    }
    row = Trip.objects.get()
    assert (row.tags, row.stops) == (["a", "b", "c", "d", "e"], [1])
    told(trip, yours)


def test_what_was_wrong_before_the_push_reverts_nothing(devices: list[Device]) -> None:
    trip = Trip.objects.create(tags=list("abcdefg"))
    devices[0].pull()
    devices[0].set(trip.sync_id, tags=list("bcdefg"))
    assert devices[0].push()[0].reverted == {}
    assert len(Trip.objects.get().tags) == 6


# Documents stay small


def test_removals_and_what_they_removed_leave_the_document(devices: list[Device]) -> None:
    trip = Trip.objects.create()
    devices[0].pull()
    for name, full, empty in (
        ("tags", ["a", "b"], []),
        ("stops", ["a"], []),
        ("options", {"a": 1}, {}),
    ):
        for value in (full, empty, full, empty):
            devices[0].set(trip.sync_id, **{name: value})
            devices[0].push()
            devices[0].pull()
        assert len(document_of(Trip.objects.get()).live(name)) == 1
    told(trip, devices[1])
