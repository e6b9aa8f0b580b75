"""A WebSocket server whose every word a test decides, for what no honest server would do."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from socket import socket as tcp_socket
from typing import Any

from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from crdt.frames import decode, encode
from crdt.messages import Fault, Hello, Limits, Message, Ping, Pong, Welcome
from crdt.rules import Counter, Text
from crdt.schema import Field, Schema

__all__ = ["TASK", "Script", "closing_when", "hear", "nobody", "scripted", "tell", "welcome"]

TASK = Schema(
    "todo.task",
    {
        "title": Field("title", "str"),
        "body": Field("body", "str", Text()),
        "votes": Field("votes", "int", Counter()),
    },
)

Script = Callable[[ServerConnection], Awaitable[None]]


def welcome(**changed: Any) -> Welcome:
    said: dict[str, Any] = {
        "epoch": "e1",
        "time": 1_700_000_000_000,
        "user": "7",
        "schemas": (TASK.description(),),
        "scopes": {},
        "limits": Limits(1 << 20, 500, 1000),
        "poll": 3600.0,
    }
    return Welcome(**(said | changed))


async def hear(socket: ServerConnection) -> Message:
    frame = await socket.recv()
    assert isinstance(frame, bytes)
    return decode(frame)


async def tell(socket: ServerConnection, message: Message) -> None:
    await socket.send(encode(message))


async def polite(socket: ServerConnection) -> None:
    """Welcomes everybody, and answers pings."""
    await hear(socket)
    await tell(socket, welcome())
    while True:
        message = await hear(socket)
        if isinstance(message, Ping):
            await tell(socket, Pong(message.time, {}))


def refusing(tokens: list[str | None], good: str) -> Script:
    """Notes every token it hears and takes only one of them."""

    async def script(socket: ServerConnection) -> None:
        hello = await hear(socket)
        assert isinstance(hello, Hello)
        tokens.append(hello.token)
        if hello.token == good:
            await tell(socket, welcome())
            await socket.wait_closed()
        await tell(socket, Fault("unauthenticated", "No such token.", fatal=True))
        await socket.close(4401, "Nobody is signed in.")

    return script


def closing_when(let_go: asyncio.Event, answer: Message) -> Script:
    """Answers the hello, and does not hear the client's close before `let_go`."""

    async def script(socket: ServerConnection) -> None:
        await hear(socket)
        await tell(socket, answer)
        socket.transport.pause_reading()
        await let_go.wait()
        socket.transport.resume_reading()

    return script


@contextmanager
def nobody() -> Iterator[str]:
    """The URL of a port that nobody answers, and that nobody else is given meanwhile."""
    with tcp_socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield f"ws://127.0.0.1:{bound.getsockname()[1]}/ws/pulse/sync/"


@asynccontextmanager
async def scripted(*scripts: Script) -> AsyncIterator[str]:
    """Serves each connection by the next script, the last one again and again; gives the URL."""
    waiting = list(scripts)

    async def handler(socket: ServerConnection) -> None:
        script = waiting.pop(0) if len(waiting) > 1 else waiting[0]
        with suppress(ConnectionClosed):
            await script(socket)

    async with serve(handler, "127.0.0.1", 0, close_timeout=1) as server:
        yield f"ws://127.0.0.1:{next(iter(server.sockets)).getsockname()[1]}/ws/pulse/sync/"
