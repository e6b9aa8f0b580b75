"""Another token before the one that an open connection signed in with runs out.

Laws:

1. The token callback is asked while there is time left; a token that it gave already is not sent.
2. A callback that fails, or has nothing new yet, costs nothing: it is asked again, and the
   connection stands until the server ends it.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from .errors import TokenFailed
from .sign_in import SignIn
from .waiting import now, set_within

__all__ = ["Renewal"]

# The part of a token's time after which another one is asked for: a quarter is left for a slow
# network, and for a callback that has to ask twice.
RENEW_AFTER = 0.75
# Seconds between two questions to a callback that has nothing new.
ASK_AGAIN_SECONDS = 1.0

_log = logging.getLogger(__name__)


class Renewal:
    """When the present sign-in ends, and what is sent before it does."""

    def __init__(self, sign_in: SignIn) -> None:
        self._sign_in = sign_in
        self._ends: float | None = None
        self._told = asyncio.Event()
        self._hurry = asyncio.Event()

    def lasts(self, seconds: float | None) -> None:
        """The server has said for how long the sign-in lasts, from now; None: without end."""
        self._ends = None if seconds is None else now() + seconds
        self._told.set()

    def hurry(self) -> None:
        """The app has given another token: send it now."""
        self._hurry.set()

    async def run(self, send: Callable[[str], Awaitable[None]]) -> None:
        """Renew the sign-in of one connection again and again, until that ends."""
        least = 0.0
        while True:
            if await set_within(self._hurry, self._pause(least)):
                self._hurry.clear()
            token = await self._another()
            least = ASK_AGAIN_SECONDS if token is None else 0.0
            if token is not None:
                self._told.clear()
                await send(token)
                await self._told.wait()

    def _pause(self, least: float) -> float | None:
        """Seconds until the callback is asked, at least so many; None where nothing ends."""
        if self._ends is None:
            return None
        return max((self._ends - now()) * RENEW_AFTER, least)

    async def _another(self) -> str | None:
        try:
            return await self._sign_in.another()
        except TokenFailed as error:
            _log.warning("The sign-in could not be renewed: %s", error)
            return None
