"""Whoever loses access loses the rows, on an open socket; whoever gains it gets them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.contrib.auth import get_user_model

from django_pulse.client import Pulse, SignInRefused
from tests.django_pulse.client.conftest import Device, ann, device, in_django
from tests.django_pulse.stand_ins import settings
from tests.django_pulse.together import PATIENCE
from tests.project.teams.models import Project, Team, Ticket

__all__ = ["ann", "device"]  # fixtures

# Seconds between two pings: so many that whatever arrives in a test arrived by the channel layer.
NEVER = 3600

Seen = Callable[[Pulse], bool]


@pytest.fixture(autouse=True)
def never_polling() -> Iterator[None]:
    with settings(POLL_SECONDS=NEVER, HINT_TIMEOUT_SECONDS=PATIENCE):
        yield


async def until(pulse: Pulse, seen: Seen) -> None:
    async with asyncio.timeout(PATIENCE):
        while not seen(pulse):
            await pulse._connection.news()


def titles(pulse: Pulse) -> set[str]:
    return {row.title for row in pulse.model("teams.ticket").all()}


def _team() -> Team:
    team = Team.objects.create(name="Red")
    project = Project.objects.create(name="Bridge", team=team)
    Ticket.objects.create(title="Paint", project=project)
    return team


def _delete_project() -> None:
    Project.objects.get().delete()


def _ann() -> Any:
    return get_user_model().objects.get(username="ann")


@pytest.mark.asyncio
async def test_a_member_who_is_added_and_removed_gets_and_loses_the_rows(device: Device) -> None:
    team = await in_django(_team)
    async with device() as phone:
        await phone.synced(PATIENCE)
        assert titles(phone) == set()
        await in_django(lambda: team.members.add(_ann()))
        await until(phone, lambda pulse: titles(pulse) == {"Paint"})
        phone.model("teams.ticket").all()[0].set(title="Sand")
        await phone.synced(PATIENCE)
        await phone.offline()
        phone.model("teams.ticket").all()[0].set(title="Oil")
        await in_django(team.members.clear)
        await phone.online()
        await until(phone, lambda pulse: titles(pulse) == set())
        [kept] = phone.kept_aside()
        assert kept.fields["title"].value == "Oil", "what was not pushed is not lost"
        assert await in_django(lambda: Ticket.objects.get().title) == "Sand"


@pytest.mark.asyncio
async def test_an_open_socket_is_narrowed(device: Device) -> None:
    team = await in_django(_team)
    await in_django(lambda: team.members.add(_ann()))
    async with device() as phone:
        await phone.synced(PATIENCE)
        assert titles(phone) == {"Paint"}
        await in_django(_delete_project)
        await until(phone, lambda pulse: titles(pulse) == set())


@pytest.mark.asyncio
@pytest.mark.parametrize("end", ["deactivated", "password", "logout", "deleted"])
async def test_whoever_may_not_sign_in_any_more_is_signed_out_at_once(
    device: Device, end: str
) -> None:
    async with device() as phone:
        await phone.synced(PATIENCE)
        await in_django(lambda: _end(end))
        await until(phone, lambda pulse: isinstance(pulse.status.error, SignInRefused))


def _end(how: str) -> None:
    from django.conf import settings
    from django.contrib.sessions.models import Session
    from django.test import Client

    user = _ann()
    if how == "deactivated":
        user.is_active = False
        user.save()
    elif how == "password":
        user.set_password("other")
        user.save()
    elif how == "logout":
        browser = Client()
        browser.cookies[settings.SESSION_COOKIE_NAME] = Session.objects.get().session_key
        browser.logout()
    else:
        user.delete()
