"""A visit: hello over a real socket to a real server, and whom that took it for."""

from __future__ import annotations

import secrets
from typing import Any

from django.contrib.auth import get_user_model

from crdt.messages import Hello, Welcome
from tests.project.asgi import application as project
from tests.project.servers import ThreadServer

from .sockets import opened

__all__ = ["visit"]


def visit(
    token: str | None = None,
    *,
    origin: str | None = "own",
    application: Any = project,
    **headers: str,
) -> str:
    """The user's name, "nobody in particular", or the close code and the code of the error.

    `origin` is the server's own unless another one is given; None leaves the header out.
    """
    server = ThreadServer(application)
    own = server.ws_url.replace("ws://", "http://").removesuffix("/ws/pulse/sync/")
    said: Any = own if origin == "own" else origin
    try:
        with opened(server.ws_url, origin=said, additional_headers=headers) as socket:
            answer = socket.ask(Hello(secrets.randbits(52) + 1, "phone", token))
            if isinstance(answer, Welcome):
                return _name(answer.user)
            return f"{socket.closed()[0]} {answer.code}"
    finally:
        server.stop()


def _name(key: str) -> str:
    return get_user_model().objects.get(pk=key).get_username() if key else "nobody in particular"
