"""Two server processes, one PostgreSQL, the channel layers of channels_redis: the whole path."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from crdt.events import Changed
from django_pulse.client import Pulse, connect
from tests.conftest import StartProcess
from tests.django_pulse.client.conftest import signed_in
from tests.django_pulse.together import PATIENCE, in_thread
from tests.project.servers import RedisServer

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.databases("postgres"),
    pytest.mark.parametrize("layer", ["core.RedisChannelLayer", "pubsub.RedisPubSubChannelLayer"]),
]

# Seconds between two pings: so many that whatever arrives in a test arrived live, or so few.
NEVER, SOON = "3600", "1"
# What travels live has as long as it takes: nobody asks again.
PATIENT = json.dumps({"HINT_TIMEOUT_SECONDS": PATIENCE})

Start = Callable[[str], tuple[str, str]]


@pytest.fixture
def two_servers(server_process: StartProcess, redis: RedisServer, layer: str) -> Start:
    """Starts both on the same database and Redis; their addresses."""

    def start(poll: str) -> tuple[str, str]:
        environment = {
            "PULSE_TEST_REDIS": redis.url,
            "PULSE_TEST_LAYER": layer,
            "PULSE_TEST_POLL": poll,
            "PULSE_TEST_PULSE": PATIENT if poll == NEVER else "{}",
        }
        other = in_thread(lambda: server_process(**environment))
        one = server_process(**environment)
        return one.ws_url, other.result(PATIENCE).ws_url

    return start


def with_devices(
    addresses: tuple[str, str], scenario: Callable[[Pulse, Pulse], Coroutine[Any, Any, None]]
) -> None:
    """Run `scenario` with a device of one user at each server, both of them caught up."""
    cookies = signed_in("ann")

    async def main() -> None:
        async with (
            asyncio.timeout(PATIENCE),
            connect(addresses[0], cookies=cookies, timeout=PATIENCE) as one,
            connect(addresses[1], cookies=cookies, timeout=PATIENCE) as other,
        ):
            await one.synced()
            await other.synced()
            await scenario(one, other)

    asyncio.run(main())


async def exchange(one: Pulse, other: Pulse) -> None:
    """Each device hears of what the other did."""
    at_one, at_other = one.changes(), other.changes()
    task = one.model("todo.task").create(title="Write")
    heard = await anext(at_other)
    assert isinstance(heard, Changed)
    assert (heard.model, heard.id) == ("todo.task", task.id)
    other.model("todo.task").set(task.id, title="Read")
    while (row := one.model("todo.task").get(task.id)) is None or row.title != "Read":
        await anext(at_one)


def test_an_edit_through_one_process_arrives_live_at_a_client_of_the_other(
    two_servers: Start,
) -> None:
    with_devices(two_servers(NEVER), exchange)


def test_with_redis_stopped_it_still_arrives_by_polling(
    two_servers: Start, redis: RedisServer
) -> None:
    async def without_redis(one: Pulse, other: Pulse) -> None:
        redis.stop()
        await exchange(one, other)

    try:
        with_devices(two_servers(SOON), without_redis)
    finally:
        redis.start()
