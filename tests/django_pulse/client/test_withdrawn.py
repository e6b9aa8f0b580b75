"""Edits of a text that may not stand, in a document too large for undoing them there: over a real
server, its device takes them back itself, keeps them, and everything else gets in.
"""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth import get_user_model

from django_pulse.client import Refused, Reverted
from django_pulse.tables import Document as Stored
from django_pulse.writes.pushes import undoing
from tests.django_pulse.client.conftest import Device, in_django, signed_in
from tests.django_pulse.together import PATIENCE
from tests.project.permits.models import Page, Workspace

PAGE = "permits.page"
BODY = "Long, é😀. " * 2_000
ROUNDS = 8


@pytest.fixture
def page(ann: dict[str, str]) -> Page:
    """Ann may vote, and write no text."""
    space = Workspace.objects.create(name="Hall")
    space.seats.create(user=get_user_model().objects.get(username="ann"), role="voter")
    made: Page = Page.objects.create(title="Plan", body=BODY, workspace=space)
    assert len(state_of(made)) > undoing.MOST_BYTES
    return made


def state_of(page: Page) -> bytes:
    return bytes(Stored.objects.get(sync_id=page.sync_id).state)


def stored(page: Page) -> dict[str, Any]:
    found: dict[str, Any] = Page.objects.values("body", "votes", "tags", "title").get(pk=page.pk)
    return found


@pytest.mark.asyncio
async def test_what_may_not_stand_of_a_large_text_is_taken_back_and_the_rest_gets_in(
    device: Device, page: Page
) -> None:
    before = await in_django(lambda: len(state_of(page)))
    row = page.sync_id
    async with device() as phone:
        await phone.synced(PATIENCE)
        pages = phone.model(PAGE)
        changes = phone.changes()
        for number in range(ROUNDS):
            pages.edit_text(row, "body", 5, insert=f"é😀 {number}")
            pages.add(row, votes=1)
            pages.set(row, tags=[f"tag {number}"], title="Mine")
            await phone.synced(PATIENCE)
            there = pages.get(row)
            assert there is not None
            assert (there.body, there.votes) == (BODY, number + 1)
        kept = phone.kept_aside()
        changes.close()
        told = [each async for each in changes]
    undone = [event for event in told if isinstance(event, Reverted)]
    assert not [event for event in told if isinstance(event, Refused)]
    texts = [event.fields["body"] for event in undone if "body" in event.fields]
    assert [(each.code, each.message) for each in texts] == [
        ("denied", "You may not change this.")
    ] * ROUNDS
    assert [f"é😀 {number}" in each.value for number, each in enumerate(texts)] == [True] * ROUNDS
    kept_texts = [each.fields["body"].value for each in kept if "body" in each.fields]
    assert kept_texts == [each.value for each in texts]
    assert await in_django(lambda: stored(page)) == {
        "body": BODY,
        "votes": ROUNDS,
        "tags": [f"tag {ROUNDS - 1}"],
        "title": "Plan",
    }
    after = await in_django(lambda: len(state_of(page)))
    assert after < before + 300, "of which nothing is left that was taken back"


@pytest.mark.asyncio
async def test_what_was_edited_meanwhile_stays_and_others_write_on(
    device: Device, page: Page
) -> None:
    bob = await in_django(lambda: signed_in("bob"))
    await in_django(
        lambda: page.workspace.seats.create(
            user=get_user_model().objects.get(username="bob"), role="admin"
        )
    )
    async with device() as phone, device(cookies=bob) as other:
        await phone.synced(PATIENCE)
        await other.synced(PATIENCE)
        await phone.offline()
        phone.model(PAGE).edit_text(page.sync_id, "body", 0, delete=4, insert="Short")
        phone.model(PAGE).add(page.sync_id, votes=2)
        other.model(PAGE).edit_text(page.sync_id, "body", 0, insert="So ")
        await other.synced(PATIENCE)
        await phone.online()
        await phone.synced(PATIENCE)
        phone.model(PAGE).add(page.sync_id, votes=1)
        await phone.synced(PATIENCE)
        await other.synced(PATIENCE)
        for pulse in (phone, other):
            there = pulse.model(PAGE).get(page.sync_id)
            assert there is not None
            assert (there.body, there.votes) == (f"So {BODY}", 3)
    assert (await in_django(lambda: stored(page)))["body"] == f"So {BODY}"
