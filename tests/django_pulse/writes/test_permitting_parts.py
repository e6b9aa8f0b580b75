"""Edits that may not be made, of rows outside of the part that a device asks for."""

from __future__ import annotations

import pytest
from django.contrib.auth import get_user_model

from django_pulse.writes.pushes import undoing
from tests.django_pulse.phones import Phone, switchboard
from tests.django_pulse.workspaces import space
from tests.project.permits.models import Page, Seat, Workspace

__all__ = ["space"]  # a fixture

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.databases("sqlite", "postgres"),
]

PAGE = "permits.page"


def test_a_row_goes_once_the_edit_that_kept_it_was_refused(
    space: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was made while the device found out that it does not want the row; of a text in a large
    document, nothing is taken that would have to be undone.
    """
    monkeypatch.setattr(undoing, "MOST_BYTES", 1)
    user = get_user_model().objects.create(username="eve")
    Seat.objects.create(workspace=space, user=user, role="editor")
    with switchboard() as board:
        phone = Phone(board, user, 41)
        phone.sync()
        phone.replica.subscribe([])
        phone.sync()
        row = phone.replica.create(PAGE, {"title": "Plan", "workspace": space.pk})
        phone.send()
        while phone.receive():
            pass
        assert phone.send(), "it asks for the row, as no scope would tell of it"
        phone.replica.set(PAGE, row, body="Mine")
        while phone.receive():
            pass
        Page.objects.update(status="locked")
        phone.exchange()
        [kept] = phone.replica.reverted()
        assert kept.fields.keys() == {"body"}
        assert phone.replica.all(PAGE) == []
        assert phone.replica.in_sync
