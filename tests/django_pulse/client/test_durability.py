"""What an edit that returned survives: a kill at any moment, a cut line, a lost ack."""

from __future__ import annotations

import asyncio
import random
import sys
from asyncio.subprocess import PIPE, Process
from pathlib import Path
from uuid import UUID

import pytest

from tests.django_pulse.client.chaos import ChaosProxy, Fate
from tests.django_pulse.client.conftest import Device, in_django
from tests.django_pulse.together import PATIENCE
from tests.project.servers import ThreadServer


def votes_in_the_database(row: UUID) -> int:
    from tests.project.todo.models import Note

    return int(Note.objects.get(sync_id=row).votes)


def through(server: ThreadServer, proxy: ChaosProxy) -> str:
    return server.ws_url.replace(str(server.port), str(proxy.port))


@pytest.mark.asyncio
async def test_a_device_killed_at_random_points_loses_no_edit_and_counts_none_twice(
    device: Device, live_server_asgi: ThreadServer, ann: dict[str, str], tmp_path: Path
) -> None:
    """The line is cut now and then too, so that it dies before, during and after pushes."""
    chance = random.Random(5)
    store = tmp_path / "phone.sqlite3"
    async with device(store=store) as phone:
        row = phone.model("todo.note").create(title="t", votes=0).id
        await phone.synced(PATIENCE)

    def fate(number: int) -> Fate:
        return Fate(cut_up=chance.randrange(1_000, 20_000), lose_down=chance.choice([None, 6_000]))

    told = 0
    async with ChaosProxy(live_server_asgi.port, fate) as proxy:
        for _ in range(5):
            child = await start(through(live_server_asgi, proxy), store, ann, row)
            for _ in range(chance.randrange(1, 120)):
                told = await read(child)
            told = max(told, await kill(child))

    async with device(store=store, url="ws://127.0.0.1:1/") as phone:
        found = phone.model("todo.note").get(row)
        assert found is not None
        assert told <= found.votes <= told + 1  # an add may have been cut before it was printed
        count = found.votes
    async with device(store=store) as phone, device() as laptop:
        await phone.synced(PATIENCE)
        await laptop.synced(PATIENCE)
        for pulse in (phone, laptop):
            found = pulse.model("todo.note").get(row)
            assert found is not None
            assert found.votes == count
    assert await in_django(lambda: votes_in_the_database(row)) == count


async def start(url: str, store: Path, cookies: dict[str, str], row: UUID) -> Process:
    ((name, value),) = cookies.items()
    return await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "tests.django_pulse.client.counting_child"),
        *(url, str(store), f"{name}={value}", str(row)),
        stdout=PIPE,
    )


async def read(child: Process) -> int:
    """The next sum it tells."""
    assert child.stdout is not None
    async with asyncio.timeout(PATIENCE):
        return int(await child.stdout.readline())


async def kill(child: Process) -> int:
    """Kill it; the last sum it told and nobody read, or 0."""
    child.kill()
    assert child.stdout is not None
    lines = (await child.stdout.read()).split(b"\n")
    await child.wait()
    return int(lines[-2]) if len(lines) > 1 else 0


@pytest.mark.asyncio
async def test_a_line_cut_anywhere_in_a_push_loses_nothing_and_counts_nothing_twice(
    device: Device, live_server_asgi: ThreadServer
) -> None:
    """Each connection is cut a little later than the one before, first on the way up, then down."""
    from tests.project.todo.models import Note

    def fate(number: int) -> Fate:
        if number < 12:
            return Fate(cut_up=600 + 150 * number)
        if number < 24:
            return Fate(cut_down=200 + 400 * (number - 12))
        return Fate()

    async with ChaosProxy(live_server_asgi.port) as proxy:
        url = through(live_server_asgi, proxy)
        async with device(url=url) as phone:
            notes = phone.model("todo.note")
            rows = [notes.create(title=f"note {n}", body="á" * 20, votes=0) for n in range(10)]
            await phone.synced(PATIENCE)
            proxy.connections, proxy.fates = 0, fate
            proxy.cut()
            for step in range(10):
                for row in rows:
                    notes.add(row.id, votes=1)
                    notes.edit_text(row.id, "body", step, insert="🦜")
                await asyncio.sleep(0)
            await phone.synced(PATIENCE)
            assert proxy.connections > 3
    stored = await in_django(lambda: list(Note.objects.values_list("votes", "body")))
    assert stored == [(10, "🦜" * 10 + "á" * 20)] * 10


@pytest.mark.asyncio
async def test_pushes_whose_acks_were_lost_are_sent_again_and_count_once(
    device: Device, live_server_asgi: ThreadServer
) -> None:
    async with ChaosProxy(live_server_asgi.port) as proxy:
        url = through(live_server_asgi, proxy)
        async with device(url=url) as phone:
            notes = phone.model("todo.note")
            row = notes.create(title="t", votes=0).id
            await phone.synced(PATIENCE)
            for round_ in range(1, 6):
                proxy.hold()  # the server hears, and its answers stay on the way
                notes.add(row, votes=1)
                await until_votes(row, round_)
                assert phone.status.pending == 1
                proxy.cut()
                proxy.resume()
                await phone.synced(PATIENCE)
    assert await in_django(lambda: votes_in_the_database(row)) == 5


async def until_votes(row: UUID, votes: int) -> None:
    async with asyncio.timeout(PATIENCE):
        while await in_django(lambda: votes_in_the_database(row)) != votes:
            pass


@pytest.mark.asyncio
async def test_a_catch_up_that_is_cut_goes_on_and_ends_with_every_row(
    device: Device, live_server_asgi: ThreadServer, tmp_path: Path
) -> None:
    from tests.project.todo.models import Item

    await in_django(lambda: [Item.objects.create(name=f"item {n}", price=n) for n in range(300)])
    fates = lambda number: Fate(cut_down=4_000 + 12_000 * number)  # noqa: E731
    async with ChaosProxy(live_server_asgi.port, fates) as proxy:
        url = through(live_server_asgi, proxy)
        async with device(url=url, store=tmp_path / "phone.sqlite3", wait=False) as phone:
            await phone.synced(PATIENCE)
            names = sorted(row.name for row in phone.model("todo.item").all())
            assert proxy.connections > 1
    assert names == sorted(f"item {n}" for n in range(300))
