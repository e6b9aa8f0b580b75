"""One connection's place in the channel layer, where hints of changes arrive.

The layer delivers at most once, and may be missing or down: then clients find out at their next
ping. So nothing here may fail a connection or hold it up for longer than a hint is worth.

Laws:

1. Every call ends within `HINT_TIMEOUT_SECONDS`, except waiting for the next message.
2. A scope is wanted or not; what the layer knows of it is brought in line whenever it works.
3. An outage is logged when it begins and when it is over, once for the process.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Iterable
from typing import Any, Final

from channels.layers import get_channel_layer

from ..changefeed.hints import group_name
from ..conf import conf
from .inbox import Inbox, Received

__all__ = ["LiveChannel"]

logger = logging.getLogger(__name__)

# Seconds between two attempts to reach a layer that is down: the first and the longest. A socket
# is served by polling meanwhile, so there is no hurry, and thousands of them retry.
RETRY_SECONDS: Final = 1.0
MAX_RETRY_SECONDS: Final = 30.0

# Seconds after which every group is joined again: layers forget memberships (channels_redis after
# a day), and a restarted Redis has forgotten all of them.
REJOIN_SECONDS: Final = 600.0


class LiveChannel:
    """The channel that receives the live frames of the scopes a connection reads."""

    def __init__(self) -> None:
        self._layer: Any = get_channel_layer()
        self._channel: str | None = None
        self._inbox: Inbox | None = None
        self._wanted: set[str] = set()
        self._joined: set[str] = set()
        self._rejoin_at = 0.0
        # Both tasks of a connection join: one of them when it has lost the layer.
        self._joining = asyncio.Lock()

    async def join(self, scopes: Iterable[str]) -> None:
        """Receive what is sent to these scopes from here on, if the layer works."""
        self._wanted |= set(scopes)
        if self._layer is not None:
            await self._catch_up()

    async def part(self, scopes: Iterable[str]) -> None:
        """Receive nothing more of these scopes."""
        gone = set(scopes)
        self._wanted -= gone
        joined = gone & self._joined
        self._joined -= gone
        await self._discard(joined)

    async def messages(self) -> AsyncIterator[Received]:
        """The hints as they come, for ever. Outages are waited out."""
        if self._layer is None:
            await asyncio.Event().wait()
        retry = RETRY_SECONDS
        while True:
            message = None
            try:
                works = await self._catch_up()
                if works:
                    message = await self._receive()
            except Exception as error:  # noqa: BLE001 - layers raise what their drivers do
                _outage.began(error)
                self._joined.clear()
                self._inbox = None
                works = False
            if works:
                retry = RETRY_SECONDS
            else:
                await asyncio.sleep(retry)
                retry = min(retry * 2, MAX_RETRY_SECONDS)
            if message is not None:
                yield message

    async def close(self) -> None:
        """Leave the layer."""
        await self._discard(self._joined)
        if self._inbox is not None:
            await _bounded(self._inbox.close())

    async def _receive(self) -> Received | None:
        """The next message, or None when it is time to join again."""
        assert self._inbox is not None, "whoever has caught up has a channel"
        message = await self._inbox.next(max(0.0, self._rejoin_at - time.monotonic()))
        if message is None:
            self._joined.clear()
        return message

    async def _catch_up(self) -> bool:
        """Join what is wanted and not joined yet; whether everything wanted is joined now."""
        if self._inbox is not None and self._wanted <= self._joined:
            return True
        try:
            async with asyncio.timeout(conf.HINT_TIMEOUT_SECONDS), self._joining:
                await self._open()
                # One by one: a layer opens a connection for each call that is under way.
                for scope in sorted(self._wanted - self._joined):
                    await self._add(scope)
        except Exception as error:  # noqa: BLE001 - layers raise what their drivers do
            _outage.began(error)
            return False
        _outage.ended()
        return True

    async def _open(self) -> None:
        if self._channel is None:
            self._channel = await self._layer.new_channel()
        if self._inbox is None:
            channel = self._channel
            self._inbox = Inbox(lambda: self._layer.receive(channel))
        if not self._joined:
            self._rejoin_at = time.monotonic() + REJOIN_SECONDS

    async def _add(self, scope: str) -> None:
        await self._layer.group_add(group_name(scope), self._channel)
        self._joined.add(scope)

    async def _discard(self, scopes: Iterable[str]) -> None:
        async def discard() -> None:
            for scope in sorted(scopes):
                await self._layer.group_discard(group_name(scope), self._channel)

        await _bounded(discard())


async def _bounded(call: Awaitable[Any]) -> None:
    """Wait for a farewell, which the layer may take or leave."""
    try:
        async with asyncio.timeout(conf.HINT_TIMEOUT_SECONDS):
            await call
    except Exception as error:  # noqa: BLE001 - layers raise what their drivers do
        _outage.began(error)


class _Outage:
    """Whether the layer is known to be down, for all connections of the process."""

    def __init__(self) -> None:
        self._known = False

    def began(self, error: Exception) -> None:
        if not self._known:
            self._known = True
            logger.warning(
                "The channel layer does not work (%s: %s). Changes reach clients when they poll, "
                "every %s seconds, until it does.",
                type(error).__name__,
                error,
                conf.POLL_SECONDS,
            )

    def ended(self) -> None:
        if self._known:
            self._known = False
            logger.info("The channel layer works again.")


_outage = _Outage()
