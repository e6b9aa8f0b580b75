"""Servers whose services are stand-ins."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from channels.routing import ProtocolTypeRouter, URLRouter
from django.urls import re_path

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
