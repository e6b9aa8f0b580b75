"""The real client against a real server in a process of its own, with a relay between them that
counts what crosses the wire.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

from django_pulse.client import Pulse, connect
from tests.bench.database import cleared, prepared, server, signed_in
from tests.bench.measuring import Timing

__all__ = ["Relay", "on_server", "relayed", "timed", "upload"]

CHUNK = 1 << 16
"""Bytes that the relay reads at once."""


class Relay:
    """Passes bytes between clients and the server, and counts them both ways."""

    def __init__(self, port: int) -> None:
        self._port = port
        self.up = 0
        self.down = 0

    async def serve(self, client: asyncio.StreamReader, answer: asyncio.StreamWriter) -> None:
        """Relay one connection until either side ends it."""
        server, question = await asyncio.open_connection("127.0.0.1", self._port)
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._pass(client, question, "up"))
                group.create_task(self._pass(server, answer, "down"))
        except* OSError:
            pass

    async def _pass(
        self, source: asyncio.StreamReader, target: asyncio.StreamWriter, way: str
    ) -> None:
        while data := await source.read(CHUNK):
            setattr(self, way, getattr(self, way) + len(data))
            target.write(data)
            await target.drain()
        target.close()


@asynccontextmanager
async def relayed(port: int) -> AsyncIterator[tuple[Relay, str]]:
    """A relay to the server at `port`, and the URL that clients use."""
    relay = Relay(port)
    listener = await asyncio.start_server(relay.serve, "127.0.0.1", 0)
    here = listener.sockets[0].getsockname()[1]
    try:
        yield relay, f"ws://127.0.0.1:{here}/ws/pulse/sync/"
    finally:
        listener.close()


Work = Callable[[Any, dict[str, str]], Coroutine[Any, Any, Any]]


def on_server(name: str, work: Work) -> Any:
    """Run `work(server, cookies)` with a server and the cookies of a user who is signed in."""
    cookies = signed_in(prepared(name))
    with server() as started:
        return asyncio.run(work(started, cookies))


async def timed(waiting: Coroutine[Any, Any, None]) -> float:
    """The seconds that `waiting` takes."""
    start = time.perf_counter()
    await waiting
    return time.perf_counter() - start


def upload(count: int, rounds: int) -> dict[str, Timing]:
    """Seconds from going online to everything durable: new rows, and an edit of each."""
    found: dict[str, list[float]] = {"new": [], "edits": []}

    async def rounds_of(started: Any, cookies: dict[str, str]) -> None:
        for turn in range(rounds + 1):
            await asyncio.to_thread(_emptied)
            async with connect(started.ws_url, cookies=cookies) as pulse:
                new, edits = await _upload(pulse, count)
            if turn:
                found["new"].append(new)
                found["edits"].append(edits)

    on_server("uploader", rounds_of)
    return {name: Timing(tuple(seconds)) for name, seconds in found.items()}


async def _upload(pulse: Pulse, count: int) -> tuple[float, float]:
    from tests.bench.upload import values_of

    tasks = pulse.model("todo.task")
    await pulse.synced()
    await pulse.offline()
    rows = [tasks.create(**values_of(number)) for number in range(count)]
    new = await timed(_online(pulse))
    await pulse.offline()
    for row in rows:
        row.set(title=f"{row['title']} twice")
    return new, await timed(_online(pulse))


async def _online(pulse: Pulse) -> None:
    await pulse.online()
    await pulse.synced()
    assert not pulse.kept_aside(), pulse.kept_aside()[0]  # else nothing was stored, and fast


def _emptied() -> None:
    from django.db import connections

    try:
        cleared()
    finally:
        connections.close_all()
