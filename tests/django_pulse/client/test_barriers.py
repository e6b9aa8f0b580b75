"""`synced()`: honest barriers, that wait for what the server had when they were called."""

import asyncio

import pytest
from websockets.asyncio.server import ServerConnection

from crdt.messages import Changes, Ping, Pong, Pull
from django_pulse.client import (
    Offline,
    TimedOut,
)
from tests.django_pulse.client.devices import connected
from tests.django_pulse.client.scripted import hear, polite, scripted, tell, welcome
from tests.django_pulse.together import PATIENCE


@pytest.mark.asyncio
async def test_going_offline_ends_a_wait_for_the_server() -> None:
    async with scripted(polite) as url, connected(url) as pulse:
        pulse.model("todo.task").create(title="never acked")
        waiting = asyncio.ensure_future(pulse.synced())
        await asyncio.sleep(0)
        await pulse.offline()
        with pytest.raises(Offline):
            await waiting


@pytest.mark.asyncio
async def test_synced_without_an_answer_times_out_and_says_how_far_it_got() -> None:
    async with scripted(polite) as url, connected(url) as pulse:
        pulse.model("todo.task").create(title="never acked")
        with pytest.raises(TimedOut, match=r"within 0\.05 seconds: connected; .*the server: 1"):
            await pulse.synced(0.05)
        with pytest.raises(TimeoutError):
            await pulse.synced(0.05)


@pytest.mark.asyncio
async def test_synced_waits_for_what_the_server_had_when_it_was_called() -> None:
    """The server's head moves without a word; only a check that is made now can find out."""
    pulled = asyncio.Event()

    async def moving(socket: ServerConnection) -> None:
        await hear(socket)
        await tell(socket, welcome(scopes={"s": 0}))
        ping = await hear(socket)
        assert isinstance(ping, Ping)
        await tell(socket, Pong(ping.time, {"s": 9}))
        pull = await hear(socket)
        assert isinstance(pull, Pull)
        pulled.set()
        await tell(socket, Changes("s", 0, 9, pull=pull.id))
        await socket.wait_closed()

    async with scripted(moving) as url, connected(url) as pulse:
        before = pulse.status.last_synced_at
        await pulse.synced(PATIENCE)
        assert pulled.is_set()
        after = pulse.status.last_synced_at
        assert before is not None
        assert after is not None
        assert before < after


@pytest.mark.asyncio
async def test_a_pong_of_an_earlier_ping_does_not_answer_a_later_barrier() -> None:
    async def late(socket: ServerConnection) -> None:
        await hear(socket)
        await tell(socket, welcome())
        pings = [await hear(socket)]
        await tell(socket, Pong(0, {}))
        pings.append(await hear(socket))
        await socket.wait_closed()

    async with scripted(late) as url, connected(url) as pulse:
        await pulse.synced(PATIENCE)
        with pytest.raises(TimedOut):
            await pulse.synced(0.05)


@pytest.mark.asyncio
async def test_a_welcome_to_a_hello_said_after_the_call_answers_a_barrier() -> None:
    async def mute(socket: ServerConnection) -> None:
        await hear(socket)
        await tell(socket, welcome())
        await hear(socket)
        await socket.close(1011)

    async with scripted(mute, polite) as url, connected(url) as pulse:
        await pulse.synced(PATIENCE)


@pytest.mark.asyncio
async def test_many_barriers_at_once_do_not_make_the_server_look_dead() -> None:
    async with scripted(polite) as url, connected(url) as pulse:
        for _ in range(10):
            await asyncio.gather(*(pulse.synced(PATIENCE) for _ in range(5)))
        await pulse.synced(PATIENCE)
        assert pulse.status.error is None
