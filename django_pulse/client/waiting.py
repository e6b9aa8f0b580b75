"""Waiting on the event loop."""

import asyncio

__all__ = ["now", "set_within"]


def now() -> float:
    """Seconds on the event loop's clock, which never goes back."""
    return asyncio.get_running_loop().time()


async def set_within(event: asyncio.Event, seconds: float | None) -> bool:
    """Wait until `event` is set; False if that took longer than `seconds` (None: for ever)."""
    try:
        async with asyncio.timeout(seconds):
            return await event.wait()
    except TimeoutError:
        return False
