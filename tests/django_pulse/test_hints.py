"""Hints: live frames to sockets, through each channel layer, and nothing that waits for them."""

from __future__ import annotations

import asyncio
import logging
import re
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from concurrent.futures import Future
from contextlib import asynccontextmanager
from typing import Any

import pytest
from channels.layers import InMemoryChannelLayer, channel_layers, get_channel_layer
from django.contrib.auth import get_user_model
from django.db import transaction
from django.test import override_settings

from crdt import frames
from django_pulse.changefeed import feed, hints
from django_pulse.changefeed.pages import Page
from django_pulse.visibility import scopes
from tests.django_pulse.devices import Device
from tests.django_pulse.stand_ins import settings
from tests.django_pulse.together import PATIENCE, Gate, in_thread, undone
from tests.project.servers import RedisServer
from tests.project.todo.models import Item, Note, Task

MEMORY = "channels.layers.InMemoryChannelLayer"
REDIS = ["channels_redis.core.RedisChannelLayer", "channels_redis.pubsub.RedisPubSubChannelLayer"]

database = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def fresh_hints() -> Iterator[None]:
    """No hints under way and no outage left over from another test, nor for one."""
    _settle()
    yield
    _settle()


def _settle() -> None:
    if hints._own_loop is not None:
        hints._own_loop.call_soon_threadsafe(_cancel_those_of, hints._own_loop)
    hints.flush(PATIENCE)
    hints._outage.clear()
    channel_layers.backends.clear()


def _cancel_those_of(loop: asyncio.AbstractEventLoop) -> None:
    for each in list(hints._sending):
        if each.get_loop() is loop:
            each.cancel()


def layer(backend: str, **config: Any) -> override_settings:
    return override_settings(CHANNEL_LAYERS={"default": {"BACKEND": backend, "CONFIG": config}})


def a_page(scope: str = "default/*", end: int = 2) -> Page:
    return Page(scope, 1, end, False, (), ())


Listener = Callable[[], Awaitable[frames.Changes]]


@asynccontextmanager
async def listening(scope: str = "default/*") -> AsyncIterator[Listener]:
    """What a consumer does: join the group, and receive frames that are ready to be sent on."""
    hints.register_loop()
    layer: Any = get_channel_layer()
    channel = await layer.new_channel()
    await layer.group_add(hints.group_name(scope), channel)

    async def next_frame() -> frames.Changes:
        async with asyncio.timeout(PATIENCE):
            message = await layer.receive(channel)
        assert (message["type"], message["scope"]) == ("pulse.frame", scope)
        changes = frames.decode(message["frame"])
        assert isinstance(changes, frames.Changes)
        return changes

    yield next_frame
    await layer.group_discard(hints.group_name(scope), channel)


def test_a_group_is_named_so_that_every_layer_takes_the_name() -> None:
    names = {hints.group_name(scope) for scope in ("default/*", "ö/é 🎉", "x" * 500, "")}
    assert len(names) == 4
    assert all(re.fullmatch(r"[A-Za-z0-9_.-]{1,99}", name) for name in names)


@layer(MEMORY)
def test_what_a_thread_broadcasts_arrives_in_the_loop_of_the_sockets() -> None:
    async def main() -> None:
        async with listening() as next_frame:
            await asyncio.to_thread(hints.broadcast, a_page(end=7))
            changes = await next_frame()
            assert (changes.scope, changes.start, changes.end) == ("default/*", 1, 7)
            assert changes.live

    asyncio.run(main())


@layer(MEMORY)
def test_what_is_broadcast_for_another_scope_does_not_arrive() -> None:
    async def main() -> None:
        async with listening() as next_frame:
            await asyncio.to_thread(hints.broadcast, a_page(scope="default/another"))
            await asyncio.to_thread(hints.broadcast, a_page(end=9))
            assert (await next_frame()).end == 9

    asyncio.run(main())


@pytest.mark.parametrize("backend", REDIS)
def test_what_is_broadcast_through_redis_arrives(redis: RedisServer, backend: str) -> None:
    async def main() -> None:
        async with listening() as next_frame:
            for end in (3, 4, 5):
                await asyncio.to_thread(hints.broadcast, a_page(end=end))
            assert {(await next_frame()).end for _ in range(3)} == {3, 4, 5}

    with layer(backend, hosts=[redis.url]), settings(HINT_TIMEOUT_SECONDS=PATIENCE):
        asyncio.run(main())


@pytest.mark.parametrize("backend", REDIS)
@database
def test_with_redis_stopped_a_commit_neither_fails_nor_waits(
    redis: RedisServer, backend: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "django_pulse")
    redis.stop()
    try:
        with layer(backend, hosts=[redis.url]):
            for n in range(5):
                Item.objects.create(name=f"item {n}", price=1)
            hints.flush(PATIENCE)
    finally:
        redis.start()
    assert Item.objects.count() == 5
    told = [each for each in caplog.records if "channel layer takes no live" in each.message]
    assert len(told) == 1, "an outage is told once, not once per commit"


class Stuck(InMemoryChannelLayer):  # type: ignore[misc]
    """A Redis behind a network that swallows everything."""

    async def group_send(self, group: str, message: Any) -> None:
        await asyncio.Event().wait()


@database
def test_a_layer_that_answers_nothing_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hints, "_loops_for", lambda layer: [hints._loop()])
    with layer(f"{__name__}.Stuck"), settings(HINT_TIMEOUT_SECONDS=600):
        Item.objects.create(name="Pen", price=1)
        assert len(hints._under_way) == 1, "the commit is over, and the hint is not"


def test_a_flood_of_hints_is_bounded(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(hints, "WAITING", 10)
    monkeypatch.setattr(hints, "_loops_for", lambda layer: [hints._loop()])
    with layer(f"{__name__}.Stuck"):
        for _ in range(50):
            hints.broadcast(a_page())
        assert len(hints._under_way) == 10
    assert len(caplog.records) == 1


def test_after_an_outage_hints_are_sent_again_and_the_log_is_told(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, "django_pulse")
    hints._note_outage("it was down")

    async def main() -> None:
        async with listening() as next_frame:
            await asyncio.to_thread(hints.broadcast, a_page(end=3))
            assert (await next_frame()).end == 3
            await asyncio.to_thread(hints.flush, PATIENCE)

    with layer(MEMORY):
        asyncio.run(main())
    assert caplog.records[-1].message == "Live updates are sent again."


def test_hints_given_to_a_loop_that_ended_do_not_count_for_ever(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(hints, "WAITING", 5)
    ended = asyncio.new_event_loop()
    ended.close()
    hints._under_way.update((Future(), ended) for _ in range(5))

    async def main() -> None:
        async with listening() as next_frame:
            await asyncio.to_thread(hints.broadcast, a_page(end=4))
            assert (await next_frame()).end == 4

    with layer(MEMORY):
        asyncio.run(main())


@layer(MEMORY)
def test_a_loop_that_is_closed_meanwhile_is_passed_over() -> None:
    loop = asyncio.new_event_loop()
    loop.close()
    hints._start(loop, get_channel_layer(), "group", {"type": "pulse.frame"})
    assert loop not in hints._under_way.values()


@override_settings(CHANNEL_LAYERS={})
def test_without_a_channel_layer_nothing_is_sent_and_nothing_fails() -> None:
    hints.broadcast(a_page())
    assert not hints._under_way


@layer("no.such.Layer")
def test_a_layer_that_cannot_be_loaded_fails_no_commit(caplog: pytest.LogCaptureFixture) -> None:
    hints.broadcast(a_page())
    assert "could not be sent" in caplog.text


@layer(MEMORY)
def test_threads_may_broadcast_while_sockets_come_and_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hints, "WAITING", 20)  # as many as each loop has to see to before it ends
    stop = threading.Event()

    def broadcasting() -> None:
        while not stop.is_set():
            hints.broadcast(a_page(scope="default/nobody"))

    async def connect() -> None:
        hints.register_loop()

    thread = in_thread(broadcasting)
    for _ in range(200):
        asyncio.run(connect())
    stop.set()
    thread.result(PATIENCE)


def _user() -> Any:
    return get_user_model().objects.create_user("ada")


@database
@pytest.mark.databases("sqlite", "postgres")
@layer(MEMORY)
def test_nothing_is_broadcast_before_commit_and_nothing_after_a_rollback() -> None:
    user = _user()
    scope = scopes.personal("default", user.pk)
    gate = Gate()

    def views() -> None:
        with undone():
            Task.objects.create(title="undone", user=user)
        with transaction.atomic():
            Task.objects.create(title="done", user=user)
            feed.stamp("default")  # whoever stamps inside a transaction tells nobody before its end
            gate.pass_through()

    async def main() -> None:
        async with listening(scope) as next_frame:
            layer: Any = get_channel_layer()
            view = in_thread(views)
            await asyncio.to_thread(gate.reached)
            sent = {name: queue.qsize() for name, queue in layer.channels.items()}
            assert sum(sent.values()) == 0
            gate.open()
            changes = await next_frame()
            [item] = changes.items
            assert b"done" in item.data
            assert b"undone" not in item.data
            await asyncio.to_thread(view.result, PATIENCE)
            assert all(queue.empty() for queue in layer.channels.values())

    asyncio.run(main())


@database
@pytest.mark.databases("sqlite", "postgres")
@layer(MEMORY)
def test_a_push_and_a_save_arrive_live_as_what_they_changed() -> None:
    user = _user()
    phone = Device(user, Note)
    made = phone.create(title="Milk", body="long " * 100)
    phone.push()

    def save() -> None:
        note = Note.objects.get()
        note.title = "Bread"
        note.save()

    def push() -> None:
        phone.set(made, title="Butter")
        phone.push()

    async def main() -> None:
        async with listening(scopes.personal("default", user.pk)) as next_frame:
            end = 0
            for work in (save, push):
                in_thread(work).result(PATIENCE)
                changes = await next_frame()
                [item] = changes.items
                assert (item.model, item.id) == ("todo.note", made)
                assert len(item.data) < 200, "a delta, not the row"
                assert changes.start == end or not end
                end = changes.end

    asyncio.run(main())
