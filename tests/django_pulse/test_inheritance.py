"""Rows that are spread over the tables of several models have one document."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.core import serializers
from django.db import connection
from django.test.utils import CaptureQueriesContext

from django_pulse.mapping.inheritance import by_model, children_of, labels_of
from django_pulse.tables import Document
from tests.django_pulse.devices import Device, values_of
from tests.project.inheritance.models import Bistro, Car, Place, Restaurant, Vehicle, Visit
from tests.project.relations.models import Project

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.databases("sqlite", "postgres"),
]


@pytest.fixture
def user() -> Any:
    return get_user_model().objects.create_user("ada")


@pytest.fixture
def phone(user: Any) -> Device:
    return Device(user, Restaurant)


def labels() -> list[str]:
    stored = Document.objects.filter(model__startswith="inheritance.")
    found = stored.filter(deleted=False, parked__isnull=True)
    return sorted(found.values_list("model", flat=True))


def test_the_models_of_one_row_are_known() -> None:
    assert list(children_of(Place)) == [Bistro, Restaurant]
    assert list(children_of(Vehicle)) == [Car]
    assert not children_of(Car)
    assert labels_of(Bistro) == (
        "inheritance.bistro",
        "inheritance.restaurant",
        "inheritance.place",
    )
    place, bistro = Place.objects.create(name="a"), Bistro.objects.create(name="b")
    found = by_model(Place, "default", [place.pk, bistro.pk])
    assert found == {Place: [place.pk], Bistro: [bistro.pk]}


def test_a_row_has_the_document_of_its_most_derived_model() -> None:
    Place.objects.create(name="a")
    Restaurant.objects.create(name="b", stars=1)
    bistro = Bistro.objects.create(name="c", stars=2, menu="soup")
    assert labels() == ["inheritance.bistro", "inheritance.place", "inheritance.restaurant"]
    assert values_of(bistro) == {"name": "c", "project": None, "stars": 2, "menu": "soup"}
    assert bistro.version == 1


@pytest.mark.parametrize("count", [1, 3])
def test_devices_make_edit_and_delete_such_rows(user: Any, count: int) -> None:
    tablet = Device(user, Bistro)
    project = Project.objects.create(name="one")
    made = [tablet.create(name=str(n), stars=n, project=project.sync_id) for n in range(count)]
    assert {(r.status, bool(r.reverted)) for r in tablet.push()} == {("ok", False)}
    found = [(row.sync_id, row.name, row.stars) for row in Bistro.objects.order_by("name")]
    assert found == [(each, str(n), n) for n, each in enumerate(made)]
    assert all(row.project == project and row.version == 1 for row in Place.objects.all())
    for each in made:
        tablet.set(each, name="new", menu="soup")
        tablet.add(each, stars=5)
    tablet.push()
    row = Bistro.objects.get(sync_id=made[0])
    assert (row.name, row.menu, row.stars, row.version) == ("new", "soup", 5, 2)
    for each in made:
        tablet.delete(each)
    tablet.push()
    assert not Place.objects.exists()
    assert labels() == []


def test_cars_are_made_and_edited_although_vehicles_do_not_sync(user: Any) -> None:
    tablet = Device(user, Car)
    made = tablet.create(wheels=3, colour="red")
    tablet.push()
    car = Car.objects.get()
    assert (car.sync_id, car.wheels, car.colour) == (made, 3, "red")
    tablet.set(made, wheels=6)
    tablet.push()
    vehicle = Vehicle.objects.get()
    assert vehicle.wheels == 6
    vehicle.wheels = 5
    vehicle.save()
    assert values_of(car)["wheels"] == 5
    vehicle.delete()
    assert labels() == []


def test_a_stale_instance_merges(phone: Device) -> None:
    row = Restaurant.objects.create(name="a", stars=1)
    stale = Restaurant.objects.get()
    phone.pull()
    phone.set(row.sync_id, name="b")
    phone.add(row.sync_id, stars=2)
    phone.push()
    stale.stars += 10
    stale.save()
    row.refresh_from_db()
    assert (row.name, row.stars) == ("b", 13)
    assert values_of(row)["stars"] == 13
    stale.name = "c"
    stale.save(update_fields=["name"])
    row.refresh_from_db()
    assert (row.name, row.stars, row.version) == ("c", 13, 4)


def test_a_row_that_is_written_as_its_parent_is_mirrored_in_its_own_document(
    phone: Device,
) -> None:
    row = Restaurant.objects.create(name="a", stars=1)
    place = Place.objects.get()
    phone.pull()
    phone.add(row.sync_id, stars=1)
    phone.push()
    place.name = "b"
    place.save()
    assert place.version == 3
    assert values_of(row) | {"name": "b", "stars": 2} == values_of(row)
    Place.objects.filter(pk=row.pk).update(name="c")
    assert values_of(row)["name"] == "c"
    place.refresh_from_db()
    place.name = "d"
    Place.objects.bulk_update([place], ["name"])
    assert values_of(row)["name"] == "d"
    assert labels() == ["inheritance.restaurant"]
    assert place.vector_clock == row.vector_clock
    place.delete()
    assert labels() == []


def test_bulk_writes_of_the_parents_columns_are_mirrored() -> None:
    rows = [Bistro.objects.create(name=str(n)) for n in range(4)]
    Bistro.objects.filter(name__in=["0", "1"]).update(name="x", menu="y")
    for row in rows[2:]:
        row.name = "z"
    Bistro.objects.bulk_update(rows[2:], ["name"])
    found = [(values_of(r)["name"], values_of(r)["menu"]) for r in Bistro.objects.order_by("pk")]
    assert found == [("x", "y"), ("x", "y"), ("z", ""), ("z", "")]


def test_a_place_that_becomes_a_restaurant_leaves_its_old_document(user: Any) -> None:
    place = Place.objects.create(name="a")
    row = Restaurant(place_ptr=place, stars=3)
    names = ("name", "sync_id", "version", "created_at")
    row.__dict__.update({name: getattr(place, name) for name in names})
    row.save()
    assert labels() == ["inheritance.restaurant"]
    assert values_of(row)["name"] == "a"
    assert Restaurant.objects.get().sync_id == place.sync_id


def test_fixtures_of_such_rows_keep_their_identity() -> None:
    row = Bistro.objects.create(name="a", stars=2, menu="soup")
    dumped = serializers.serialize("json", [*Place.objects.all(), *Restaurant.objects.all(), row])
    Place.objects.all().delete()
    Document.objects.all().delete()
    for each in serializers.deserialize("json", dumped):
        each.save()
    assert labels() == ["inheritance.bistro"]
    assert Bistro.objects.get().sync_id == row.sync_id
    assert values_of(row) == {"name": "a", "project": None, "stars": 2, "menu": "soup"}


def test_a_device_cannot_push_to_a_row_as_its_parent(user: Any) -> None:
    row = Restaurant.objects.create(name="a")
    tablet = Device(user, Place)
    tablet.create(row.sync_id, name="stolen")
    [result] = tablet.push()
    assert result.parked
    assert result.parked["code"] == "constraint"
    row.refresh_from_db()
    assert row.name == "a"
    assert labels() == ["inheritance.restaurant"]


def test_a_reference_to_a_parent_finds_and_awaits_the_row(user: Any, phone: Device) -> None:
    there = Restaurant.objects.create(name="a")
    visits = Device(user, Visit)
    visits.create(place=there.sync_id)
    coming = uuid.uuid4()
    visits.create(place=coming)
    visits.push()
    assert [visit.place.name for visit in Visit.objects.all()] == ["a"]
    phone.create(coming, name="b")
    phone.push()
    assert {visit.place.name for visit in Visit.objects.all()} == {"a", "b"}


def test_a_push_takes_as_many_queries_for_many_rows_as_for_few(user: Any) -> None:
    tablet = Device(user, Bistro)

    def queries(count: int) -> int:
        made = [tablet.create(name="x", menu="y") for _ in range(count)]
        with CaptureQueriesContext(connection) as captured:
            tablet.push(*made)
        for each in made:
            tablet.set(each, name="z", menu="z")
        with CaptureQueriesContext(connection) as edits:
            tablet.push(*made)
        return len(captured) + len(edits)

    queries(2)
    assert queries(3) == queries(30)
