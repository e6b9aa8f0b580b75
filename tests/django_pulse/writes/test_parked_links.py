"""Links of a row that waits: they are made with the row, whatever lets it in."""

from __future__ import annotations

from typing import Any

import pytest

from django_pulse.tables import Awaited, Document
from tests.django_pulse.devices import Device
from tests.project.claims.models import Claim, Colour

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.databases("sqlite", "postgres")]


@pytest.fixture
def phone(ada: Any) -> Device:
    return Device(ada, Claim)


@pytest.mark.parametrize("by_itself", [True, False])
def test_a_row_that_waited_has_its_links_whatever_lets_it_in(
    phone: Device, by_itself: bool
) -> None:
    red, blue = (Colour.objects.create(name=name) for name in ("red", "blue"))
    taken = Claim.objects.create(code="a")
    made = phone.create(code="a", colours=[red.pk, blue.pk])
    [result] = phone.push()
    assert result.parked is not None
    if by_itself:
        taken.delete()
        phone.pull()
    else:  # its device says nothing of the links again
        phone.set(made, code="b")
        phone.push()
    row = Claim.objects.get(sync_id=made)
    assert set(row.colours.values_list("name", flat=True)) == {"red", "blue"}
    assert Document.objects.get(sync_id=made).waiting is None
    assert not Awaited.objects.exists()
