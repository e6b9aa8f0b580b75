"""Bits of stored documents flip: no exception escapes, and the process lives."""

from __future__ import annotations

import random
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.db.models import QuerySet

from crdt.document import Document
from django_pulse.tables import Document as Stored
from tests.django_pulse.devices import Device
from tests.project.todo.models import Note


@pytest.fixture
def user() -> Any:
    return get_user_model().objects.create_user("ada")


@pytest.fixture
def phone(user: Any) -> Device:
    return Device(user, Note)


@pytest.mark.django_db
def test_whatever_bit_flips_nothing_escapes(phone: Device) -> None:
    """Every push is answered, every save stores its row: also where the bytes can still be read,
    and say something else.
    """
    made = phone.create(title="Milk", body="zwei Liter 🥛", votes=3)
    phone.push()
    phone.edit(made, "body", 4, 0, " oder drei")
    phone.add(made, votes=2)
    phone.push()
    sound = bytes(Stored.objects.get().state)
    drawn = random.Random(5).sample(range(8 * len(sound)), 50)
    for place in drawn:
        rotten = bytearray(sound)
        rotten[place // 8] ^= 1 << place % 8
        Stored.objects.update(state=bytes(rotten))
        device = Device(phone.user, Note)
        device.rows[made] = Document(sound, device.replica)
        device.set(made, title="Whole milk")
        [result] = device.push(made)
        assert result.status in ("ok", "refused", "resend"), place
        note = Note.objects.get()
        note.title = f"Milk {place}"
        note.save()
        assert Note.objects.get().title == f"Milk {place}"
        QuerySet(Note).update(title="Milk", body="zwei oder drei Liter 🥛", votes=5, version=2)
