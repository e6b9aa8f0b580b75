"""Servers whose services are stand-ins, two users, and what is broadcast to them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from channels.routing import ProtocolTypeRouter, URLRouter
from django.contrib.auth import get_user_model
from django.urls import re_path

from django_pulse.changefeed import feed, hints
from django_pulse.changefeed.pages import Page
from django_pulse.consumers import PulseConsumer
from django_pulse.server import live
from tests.project.servers import ThreadServer

from .stand_ins import Serve, StandIns


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch) -> Iterator[Serve]:
    """Starts a server on stand-ins for the services; returns its URL."""
    monkeypatch.setattr(live, "_outage", live._Outage())
    servers = []

    def start(stand_ins: StandIns) -> str:
        class Consumer(PulseConsumer):
            services = stand_ins

        routes = [re_path(r"^ws/pulse/sync/$", Consumer.as_asgi())]
        server = ThreadServer(ProtocolTypeRouter({"websocket": URLRouter(routes)}))
        servers.append(server)
        return server.ws_url

    yield start
    for server in servers:
        server.stop()


@pytest.fixture
def ada() -> Any:
    return get_user_model().objects.create_user("ada")


@pytest.fixture
def bob() -> Any:
    return get_user_model().objects.create_user("bob")


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[Page]:
    """What was broadcast."""
    pages: list[Page] = []
    monkeypatch.setattr(hints, "broadcast", pages.append)
    return pages


@pytest.fixture
def stamped_later(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    """Commits do not stamp: as if the process had died in between."""
    with monkeypatch.context() as patched:
        patched.setattr(feed, "stamp_after_commit", lambda using: None)
        yield patched
