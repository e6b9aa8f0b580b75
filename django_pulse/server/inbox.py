"""Waiting for the next message with a timeout that cannot lose one.

`asyncio.wait_for(receive(), ...)` cancels `receive` when time is up. A server or a channel layer
may have taken a message off its queue by then, and some layers close the channel altogether. An
`Inbox` keeps the call and waits for the same one again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

__all__ = ["Inbox", "Received"]

Received = Mapping[str, Any]


class Inbox:
    """One receiver of messages; never shared by two tasks."""

    __slots__ = ("_call", "_receive")

    def __init__(self, receive: Callable[[], Awaitable[Received]]) -> None:
        self._receive = receive
        self._call: asyncio.Future[Received] | None = None

    async def next(self, seconds: float) -> Received | None:
        """The next message; None if there is none within `seconds`.

        Raises what the receiver raises; the call after that is a new one.
        """
        if self._call is None:
            self._call = asyncio.ensure_future(self._receive())
        await asyncio.wait({self._call}, timeout=seconds)
        if not self._call.done():
            return None
        call, self._call = self._call, None
        return call.result()

    async def close(self) -> None:
        """End the call that is still waiting."""
        call, self._call = self._call, None
        if call is not None:
            call.cancel()
            await asyncio.gather(call, return_exceptions=True)
