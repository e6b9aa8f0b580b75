"""Opening the WebSocket: every failure says whose it is and what to do."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from django_pulse.client import handshake
from django_pulse.client.address import read_address
from django_pulse.client.errors import (
    OriginRefused,
    PulseError,
    RefusedByServer,
    SignInRefused,
    Unreachable,
    WrongEndpoint,
)
from django_pulse.client.handshake import open_socket, why_closed
from tests.django_pulse.client.scripted import nobody

Streams = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def listening(answer: Streams) -> AsyncIterator[str]:
    """A TCP server on loopback that treats connections with `answer`; gives its URL."""

    async def treat(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await answer(reader, writer)
        writer.close()

    server = await asyncio.start_server(treat, "127.0.0.1", 0)
    async with server:
        yield f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}/ws/pulse/sync/"


def answering(response: bytes) -> Streams:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(response)
        await writer.drain()

    return answer


async def opening_fails(url: str, tls: ssl.SSLContext | None = None) -> PulseError:
    with pytest.raises(PulseError) as raised:
        await open_socket(read_address(url), {}, tls)
    return raised.value


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("status", "error", "message"),
    [
        (
            "404 Not Found",
            WrongEndpoint,
            "the server answered 404: is django_pulse.routing.websocket_urlpatterns in asgi.py "
            "and does the server speak WebSocket",
        ),
        ("400 Bad Request", WrongEndpoint, "does the server speak WebSocket"),
        ("200 OK", WrongEndpoint, "does the server speak WebSocket"),
        ("401 Unauthorized", SignInRefused, "refused this client's sign-in"),
        ("403 Forbidden", SignInRefused, "or its Origin, http://127.0.0.1:"),
        ("500 Internal Server Error", WrongEndpoint, "its log says why"),
        ("502 Bad Gateway", Unreachable, "busy or restarting"),
        ("503 Service Unavailable", Unreachable, "busy or restarting"),
        ("429 Too Many Requests", Unreachable, "busy or restarting"),
    ],
)
async def test_each_http_answer_is_explained(
    status: str, error: type[PulseError], message: str
) -> None:
    response = f"HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n".encode()
    async with listening(answering(response)) as url:
        found = await opening_fails(url)
    assert type(found) is error
    assert message.lower() in str(found).lower()


@pytest.mark.asyncio
async def test_a_redirect_is_not_followed_so_that_no_token_reaches_another_host() -> None:
    response = b"HTTP/1.1 302 Found\r\nLocation: ws://evil.example/ws/\r\nContent-Length: 0\r\n\r\n"
    async with listening(answering(response)) as url:
        found = await opening_fails(url)
    assert type(found) is WrongEndpoint
    assert "points to 'ws://evil.example/ws/'" in str(found)


@pytest.mark.asyncio
async def test_something_that_speaks_no_http_is_not_a_websocket() -> None:
    async with listening(answering(b"SSH-2.0-OpenSSH_9.6\r\n")) as url:
        assert "check the port" in str(await opening_fails(url))


@pytest.mark.asyncio
async def test_a_server_that_hangs_up_at_once_is_explained() -> None:
    async with listening(answering(b"")) as url:
        found = await opening_fails(url)
    assert type(found) is Unreachable
    assert "hung up before it had answered" in str(found)


@pytest.mark.asyncio
async def test_tls_to_a_server_without_it_is_explained() -> None:
    async def plain(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        await writer.drain()

    async with listening(plain) as url:
        found = await opening_fails(url.replace("ws://", "wss://"), ssl.create_default_context())
    assert type(found) is WrongEndpoint
    assert "No secure connection to wss://" in str(found)


@pytest.mark.asyncio
async def test_nobody_listening_is_nobodys_fault() -> None:
    with nobody() as url:
        found = await opening_fails(url)
    assert type(found) is Unreachable
    assert f"{url} cannot be reached" in str(found)


@pytest.mark.asyncio
async def test_a_server_that_never_answers_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(handshake, "OPEN_SECONDS", 0.05)
    done = asyncio.Event()

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await done.wait()

    async with listening(silent) as url:
        found = await opening_fails(url)
        done.set()
    assert type(found) is Unreachable
    assert "did not answer within 0.05 seconds" in str(found)


@asynccontextmanager
async def serving(
    handler: Callable[[ServerConnection], Awaitable[None]],
) -> AsyncIterator[str]:
    async with serve(handler, "127.0.0.1", 0) as server:
        yield f"ws://127.0.0.1:{next(iter(server.sockets)).getsockname()[1]}/ws/"


@pytest.mark.asyncio
async def test_the_origin_and_the_extra_headers_reach_the_server() -> None:
    seen: dict[str, str] = {}

    async def handler(socket: ServerConnection) -> None:
        assert socket.request is not None
        seen.update(socket.request.headers.raw_items())

    async with serving(handler) as url:
        socket = await open_socket(read_address(url), {"Cookie": "sessionid=abc"}, None)
        await socket.wait_closed()
        assert seen["Cookie"] == "sessionid=abc"
        assert seen["Origin"] == url.replace("ws://", "http://").removesuffix("/ws/")


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("code", "reason", "error", "message"),
    [
        (4401, "", SignInRefused, "sign in again"),
        (4401, "Token expired.", SignInRefused, "Token expired."),
        (4403, "", OriginRefused, "CSRF_TRUSTED_ORIGINS"),
        (4400, "Two hellos.", RefusedByServer, "Two hellos."),
        (4408, "No hello came in time.", Unreachable, "too slow. No hello came in time."),
        (4409, "Another epoch.", Unreachable, "start over. Another epoch."),
        (1001, "", Unreachable, "was lost"),
        (1000, "", Unreachable, "was lost"),
        (1011, "", Unreachable, "was lost"),
    ],
)
async def test_each_way_a_connection_ends_is_explained(
    code: int, reason: str, error: type[PulseError], message: str
) -> None:
    async def handler(socket: ServerConnection) -> None:
        await socket.close(code, reason)

    async with serving(handler) as url:
        address = read_address(url)
        socket = await open_socket(address, {}, None)
        with pytest.raises(ConnectionClosed) as raised:
            await socket.recv()
    found = why_closed(raised.value, address)
    assert type(found) is error
    assert message in str(found)
