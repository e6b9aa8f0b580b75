"""Signed-in devices of the test project's real server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, TypeVar

import pytest

from django_pulse.client import Backoff, Pulse, connect
from tests.django_pulse.together import PATIENCE
from tests.project.servers import ThreadServer

T = TypeVar("T")

SOON = Backoff(first=0.005, longest=0.05)

Device = Callable[..., AbstractAsyncContextManager[Pulse]]


@pytest.fixture
def ann(transactional_db: None) -> dict[str, str]:
    """The cookies of a user who is signed in."""
    return signed_in("ann")


def signed_in(name: str) -> dict[str, str]:
    from django.conf import settings
    from django.contrib.auth import get_user_model
    from django.test import Client

    user = get_user_model().objects.create_user(name)
    browser = Client()
    browser.force_login(user)
    return {settings.SESSION_COOKIE_NAME: browser.cookies[settings.SESSION_COOKIE_NAME].value}


@pytest.fixture
def device(live_server_asgi: ThreadServer, ann: dict[str, str]) -> Device:
    """Connects a device of ann: `async with device(store=...) as pulse`."""

    @asynccontextmanager
    async def connected(**options: Any) -> AsyncIterator[Pulse]:
        given: dict[str, Any] = {"cookies": ann, "backoff": SOON, "timeout": PATIENCE}
        given["url"] = live_server_asgi.ws_url
        async with connect(**(given | options)) as pulse:
            yield pulse

    return connected


async def in_django(function: Callable[[], T]) -> T:
    """What `function` finds in the database, asked in a thread that leaves no connection open."""
    from django.db import connections

    def ask() -> T:
        try:
            return function()
        finally:
            connections.close_all()

    return await asyncio.to_thread(ask)
