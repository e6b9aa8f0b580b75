"""A TCP proxy on loopback that treats each connection as its test wants.

async with ChaosProxy(server_port, lambda number: Fate(cut_up=2000)) as proxy:
    ... connect to proxy.port ...
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Self

__all__ = ["ChaosProxy", "Fate"]

CHUNK = 512


@dataclass(frozen=True, slots=True)
class Fate:
    """What becomes of one connection; every count is in bytes, None means never.

    cut_up    both directions are cut once this much came from the client (and was passed on)
    cut_down  both directions are cut once this much came from the server (and was passed on)
    lose_down from here on what the server sends vanishes, while the client is still heard
    refuse    the connection is closed before a byte of it was passed on
    """

    cut_up: int | None = None
    cut_down: int | None = None
    lose_down: int | None = None
    refuse: bool = False


class ChaosProxy:
    """Passes connections on to `port`; the n-th (from 0) meets the fate `fates(n)`."""

    def __init__(self, port: int, fates: Callable[[int], Fate] = lambda number: Fate()) -> None:
        self._target = port
        self.fates = fates
        self.connections = 0
        self.port = 0
        self._open: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._flowing = asyncio.Event()
        self._flowing.set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        self.cut()
        self.resume()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def cut(self) -> None:
        """Reset every connection that stands, as a router that reboots does."""
        for writer in list(self._open):
            writer.transport.abort()

    def hold(self) -> None:
        """Pass on nothing from the server until `resume`: it is only late."""
        self._flowing.clear()

    def resume(self) -> None:
        self._flowing.set()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        fate = self.fates(self.connections)
        self.connections += 1
        if fate.refuse:
            writer.transport.abort()
            return
        with suppress(OSError):
            await self._pass_on(fate, reader, writer)

    async def _pass_on(
        self, fate: Fate, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        there_reader, there = await asyncio.open_connection("127.0.0.1", self._target)
        self._open |= {writer, there}
        try:
            up = asyncio.ensure_future(self._pump(reader, there, fate.cut_up))
            down = asyncio.ensure_future(
                self._pump(there_reader, writer, fate.cut_down, fate.lose_down, self._flowing)
            )
            _, others = await asyncio.wait([up, down], return_when=asyncio.FIRST_COMPLETED)
            for other in others:
                other.cancel()
            await asyncio.gather(up, down, return_exceptions=True)
        finally:
            self._open -= {writer, there}
            for end in (writer, there):
                end.transport.abort()

    async def _pump(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        cut: int | None,
        lose: int | None = None,
        flowing: asyncio.Event | None = None,
    ) -> None:
        passed = 0
        while data := await reader.read(CHUNK):
            if flowing is not None:
                await flowing.wait()
            last = cut is not None and passed + len(data) >= cut
            if cut is not None and last:
                data = data[: cut - passed]
            if lose is None or passed < lose:
                writer.write(data if lose is None else data[: lose - passed])
                await writer.drain()
            passed += len(data)
            if last:
                return
