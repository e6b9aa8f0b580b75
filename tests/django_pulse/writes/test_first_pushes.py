"""Two devices push one row for the first time, at the same moment: nothing of either is lost."""

from __future__ import annotations

import uuid
from functools import partial
from typing import Any

import pytest
from django.contrib.auth import get_user_model

from django_pulse.tables import Document
from tests.django_pulse.devices import Device, document_of, values_of
from tests.django_pulse.together import at_once, push_until_taken
from tests.project.todo.models import Note

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.databases("sqlite", "postgres"),
]


@pytest.fixture
def user() -> Any:
    return get_user_model().objects.create_user("ada")


@pytest.mark.parametrize("_round", range(8))
def test_two_first_pushes_of_one_row_lose_nothing(user: Any, _round: int) -> None:
    phone, laptop = Device(user, Note), Device(user, Note)
    row = uuid.uuid4()
    phone.create(row, title="Milk", votes=1)
    laptop.create(row, title="Milk", votes=10, body="two litres")
    answers = at_once(lambda: push_until_taken(phone), lambda: push_until_taken(laptop))
    assert [result.status for results in answers for result in results] == ["ok", "ok"]
    stored = Note.objects.get()
    assert (stored.votes, stored.body, stored.version) == (11, "two litres", 2)
    assert values_of(stored)["votes"] == 11
    vector = document_of(stored).vector
    assert vector[phone.replica] == phone.acked[row]
    assert vector[laptop.replica] == laptop.acked[row]


@pytest.mark.parametrize("_round", range(3))
def test_two_first_pushes_of_a_batch_in_opposite_orders_lose_nothing(
    user: Any, _round: int
) -> None:
    phone, laptop = Device(user, Note), Device(user, Note)
    rows = [uuid.uuid4() for _ in range(30)]
    for row in rows:
        phone.create(row, title="Milk", votes=1)
        laptop.create(row, title="Milk", votes=10)
    at_once(
        lambda: push_until_taken(phone, *rows), lambda: push_until_taken(laptop, *reversed(rows))
    )
    assert list(Note.objects.values_list("votes", flat=True)) == [11] * 30
    assert Document.objects.count() == 30


def test_eight_devices_at_one_row(user: Any) -> None:
    devices = [Device(user, Note) for _ in range(8)]
    row = uuid.uuid4()
    for n, device in enumerate(devices):
        device.create(row, title="Milk", votes=10**n)

    def work(device: Device) -> None:
        for _ in range(3):
            push_until_taken(device)
            device.add(row, votes=1)
        push_until_taken(device)

    at_once(*(partial(work, device) for device in devices))
    assert Note.objects.get().votes == 11_111_111 + 24
    assert values_of(Note.objects.get())["votes"] == 11_111_111 + 24
