"""Columns that raw SQL filled with what no document can hold: the rest of the row goes on."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.db import connection

from crdt.document import Document as CrdtDocument
from django_pulse.tables import Document
from django_pulse.upkeep.verifying import verify
from tests.django_pulse.devices import Device, values_of
from tests.django_pulse.past import execute, filled
from tests.project.rules.models import Trip

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.databases("sqlite", "postgres"),
]

UNFIT = [
    ("tags", '{"a": 1}'),
    ("tags", '"abc"'),
    ("tags", "5"),
    ("stops", '{"a": 1}'),
    ("stops", "true"),
]


@pytest.fixture
def device() -> Device:
    return Device(get_user_model().objects.create_user("ada"), Trip)


@pytest.fixture(params=["no document", "no entry", "other entries", "broken document"])
def trip(request: pytest.FixtureRequest) -> Any:
    """A trip whose document holds nothing of the field, or something else."""
    if request.param == "no document":
        filled(Trip, 1)
        return Trip.objects.get()
    trip = Trip.objects.create(tags=["a"], stops=["b"])
    stored = Document.objects.get(sync_id=trip.sync_id)
    if request.param == "no entry":
        scratch = CrdtDocument(bytes(stored.state))
        for name in ("tags", "stops"):
            scratch.delete([entry.dot for entry in scratch.live(name)])
        Document.objects.update(state=scratch.encode())
    if request.param == "broken document":
        Document.objects.update(state=bytes(stored.state)[:-2])
    return trip


def put(trip: Trip, name: str, raw: str) -> None:
    cast = "::jsonb" if connection.vendor == "postgresql" else ""
    execute(f"UPDATE rules_trip SET {name} = %s{cast} WHERE id = %s", raw, trip.pk)


def push(device: Device, trip: Trip, **values: Any) -> Any:
    device.rows.setdefault(trip.sync_id, CrdtDocument(replica=device.replica))
    device.set(trip.sync_id, **values)
    for _ in range(3):  # what was broken is rebuilt first
        [result] = device.push(trip.sync_id)
        if result.status != "busy":
            break
    return result


@pytest.mark.parametrize(("name", "raw"), UNFIT)
def test_the_other_fields_are_saved_and_pushed(
    trip: Trip, device: Device, name: str, raw: str, caplog: pytest.LogCaptureFixture
) -> None:
    put(trip, name, raw)
    loaded = Trip.objects.get()
    loaded.name = "saved"
    with caplog.at_level(logging.WARNING, "django_pulse"):
        loaded.save()
    assert name in caplog.text
    assert Trip.objects.get().name == "saved"
    result = push(device, trip, meeting_point="pushed")
    assert (result.status, result.reverted) == ("ok", {})
    row = Trip.objects.get()
    said = values_of(row)
    assert (row.meeting_point, said["name"], said["meeting_point"]) == ("pushed", "saved", "pushed")


@pytest.mark.parametrize(("name", "raw"), UNFIT)
def test_a_push_to_the_very_field_puts_it_right(
    trip: Trip, device: Device, name: str, raw: str
) -> None:
    put(trip, name, raw)
    result = push(device, trip, **{name: ["x"]})
    assert (result.status, result.reverted) == ("ok", {})
    row = Trip.objects.get()
    assert getattr(row, name) == values_of(row)[name]
    assert "x" in getattr(row, name)


@pytest.mark.parametrize(("name", "raw"), UNFIT)
def test_a_fitting_value_that_is_saved_puts_it_right(trip: Trip, name: str, raw: str) -> None:
    put(trip, name, raw)
    loaded = Trip.objects.get()
    setattr(loaded, name, ["x"])
    loaded.save()
    row = Trip.objects.get()
    assert getattr(row, name) == values_of(row)[name]
    assert "x" in getattr(row, name)


def test_verifying_tells_of_it_and_leaves_the_column_to_you(trip: Trip) -> None:
    put(trip, "tags", '{"a": 1}')
    for _ in range(2):
        found = [one for step in verify(Trip, "default", fix=True) for one in step.findings]
    assert "unfit" in {one.kind for one in found}
    assert not any(one.fixed for one in found)
    assert Trip.objects.get().tags == {"a": 1}


def test_code_that_saves_such_a_value_hears_which_field_and_why() -> None:
    with pytest.raises(ValueError, match=r"tags: the rule add_wins_set holds lists, not dict"):
        Trip.objects.create(tags={"a": 1})
    trip = Trip.objects.create()
    trip.tags = {"a": 1}
    with pytest.raises(ValueError, match=r"tags: the rule add_wins_set holds lists, not dict"):
        trip.save()
