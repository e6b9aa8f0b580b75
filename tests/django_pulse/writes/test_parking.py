"""Documents that have no row yet, and columns that lag behind their entries."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.db import connection

from django_pulse.tables import Document
from tests.django_pulse.devices import Device, values_of
from tests.project.todo.models import Category, Everything

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.databases("sqlite", "postgres"),
]


@pytest.fixture
def tablet() -> Device:
    return Device(get_user_model().objects.create_user("ada"), Everything)


@pytest.fixture
def lagging(tablet: Device) -> Any:
    """A row whose column `integer` holds 1 while its entries say 5."""
    made = tablet.create(integer=5, char="a")
    tablet.push()
    with connection.cursor() as cursor:
        cursor.execute("UPDATE todo_everything SET integer = 1")
    Document.objects.update(waiting={"integer": 1})
    return Everything.objects.get(sync_id=made)


def test_a_column_that_waits_is_not_taken_for_a_write_behind_our_back(
    tablet: Device, lagging: Any
) -> None:
    lagging.char = "b"
    lagging.save()
    tablet.set(lagging.sync_id, small=3)
    tablet.push()
    row = Everything.objects.get()
    assert (row.char, row.small, row.integer) == ("b", 3, 1)
    assert values_of(row)["integer"] == 5
    assert Document.objects.get().waiting == {"integer": 1}


@pytest.mark.parametrize("how", ["save", "update", "raw"])
def test_a_column_that_is_written_meanwhile_waits_no_more(
    tablet: Device, lagging: Any, how: str
) -> None:
    if how == "save":
        lagging.integer = 9
        lagging.save()
    elif how == "update":
        Everything.objects.update(integer=9)
    else:
        with connection.cursor() as cursor:
            cursor.execute("UPDATE todo_everything SET integer = 9")
        tablet.set(lagging.sync_id, small=3)
        tablet.push()
    row = Everything.objects.get()
    assert row.integer == values_of(row)["integer"] == 9
    assert Document.objects.get().waiting is None


def test_a_row_that_the_server_inserts_under_a_parked_identity_takes_its_place(
    tablet: Device,
) -> None:
    made = tablet.create(integer=5)
    tablet.push()
    Document.objects.update(parked={"user": str(tablet.user.pk), "code": "waiting"}, scopes=[])
    Everything.objects.all()._raw_delete("default")
    row = Everything.objects.create(
        sync_id=made, char="here", category=Category.objects.create(name="c")
    )
    stored = Document.objects.get()
    assert (stored.parked, stored.deleted) == (None, False)
    assert values_of(row)["char"] == "here"
