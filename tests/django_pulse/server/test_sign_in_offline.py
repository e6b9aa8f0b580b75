"""A sign-in that ends while a device is away: what it wrote waits, and is pushed by nobody else."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.contrib.sessions.models import Session
from django.test import Client, override_settings

from django_pulse.client import AccountDenied, LocalFault, Pulse, SignInRefused
from tests.django_pulse.client.conftest import in_django, signed_in
from tests.django_pulse.client.devices import connected, until
from tests.django_pulse.sockets import PATIENCE
from tests.django_pulse.test_consumers import TOKENS
from tests.project.servers import ThreadServer
from tests.project.todo.models import Note


@pytest.fixture
def url(live_server_asgi: ThreadServer) -> Iterator[str]:
    with override_settings(DJANGO_PULSE=TOKENS):
        yield live_server_asgi.ws_url


def titles() -> list[str]:
    return list(Note.objects.order_by("title").values_list("title", flat=True))


def ada() -> Any:
    return get_user_model().objects.get(username="ada")


def change_password() -> None:
    user = ada()
    user.set_password("new")
    user.save()


def deactivate() -> None:
    get_user_model().objects.filter(username="ada").update(is_active=False)


def log_in_again() -> dict[str, str]:
    browser = Client()
    browser.force_login(ada())
    return {name: cookie.value for name, cookie in browser.cookies.items()}


async def write_offline(pulse: Pulse) -> None:
    await pulse.synced(PATIENCE)
    await pulse.offline()
    pulse.model("todo.note").create(title="Written away")


@pytest.mark.asyncio
@pytest.mark.parametrize("end", [Session.objects.all().delete, change_password, deactivate])
async def test_edits_wait_for_the_next_sign_in_when_the_session_has_ended(
    url: str, transactional_db: None, tmp_path: Path, end: Callable[[], Any]
) -> None:
    store, cookies = tmp_path / "phone.sqlite3", await in_django(lambda: signed_in("ada"))
    async with connected(url, store=store, cookies=cookies) as pulse:
        await write_offline(pulse)
        await in_django(end)
        await pulse.online()
        with pytest.raises(SignInRefused):
            await pulse.synced(PATIENCE)
        assert pulse.status.pending == 1
    assert await in_django(titles) == []
    await in_django(lambda: get_user_model().objects.update(is_active=True))
    cookies = await in_django(log_in_again)
    async with connected(url, store=store, cookies=cookies) as pulse:
        await pulse.synced(PATIENCE)
        assert pulse.status.pending == 0
    assert await in_django(titles) == ["Written away"]


@pytest.mark.asyncio
async def test_a_device_of_a_deactivated_account_stops_and_goes_on_when_the_app_says_so(
    url: str, transactional_db: None
) -> None:
    await in_django(lambda: signed_in("ada"))
    asked = 0

    def token() -> str:
        nonlocal asked
        asked += 1
        return "ada"

    async with connected(url, token=token) as pulse:
        await write_offline(pulse)
        await in_django(deactivate)
        await pulse.online()
        with pytest.raises(AccountDenied):
            await pulse.synced(PATIENCE)
        assert (asked, pulse.status.pending) == (2, 1)
        await in_django(lambda: get_user_model().objects.update(is_active=True))
        await pulse.online()
        await pulse.synced(PATIENCE)
    assert await in_django(titles) == ["Written away"]


@pytest.mark.asyncio
async def test_a_new_password_has_the_token_asked_about_again_and_loses_no_edit(
    url: str, transactional_db: None
) -> None:
    await in_django(lambda: signed_in("ada"))
    async with connected(url, token="ada") as pulse:
        await pulse.synced(PATIENCE)
        ended = asyncio.ensure_future(until(pulse, lambda status: not status.connected))
        await in_django(change_password)
        await ended
        pulse.model("todo.note").create(title="Right after")
        await pulse.synced(PATIENCE)
    assert await in_django(titles) == ["Right after"]


@pytest.mark.asyncio
async def test_the_next_user_of_a_device_pushes_nothing_of_the_last_ones(
    url: str, transactional_db: None, tmp_path: Path
) -> None:
    store = tmp_path / "phone.sqlite3"
    await in_django(lambda: (signed_in("ada"), signed_in("bob")))
    async with connected(url, store=store, token="ada") as pulse:
        await write_offline(pulse)
    async with connected(url, store=store, token="bob") as pulse:
        with pytest.raises(LocalFault, match="a store of their own"):
            await pulse.synced(PATIENCE)
        assert pulse.status.pending == 1
    assert await in_django(titles) == []
    async with connected(url, store=store, token="ada") as pulse:
        await pulse.synced(PATIENCE)
    assert await in_django(titles) == ["Written away"]
