"""Rows that somebody moves to where a device's user may not look, while nobody tells the device."""

from __future__ import annotations

from typing import Any

import pytest

from tests.django_pulse.phones import Phone, switchboard
from tests.project.permits.models import Page, Seat, Workspace

pytestmark = pytest.mark.django_db(transaction=True)

PAGE = "permits.page"


def test_what_was_acked_is_not_pushed_again_of_a_row_that_moved_out_of_sight_and_is_back(
    ada: Any,
) -> None:
    """That the server does not give the row says nothing of whether it lost it. Its scope does."""
    with switchboard() as board:
        board.loses_calls = True
        here, there = (Workspace.objects.create(name=name) for name in ("here", "there"))
        Seat.objects.create(workspace=here, user=ada, role="admin")
        page = Page.objects.create(title="Theirs", workspace=here)
        phone = Phone(board, ada, 11)
        phone.sync()
        phone.replica.set(PAGE, page.sync_id, title="Mine")
        phone.replica.add(PAGE, page.sync_id, "votes", 5)
        phone.send()
        for place in reversed(phone.live()):
            del phone.inbox[place]
        assert phone.receive()
        assert phone.replica.pending == 0
        page.refresh_from_db()
        page.workspace = there
        page.save()
        phone.inbox.clear()
        phone.replica.add(PAGE, page.sync_id, "votes", 3)
        for _ in range(2):  # the push, and what it takes to find out
            phone.send()
            while phone.receive():
                pass
        Seat.objects.create(workspace=there, user=ada, role="admin")
        phone.sync()
        page.refresh_from_db()
        assert (page.title, page.votes) == ("Mine", 5)
        assert phone.row(PAGE, page.sync_id)["votes"] == 5
        [kept] = phone.replica.reverted()
        assert (kept.reason, kept.fields["votes"].value) == ("left", 3)
