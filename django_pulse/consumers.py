"""The channels consumer behind `ws/pulse/sync/`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, ClassVar

from channels.consumer import AsyncConsumer

from crdt.update import DEFAULT_LIMITS

from .changefeed import hints
from .conf import conf
from .server.backend import Backend
from .server.bounds import Bounds
from .server.connection import Connection
from .server.services import Services
from .server.session import Session
from .sign_in.auth import Handshake
from .text.either import EitherSession
from .text.services import TextBackend
from .text.session import TextSession

__all__ = ["PulseConsumer", "bounds"]


class PulseConsumer(AsyncConsumer):  # type: ignore[misc] # channels has no types
    """Serves one WebSocket. Works under any middleware, and under none.

    Channels' own loop is not used: it ends a connection when the channel layer fails, and finds
    the methods to call by names that come out of messages.
    """

    services: ClassVar[Services] = Backend()
    text_services: ClassVar[TextBackend] = TextBackend()

    async def __call__(
        self,
        scope: MutableMapping[str, Any],
        receive: Callable[[], Awaitable[Any]],
        send: Callable[[Any], Awaitable[None]],
    ) -> None:
        """Serve one connection scope, from its first event to its last."""
        if scope["type"] != "websocket":
            raise ValueError("PulseConsumer serves WebSockets only: route it under 'websocket'.")
        self.scope = scope
        if (await receive())["type"] != "websocket.connect":
            return
        hints.register_loop()
        await send({"type": "websocket.accept"})
        handshake = Handshake.of(scope)
        binary = Session(self.services, handshake, bounds())
        session = EitherSession(binary, TextSession(self.text_services, handshake))
        await Connection(session, receive, send).run()


def bounds() -> Bounds:
    """What one connection may ask for, by the settings."""
    return Bounds(
        frame_bytes=conf.MAX_FRAME_BYTES,
        push_rows=conf.MAX_ROWS_PER_PUSH,
        page_rows=conf.PAGE_ROWS,
        page_bytes=conf.PAGE_BYTES,
        poll_seconds=conf.POLL_SECONDS,
        update_structs=DEFAULT_LIMITS.structs,
        update_bytes=conf.MAX_UPDATE_BYTES,
    )
