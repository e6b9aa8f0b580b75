from __future__ import annotations

import os
import subprocess
import sys

from channels.routing import URLRouter

from django_pulse.routing import websocket_urlpatterns

# The asgi.py of the original's README, which imports the routing before Django is set up.
ASGI = """
from django_pulse.routing import websocket_urlpatterns
from channels.routing import ProtocolTypeRouter, URLRouter
from django.core.asgi import get_asgi_application

application = ProtocolTypeRouter({
    "http": get_asgi_application(),
    "websocket": URLRouter(
        websocket_urlpatterns
    ),
})
"""

TALK = """
import asyncio

async def talk():
    incoming = asyncio.Queue()
    sent = []
    for message in ("connect", "disconnect"):
        incoming.put_nowait({"type": f"websocket.{message}"})
    scope = {"type": "websocket", "path": "/ws/pulse/sync/", "headers": []}

    async def send(message):
        sent.append(message["type"])

    await application(scope, incoming.get, send)
    return sent

assert asyncio.run(talk()) == ["websocket.accept"]
"""


def test_the_originals_asgi_file_works_as_it_is() -> None:
    environment = os.environ | {"DJANGO_SETTINGS_MODULE": "tests.project.settings"}
    subprocess.run(
        [sys.executable, "-W", "error", "-c", ASGI + TALK], env=environment, check=True, timeout=60
    )


def test_the_address_is_the_originals() -> None:
    (route,) = URLRouter(websocket_urlpatterns).routes
    assert route.pattern.match("ws/pulse/sync/")
    for other in ("ws/pulse/sync", "ws/pulse/sync/x", "xws/pulse/sync/", ""):
        assert not route.pattern.match(other)
