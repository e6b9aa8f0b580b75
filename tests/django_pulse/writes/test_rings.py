"""New rows that refer to each other: each waits for the other, and both appear."""

from __future__ import annotations

import uuid
from itertools import pairwise
from typing import Any

import pytest
from django.contrib.auth import get_user_model

from django_pulse.tables import Awaited, Document
from django_pulse.upkeep.verifying import verify
from tests.django_pulse.bulk.conftest import counted
from tests.django_pulse.devices import Device, values_of
from tests.project.constraints.models import Page, Twin

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.databases("sqlite", "postgres"),
]


@pytest.fixture
def user() -> Any:
    return get_user_model().objects.create_user("ada")


@pytest.fixture
def pages(user: Any) -> Device:
    return Device(user, Page)


def ring(device: Device, size: int) -> list[uuid.UUID]:
    """New rows of which each has the next for a parent, and the last the first."""
    ids = [uuid.uuid4() for _ in range(size)]
    for number, (child, parent) in enumerate(pairwise([*ids, ids[0]])):
        device.create(child, title=str(number), parent=parent)
    return ids


def is_there(ids: list[uuid.UUID]) -> bool:
    """Do the rows refer to each other, in the table and in their documents?"""
    rows = {row.sync_id: row for row in Page.objects.select_related("parent")}
    for child, parent in pairwise([*ids, ids[0]]):
        assert rows[child].parent is not None
        assert rows[child].parent.sync_id == parent
        assert values_of(rows[child])["parent"] == parent
    assert not Awaited.objects.exists()
    assert not Document.objects.exclude(parked__isnull=True, waiting__isnull=True).exists()
    assert not [one for step in verify(Page, "default") for one in step.findings]
    return True


@pytest.mark.parametrize("size", [1, 2, 5])
@pytest.mark.parametrize("apart", [False, True])
def test_rows_that_refer_to_each_other_in_a_ring_appear(
    pages: Device, size: int, apart: bool
) -> None:
    ids = ring(pages, size)
    if apart:
        for each in ids:
            pages.push(each)
    else:
        assert [(each.status, each.parked) for each in pages.push()] == [("ok", None)] * size
    assert is_there(ids)
    reader = Device(pages.user, Page)
    reader.pull()
    assert {each: reader.get(each)["parent"] for each in ids} == dict(pairwise([*ids, ids[0]]))


def test_what_waits_for_a_ring_and_what_a_ring_waits_for_come_in_any_order(pages: Device) -> None:
    one, two = ring(pages, 2)
    behind, ahead = pages.create(title="behind", parent=one), uuid.uuid4()
    pages.push(behind, one)
    assert not Page.objects.exists()
    pages.set(one, parent=ahead)
    pages.push(one, two)
    assert not Page.objects.exists(), "it is no ring any more, and its end has not come"
    pages.create(ahead, title="ahead", parent=two)
    pages.push(ahead)
    assert Page.objects.count() == 4
    assert Page.objects.get(sync_id=behind).parent == Page.objects.get(sync_id=one)
    assert is_there([one, ahead, two])


def test_many_rings_take_as_many_queries_as_few(pages: Device) -> None:
    def pushed(count: int) -> int:
        ids = [each for _ in range(count) for each in ring(pages, 2)]
        return counted(lambda: pages.push(*ids))

    pushed(1)
    assert pushed(50) <= pushed(2) + 5


def test_a_ring_of_references_that_must_not_be_null_waits_and_says_so(user: Any) -> None:
    twins = Device(user, Twin)
    one, two = uuid.uuid4(), uuid.uuid4()
    twins.create(one, name="one", other=two)
    twins.create(two, name="two", other=one)
    results = twins.push()
    assert [each.parked and each.parked["code"] for each in results] == ["waiting", "waiting"]
    assert not Twin.objects.exists()
    assert Document.objects.filter(parked__isnull=False).count() == 2
