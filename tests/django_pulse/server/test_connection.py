"""The shell around a session, over a real server and real sockets; the services are stand-ins."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from channels.routing import URLRouter
from django.urls import re_path
from websockets.exceptions import ConnectionClosed

from crdt.frames import encode
from crdt.messages import Changes, Fault, Hello, Leave, Ping, Pong, Pull, Push, Renew, Renewed
from django_pulse.changefeed import hints
from django_pulse.changefeed.pages import Change, Page
from django_pulse.consumers import PulseConsumer
from django_pulse.server.connection import Connection
from django_pulse.server.live import LiveChannel
from django_pulse.server.pace import Pace
from django_pulse.server.session import Session
from django_pulse.server.steps import Send, Steps
from django_pulse.sign_in.auth import Refused
from tests.django_pulse.sockets import PATIENCE, heard, opened, welcomed
from tests.django_pulse.stand_ins import (
    BOUNDS,
    EPOCH,
    HANDSHAKE,
    HELLO,
    Serve,
    StandIns,
    changes,
    page,
    row,
    settings,
)
from tests.project.servers import ThreadServer

# Seconds by which an event loop's clock may be off: it counts in milliseconds.
CLOCK = 0.005

# Talking


def test_messages_are_answered_in_their_order(serve: Serve) -> None:
    with welcomed(serve(StandIns()), HELLO) as (socket, welcome):
        assert welcome.scopes == {"all": 10, "ada": 20}
        socket.send(*(Ping(n) for n in range(50)))
        assert [socket.receive() for _ in range(50)] == [Pong(n, welcome.scopes) for n in range(50)]


def test_text_and_broken_frames_are_answered_and_the_socket_lives(serve: Serve) -> None:
    with welcomed(serve(StandIns()), HELLO) as (socket, _):
        socket.send('{"type": "SYNC_UPLOAD"}', "", b"", b"\xff" * 9, Ping(1))
        for _ in range(2):
            assert "speaks the binary protocol" in str(socket.connection.recv(timeout=PATIENCE))
        assert [getattr(socket.receive(), "code", None) for _ in range(2)] == ["malformed"] * 2
        assert isinstance(socket.receive(), Pong)


@pytest.mark.parametrize(
    "head",
    [
        b"",
        b"null",
        b"[]",
        b"{",
        b'{"type":"hello"',
        b'{"type":null}',
        b'{"type":["ping"]}',
        b'{"type":"__class__","time":1}',
        b'{"type":"websocket.disconnect"}',
        b'{"type":"ping"}',
        b'{"type":"ping","time":NaN}',
        b'{"type":"ping","time":-1}',
        b'{"type":"ping","time":1e3}',
        b'{"type":"ping","time":99999999999999999999}',
        b'{"type":"ping","type":"ping","time":1}',
        b'{"type":"ping","time":"\\ud800"}',
        b'{"type":"ping","time":1,"sizes":[1]}',
        b'{"type":"push","id":1,"epoch":"e1","items":[["a.b","x"]],"sizes":[0]}',
        b'{"type":"pull","id":1,"cursors":{"all":-1}}',
        b'{"type":"pull","id":1,"cursors":[]}',
        b"[" * 100_000,
        b'{"type":' * 100_000,
        b"\xff\xfe",
    ],
)
def test_hostile_headers_are_answered_and_the_socket_lives(serve: Serve, head: bytes) -> None:
    with welcomed(serve(StandIns()), HELLO) as (socket, _):
        fault = socket.ask(len(head).to_bytes(4, "big") + head)
        assert (fault.code, fault.fatal) in {("malformed", False), ("protocol", False)}
        assert isinstance(socket.ask(Ping(1)), Pong)


def test_a_compressed_bomb_ends_its_own_connection_only(serve: Serve) -> None:
    url = serve(StandIns())
    with welcomed(url, HELLO) as (bomber, _), welcomed(url, HELLO) as (other, _):
        with contextlib.suppress(ConnectionClosed):
            bomber.send(bytes(64 << 20))
        assert bomber.closed()[0] == 1009
        assert isinstance(other.ask(Ping(1)), Pong)


def test_a_frame_over_the_limit_is_answered_and_the_socket_lives(serve: Serve) -> None:
    with settings(MAX_FRAME_BYTES=1000), welcomed(serve(StandIns()), HELLO) as (socket, welcome):
        assert welcome.limits.frame == 1000
        fault = socket.ask(b"x" * 1001)
        assert (fault.code, fault.fatal) == ("too_large", False)
        assert isinstance(socket.ask(Ping(1)), Pong)


def test_a_push_before_hello_is_told_so_and_the_socket_closed(serve: Serve) -> None:
    with opened(serve(StandIns())) as socket:
        fault = socket.ask(Push(1, EPOCH, ()))
        assert (fault.code, fault.fatal) == ("protocol", True)
        assert socket.closed()[0] == 4400


def test_a_refused_hello_is_told_why_and_the_socket_closed(serve: Serve) -> None:
    with opened(serve(StandIns())) as socket:
        assert socket.ask(Hello(5)) == Fault("unauthenticated", "Sign in first.", True)
        assert socket.closed() == (4401, "Nobody is signed in.")


def test_a_socket_that_never_says_hello_is_closed(serve: Serve) -> None:
    with settings(HELLO_TIMEOUT_SECONDS=0.05), opened(serve(StandIns())) as socket:
        assert socket.closed() == (4408, "No hello came in time.")


def test_chatter_before_hello_does_not_put_the_timeout_off(serve: Serve) -> None:
    with settings(HELLO_TIMEOUT_SECONDS=0.2), opened(serve(StandIns())) as socket:
        with contextlib.suppress(ConnectionClosed):
            while True:
                socket.send(b"are you there?")
                socket.connection.recv(timeout=PATIENCE)
        assert socket.closed()[0] == 4408


def test_a_user_who_is_gone_is_noticed_though_the_client_says_nothing(serve: Serve) -> None:
    services = StandIns()
    with settings(POLL_SECONDS=0.05), welcomed(serve(services), HELLO) as (socket, _):
        services.failing["current_user"] = Refused("Gone.", code="unauthenticated")
        assert socket.receive() == Fault("unauthenticated", "Gone.", True)
        assert socket.closed()[0] == 4401


def test_a_sign_in_is_looked_at_again_when_it_ends_though_the_client_says_nothing(
    serve: Serve,
) -> None:
    services = StandIns(expires_at=datetime.now(UTC) + timedelta(milliseconds=200))
    with settings(POLL_SECONDS=3600), welcomed(serve(services), HELLO) as (socket, welcome):
        assert welcome.expires_in is not None
        services.failing["current_user"] = Refused("Its time has run out.", code="expired")
        assert socket.receive() == Fault("expired", "Its time has run out.", True)
        assert socket.closed() == (4401, "The token has expired: get a new one.")


def test_a_renewed_sign_in_is_looked_at_when_the_new_one_ends(serve: Serve) -> None:
    services = StandIns(expires_at=datetime.now(UTC) + timedelta(hours=1))
    with settings(POLL_SECONDS=3600), welcomed(serve(services), HELLO) as (socket, _):
        services.expires_at = datetime.now(UTC) + timedelta(milliseconds=200)
        services.failing["current_user"] = Refused("Its time has run out.", code="expired")
        assert isinstance(socket.ask(Renew("shorter")), Renewed)
        assert socket.receive() == Fault("expired", "Its time has run out.", True)


def test_a_native_panic_in_a_service_is_answered_and_the_socket_lives(
    serve: Serve, caplog: pytest.LogCaptureFixture
) -> None:
    class NativePanic(BaseException):
        pass

    services = StandIns()
    with welcomed(serve(services), HELLO) as (socket, _):
        services.failing["push"] = NativePanic("hunter2")
        fault = socket.ask(Push(3, EPOCH, ()))
        assert (fault.code, fault.push, fault.fatal) == ("internal", 3, False)
        assert "hunter2" not in fault.message
        assert isinstance(socket.ask(Ping(1)), Pong)
    assert "hunter2" in caplog.text


# Pace and pressure


def test_a_client_that_sends_too_fast_is_read_more_slowly(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken: list[tuple[float, float]] = []  # when, by the loop's clock, and how long it has to wait

    class AtOneInstant(Pace):
        def delay(self, now: float) -> float:
            seconds = super().delay(0)
            taken.append((now, seconds))
            return seconds

    monkeypatch.setattr("django_pulse.server.connection.Pace", AtOneInstant)
    with settings(FRAMES_PER_SECOND=20), welcomed(serve(StandIns()), HELLO) as (socket, welcome):
        burst, more = 39, 3  # hello was the first of the burst's 40
        socket.send(*(Ping(n) for n in range(burst + more)))
        for n in range(burst + more):
            assert socket.receive() == Pong(n, welcome.scopes)
    assert [seconds for _, seconds in taken[40:]] == pytest.approx([0.05, 0.1, 0.15])
    for (before, seconds), (after, _) in pairwise(taken):
        assert after - before >= seconds - CLOCK, "no frame is read before its turn"


def test_a_client_that_never_reads_is_dropped_and_nothing_piles_up(serve: Serve) -> None:
    size = 1 << 18
    made = 0

    class Endless(StandIns):
        def pull(self, scope: str, cursor: int, limit: int, begun: int) -> Page:
            nonlocal made
            made += 1
            state = Change("todo.task", row(made), bytes(size))
            return Page(scope, cursor, cursor + 1, True, (state,), ())

    url = serve(Endless())
    with (
        settings(SEND_TIMEOUT_SECONDS=0.2),
        heard("django_pulse.server.connection", "did not read") as dropped,
        welcomed(url, HELLO, max_queue=1, compression=None) as (lazy, _),
    ):
        lazy.send(Pull(1, {"all": 0}))
        assert dropped.wait(PATIENCE)
        # What the kernel and the server's own write buffer hold, and not a page more.
        assert made * size < 64 << 20
        with welcomed(url, HELLO) as (other, _):
            assert isinstance(other.ask(Ping(1)), Pong)
        stopped = made
        assert isinstance(lazy.receive(), Changes)
        assert made == stopped


def test_a_slow_answer_to_one_client_keeps_no_other_waiting(serve: Serve) -> None:
    gate = threading.Event()

    class Slow(StandIns):
        def pull(self, scope: str, cursor: int, limit: int, begun: int) -> Page:
            gate.wait(PATIENCE)
            return super().pull(scope, cursor, limit, begun)

    url = serve(Slow())
    with welcomed(url, HELLO) as (first, _), welcomed(url, HELLO) as (second, welcome):
        first.send(Pull(1, {"all": 0}))
        assert second.ask(Ping(1)) == Pong(1, welcome.scopes)
        gate.set()
        assert first.receive() == Changes("all", 0, 0, pull=1)


def test_a_client_that_goes_away_in_the_middle_of_a_pull_ends_it_quietly(
    serve: Serve, caplog: pytest.LogCaptureFixture
) -> None:
    asked, gone, ended = threading.Event(), threading.Event(), threading.Event()

    class Watched(StandIns):
        def pull(self, scope: str, cursor: int, limit: int, begun: int) -> Page:
            asked.set()
            gone.wait(PATIENCE)
            return Page(scope, cursor, cursor + 1, True, changes(1, size=1 << 16), ())

    class Channel(LiveChannel):
        async def close(self) -> None:
            await super().close()
            ended.set()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("django_pulse.server.connection.LiveChannel", Channel)
        with welcomed(serve(Watched()), HELLO) as (socket, _):
            socket.send(Pull(1, {"all": 0}))
            assert asked.wait(PATIENCE)
        gone.set()
        assert ended.wait(PATIENCE)
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


def test_a_server_that_stops_with_open_sockets_does_not_hang(serve: Serve) -> None:
    class Consumer(PulseConsumer):
        services = StandIns()

    routes = [re_path(r"^ws/pulse/sync/$", Consumer.as_asgi())]
    server = ThreadServer(URLRouter(routes), grace=10 * PATIENCE)
    with welcomed(server.ws_url, HELLO) as (ready, _), opened(server.ws_url) as new:
        server.stop()  # which fails while a connection is left: none is cut off in that time
        assert {ready.closed()[0], new.closed()[0]} == {1012}


# Live


def test_live_frames_arrive_and_only_those_of_the_users_scopes(serve: Serve) -> None:
    with welcomed(serve(StandIns()), HELLO) as (socket, _):
        hints.broadcast(page("bob", 1))
        hints.broadcast(page("ada", 2, start=20, end=21))
        live_frame = socket.receive()
        assert isinstance(live_frame, Changes)
        assert (live_frame.scope, live_frame.live, live_frame.end) == ("ada", True, 21)


def test_live_frames_arrive_in_the_middle_of_a_pull(serve: Serve) -> None:
    asked, gate = threading.Event(), threading.Event()

    class Slow(StandIns):
        def pull(self, scope: str, cursor: int, limit: int, begun: int) -> Page:
            asked.set()
            gate.wait(PATIENCE)
            return super().pull(scope, cursor, limit, begun)

    with welcomed(serve(Slow()), HELLO) as (socket, _):
        socket.send(Pull(1, {"all": 0}))
        assert asked.wait(PATIENCE)
        hints.broadcast(page("all", 1))
        first = socket.receive()
        gate.set()
        second = socket.receive()
        assert isinstance(first, Changes)
        assert isinstance(second, Changes)
        assert (first.live, second.pull) == (True, 1)


def test_a_scope_that_was_lost_is_left_and_sends_nothing_more(serve: Serve) -> None:
    services = StandIns()
    with welcomed(serve(services), HELLO) as (socket, _):
        services.heads = {"all": 10, "club": 5}
        assert socket.ask(Ping(1)) == Leave("ada")
        assert socket.receive() == Pong(1, services.heads)
        hints.broadcast(page("ada", 1))
        hints.broadcast(page("club", 2, start=5, end=6))
        live_frame = socket.receive()
        assert isinstance(live_frame, Changes)
        assert live_frame.scope == "club"


def test_a_live_frame_does_not_cut_a_goodbye_short() -> None:
    async def scenario() -> list[str]:
        incoming: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        answered, relayed = asyncio.Event(), asyncio.Event()
        told: list[str] = []

        async def send(message: Any) -> None:
            if message["type"] == "websocket.close":
                hints.broadcast(page("all", 1))
                # As long as it takes a live frame to come through.
                await asyncio.wait_for(relayed.wait(), PATIENCE)
            told.append(message["type"])
            answered.set()

        class Noticing(Session):
            def relay(self, scope: str, frame: bytes, access: int = 0) -> Steps:
                relayed.set()
                yield Send(frame)

        hints.register_loop()
        session = Noticing(StandIns(), HANDSHAKE, BOUNDS)
        running = asyncio.ensure_future(Connection(session, incoming.get, send).run())
        incoming.put_nowait({"type": "websocket.receive", "bytes": encode(HELLO)})
        await asyncio.wait_for(answered.wait(), PATIENCE)
        incoming.put_nowait({"type": "websocket.receive", "bytes": encode(HELLO)})
        await asyncio.wait_for(running, PATIENCE)
        return told

    assert asyncio.run(scenario()) == ["websocket.send", "websocket.send", "websocket.close"]
