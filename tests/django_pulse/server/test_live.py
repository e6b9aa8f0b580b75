"""A connection and its channel layer, over real servers: missing, down, stuck, restarted."""

from __future__ import annotations

import asyncio
import logging
import threading
from typing import Any, ClassVar

import pytest
from channels.layers import InMemoryChannelLayer
from django.test import override_settings

from crdt.frames import decode
from crdt.messages import Changes, Ping, Pong
from django_pulse.changefeed import hints
from django_pulse.server import live
from tests.django_pulse.sockets import PATIENCE, Socket, heard, welcomed
from tests.django_pulse.stand_ins import HELLO, Serve, StandIns, page, settings
from tests.project.servers import RedisServer

NO_LAYER: dict[str, Any] = {}


class Stuck(InMemoryChannelLayer):  # type: ignore[misc]
    """Answers nothing, as a Redis behind a dead network."""

    asked: ClassVar[list[str]] = []

    async def group_add(self, group: str, channel: str) -> None:
        Stuck.asked.append(group)
        await asyncio.Event().wait()


class Failing(InMemoryChannelLayer):  # type: ignore[misc]
    """Down until told otherwise."""

    down = True

    async def group_add(self, group: str, channel: str) -> None:
        if Failing.down:
            raise ConnectionError("no layer today")
        await super().group_add(group, channel)

    async def receive(self, channel: str) -> Any:
        if Failing.down:
            raise ConnectionError("no layer today")
        return await super().receive(channel)


def layers(backend: str, **config: Any) -> Any:
    return override_settings(CHANNEL_LAYERS={"default": {"BACKEND": backend, "CONFIG": config}})


@override_settings(CHANNEL_LAYERS=NO_LAYER)
def test_without_a_channel_layer_clients_learn_by_asking(serve: Serve) -> None:
    services = StandIns()
    with welcomed(serve(services), HELLO) as (socket, _):
        services.heads["all"] = 11
        assert socket.ask(Ping(1)) == Pong(1, {"all": 11, "ada": 20})


@pytest.mark.parametrize("layer", ["RedisChannelLayer", "pubsub.RedisPubSubChannelLayer"])
def test_with_redis_down_clients_learn_by_asking_and_it_is_logged_once(
    serve: Serve, layer: str, caplog: pytest.LogCaptureFixture
) -> None:
    kind = f"channels_redis.{'core.' if '.' not in layer else ''}{layer}"
    nobody = "redis://127.0.0.1:1/0"
    with settings(HINT_TIMEOUT_SECONDS=0.5), layers(kind, hosts=[nobody]):
        url = serve(StandIns())
        for _ in range(2):
            with welcomed(url, HELLO) as (socket, welcome):
                assert socket.ask(Ping(1)) == Pong(1, welcome.scopes)
    told = [record for record in caplog.records if record.name == "django_pulse.server.live"]
    assert [record.levelno for record in told] == [logging.WARNING]


def test_a_layer_that_is_stuck_holds_a_hello_up_once_and_not_for_each_scope(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Stuck, "asked", [])
    monkeypatch.setattr(live, "RETRY_SECONDS", 3600)
    with settings(HINT_TIMEOUT_SECONDS=0.1), layers(f"{__name__}.Stuck"):
        services = StandIns(heads={f"club {n}": 1 for n in range(50)})
        with welcomed(serve(services), HELLO) as (socket, _):
            assert isinstance(socket.ask(Ping(1)), Pong)
            assert len(set(Stuck.asked)) == 1, "no other scope was waited for"
            assert len(Stuck.asked) <= 2, "once for the hello, and once for what comes live"


def test_a_layer_that_comes_back_is_joined_again(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "RETRY_SECONDS", 0.01)
    monkeypatch.setattr(Failing, "down", True)
    with (
        layers(f"{__name__}.Failing"),
        heard("django_pulse.server.live", "works again") as back,
        welcomed(serve(StandIns()), HELLO) as (socket, _),
    ):
        monkeypatch.setattr(Failing, "down", False)
        assert back.wait(PATIENCE)
        hints.broadcast(page("all", 1))
        assert isinstance(socket.receive(), Changes)


def test_groups_are_joined_again_now_and_then(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "REJOIN_SECONDS", 0.05)
    joins: list[str] = []
    enough = threading.Event()

    class Counting(InMemoryChannelLayer):  # type: ignore[misc]
        async def group_add(self, group: str, channel: str) -> None:
            await super().group_add(group, channel)
            joins.append(group)
            if len(joins) >= 6:
                enough.set()

    monkeypatch.setattr("tests.django_pulse.server.test_live.Failing", Counting)
    with layers(f"{__name__}.Failing"), welcomed(serve(StandIns()), HELLO) as (socket, _):
        assert enough.wait(PATIENCE)
        hints.broadcast(page("all", 1))
        assert isinstance(socket.receive(), Changes)


@pytest.mark.parametrize("layer", ["core.RedisChannelLayer", "pubsub.RedisPubSubChannelLayer"])
def test_live_frames_survive_a_restart_of_redis(
    serve: Serve, redis: RedisServer, layer: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "RETRY_SECONDS", 0.05)
    monkeypatch.setattr(live, "MAX_RETRY_SECONDS", 0.1)
    with (
        settings(HINT_TIMEOUT_SECONDS=1),
        layers(f"channels_redis.{layer}", hosts=[redis.url]),
        welcomed(serve(StandIns()), HELLO) as (socket, welcome),
    ):
        broadcast_until_heard(socket, 11)
        redis.stop()
        socket.send(Ping(1))
        while (message := socket.receive()) != Pong(1, welcome.scopes):
            assert isinstance(message, Changes)  # was still on its way
        redis.start()
        broadcast_until_heard(socket, 12)


def broadcast_until_heard(socket: Socket, end: int) -> None:
    """Hints may be lost, also by a machine that is too slow for their timeout; not all of them."""
    for _ in range(100):
        hints.broadcast(page("all", 1, end=end))
        try:
            while True:
                message = decode(socket.connection.recv(timeout=0.2, decode=False))
                assert isinstance(message, Changes)
                if message.end == end:
                    return
        except TimeoutError:
            continue
    pytest.fail("nothing arrived")
