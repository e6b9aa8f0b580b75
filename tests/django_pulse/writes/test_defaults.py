"""What the server fills in where a device makes a row, and what its device learns of that."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.django_pulse.devices import Device, values_of
from tests.django_pulse.workspaces import told
from tests.project.permits.models import Errand

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.databases("sqlite", "postgres"),
]

OWN = ("forbidden", "A device's rows belong to whoever is signed in on it.")


@pytest.fixture
def phone() -> Device:
    return Device(get_user_model().objects.create_user("ada"), Errand)


def test_every_kind_of_default_is_filled_in_and_reaches_the_device(phone: Device) -> None:
    made = phone.create(title="Shop")
    [result] = phone.push()
    assert (result.status, told(result)) == ("ok", {})
    row = Errand.objects.get()
    assert (row.size, row.colour, row.places, row.user) == (3, "red", [], phone.user)
    assert isinstance(row.number, uuid.UUID)
    assert row.since is not None
    phone.pull()
    held = phone.get(made)
    assert held == values_of(row)
    assert (held["colour"], held["number"], held["since"]) == ("red", row.number, row.since)
    assert held["user"] == phone.user.pk


def test_rows_made_by_one_push_have_each_their_own_defaults(phone: Device) -> None:
    for number in range(3):
        phone.create(title=str(number))
    phone.push()
    assert len(set(Errand.objects.values_list("number", flat=True))) == 3
    assert len(set(Errand.objects.values_list("token", flat=True))) == 3
    Errand.objects.order_by("pk")[0].places.append("market")
    assert Errand.objects.filter(places=[]).count() == 3


def test_what_the_device_says_counts_where_it_may(phone: Device) -> None:
    number = uuid.uuid4()
    phone.create(title="Shop", size=5, colour="blue", places=["market"], number=number)
    [result] = phone.push()
    assert told(result) == {}
    row = Errand.objects.get()
    assert (row.size, row.colour, row.places, row.number) == (5, "blue", ["market"], number)


@pytest.mark.parametrize("claimed", ["other", "nobody", "no number"])
def test_a_new_row_is_its_signed_in_users_whatever_the_device_claims(
    phone: Device, claimed: str
) -> None:
    other = get_user_model().objects.create_user("bob").pk
    value: Any = {"other": other, "nobody": 10**9, "no number": "me"}[claimed]
    made = phone.create(title="Shop")
    phone.rows[made].append("user", phone.rows[made].next_stamp(phone.now()), value)
    [result] = phone.push()
    assert result.status == "ok"
    undone = told(result)
    assert undone.keys() == {"user"}
    assert undone["user"][0] == value
    if claimed != "no number":
        assert undone["user"][1:] == OWN
    assert Errand.objects.get().user == phone.user
    phone.pull()
    assert phone.get(made)["user"] == phone.user.pk


def test_a_row_cannot_be_given_away_later(phone: Device) -> None:
    other = get_user_model().objects.create_user("bob").pk
    made = phone.create(title="Shop")
    phone.push()
    phone.pull()
    phone.set(made, user=other)
    [result] = phone.push()
    assert told(result) == {"user": (other, *OWN)}
    phone.pull()
    assert phone.get(made)["user"] == phone.user.pk


def test_a_bad_value_of_a_new_row_becomes_the_default(phone: Device) -> None:
    made = phone.create(title="Shop", colour="x" * 50)
    [result] = phone.push()
    assert told(result).keys() == {"colour"}
    assert Errand.objects.get().colour == "red"
    phone.pull()
    assert phone.get(made)["colour"] == "red"


def test_a_value_that_clean_turns_down_becomes_the_default(phone: Device) -> None:
    made = phone.create(title="Shop", colour="black")
    [result] = phone.push()
    assert told(result).keys() == {"colour"}
    row = Errand.objects.get()
    assert row.colour == "red"
    assert values_of(row)["colour"] == "red"
    phone.pull()
    assert phone.get(made)["colour"] == "red"


def test_forty_rows_cost_as_many_queries_as_two(phone: Device) -> None:
    def queries(count: int) -> int:
        made = [phone.create(title="Shop") for _ in range(count)]
        with CaptureQueriesContext(connection) as captured:
            phone.push(*made)
        return len(captured)

    queries(1)  # what is remembered from then on
    assert queries(40) == queries(2)
