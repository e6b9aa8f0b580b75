"""A device against a scripted server: quick to reconnect, and waited for by its status."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from django_pulse.client import Backoff, Pulse, connect
from tests.django_pulse.together import PATIENCE

SOON = Backoff(first=0.001, longest=0.01)


@asynccontextmanager
async def connected(url: str, **options: Any) -> AsyncIterator[Pulse]:
    async with connect(url, **{"backoff": SOON, "timeout": PATIENCE, **options}) as pulse:
        yield pulse


async def until(pulse: Pulse, reached: Any) -> None:
    async with asyncio.timeout(PATIENCE):
        while not reached(pulse.status):
            await pulse._connection.news()


def swap(url: str, port: int) -> str:
    return f"ws://127.0.0.1:{port}/{url.split('/', 3)[3]}"
