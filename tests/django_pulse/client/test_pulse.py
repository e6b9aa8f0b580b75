"""`connect` and `Pulse` against the real server: what a device does, the others and Django see."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from django_pulse.client import (
    BadAddress,
    Changed,
    ChangeStream,
    ClosedPulse,
    LocalFault,
    Removed,
    Reverted,
    SignInRefused,
    StoreInUse,
    WrongEndpoint,
)
from tests.django_pulse.client.conftest import Device, in_django
from tests.django_pulse.together import PATIENCE
from tests.project.servers import ThreadServer


@pytest.mark.asyncio
async def test_what_one_device_creates_is_in_the_database_and_on_the_other(device: Device) -> None:
    from tests.project.todo.models import Note

    async with device() as phone, device() as laptop:
        note = phone.model("todo.note").create(title="Buy milk", body="two litres 🥛")
        await phone.synced(PATIENCE)
        stored = await in_django(lambda: Note.objects.get(sync_id=note.id))
        assert (stored.title, stored.body, stored.votes) == ("Buy milk", "two litres 🥛", 0)
        await laptop.synced(PATIENCE)
        there = laptop.model("todo.note").get(note.id)
        assert there is not None
        assert (there.title, there.body) == ("Buy milk", "two litres 🥛")
        assert phone.status.pending == laptop.status.pending == 0


@pytest.mark.asyncio
async def test_offline_edits_of_the_same_row_all_survive(device: Device) -> None:
    from tests.project.todo.models import Note

    async with device() as phone, device() as laptop:
        row = phone.model("todo.note").create(title="t", body="héllo wörld 🌍", votes=3)
        await phone.synced(PATIENCE)
        await laptop.synced(PATIENCE)
        await phone.offline()
        await laptop.offline()
        phone.model("todo.note").edit_text(row.id, "body", 0, delete=1, insert="H")
        phone.model("todo.note").add(row.id, votes=2)
        laptop.model("todo.note").edit_text(row.id, "body", len("héllo wörld 🌍"), insert="!")
        laptop.model("todo.note").add(row.id, votes=-1)
        laptop.model("todo.note").set(row.id, title="renamed")
        for pulse in (phone, laptop):
            await pulse.online()
            await pulse.synced(PATIENCE)
        await phone.synced(PATIENCE)
        expected = {"title": "renamed", "body": "Héllo wörld 🌍!", "votes": 4}
        for pulse in (phone, laptop):
            merged = pulse.model("todo.note").get(row.id)
            assert merged is not None
            assert {name: merged[name] for name in expected} == expected
        stored = await in_django(lambda: Note.objects.values(*expected).get(sync_id=row.id))
        assert stored == expected


@pytest.mark.asyncio
async def test_what_django_saves_arrives_live_in_every_stream(device: Device) -> None:
    from tests.project.todo.models import Item

    async with device() as phone:
        streams = [phone.changes(), phone.changes()]
        item = await in_django(lambda: Item.objects.create(name="lamp", price="9.50"))
        for stream in streams:
            async with asyncio.timeout(PATIENCE):
                change = await anext(stream)
            assert isinstance(change, Changed)
            assert (change.model, change.id) == ("todo.item", item.sync_id)
            assert change.fields >= {"name", "price"}
        assert [str(row.price) for row in phone.model("todo.item").all()] == ["9.50"]


@pytest.mark.asyncio
async def test_deleting_reaches_the_others(device: Device) -> None:
    from tests.project.todo.models import Item

    async with device() as phone, device() as laptop:
        row = phone.model("todo.item").create(name="lamp", price="1")
        await phone.synced(PATIENCE)
        await laptop.synced(PATIENCE)
        stream = laptop.changes()
        phone.model("todo.item").delete(row.id)
        assert phone.model("todo.item").get(row.id) is None
        await phone.synced(PATIENCE)
        async with asyncio.timeout(PATIENCE):
            assert await anext(stream) == Removed("todo.item", row.id)
        assert laptop.model("todo.item").all() == []
        assert not await in_django(Item.objects.exists)


@pytest.mark.asyncio
async def test_what_the_server_reverts_is_told_and_kept_until_dismissed(
    device: Device, tmp_path: Path
) -> None:
    store = tmp_path / "phone.sqlite3"
    async with device(store=store) as phone:
        row = phone.model("todo.item").create(name="lamp", price="1")
        await phone.synced(PATIENCE)
        stream = phone.changes()
        row.set(name="x" * 300)
        await phone.synced(PATIENCE)
        told = await next_revert(stream)
        assert told.fields["name"].value == "x" * 300
        assert told.fields["name"].message
        again = phone.model("todo.item").get(row.id)
        assert again is not None
        assert again.name == "lamp"
        assert phone.status.reverted == 1
    async with device(store=store) as phone:
        (kept,) = phone.kept_aside()
        assert kept.fields["name"].value == "x" * 300
        phone.dismiss(kept)
        assert phone.status.reverted == 0


async def next_revert(stream: ChangeStream) -> Reverted:
    async with asyncio.timeout(PATIENCE):
        while True:
            event = await anext(stream)
            if isinstance(event, Reverted):
                return event


@pytest.mark.asyncio
async def test_nobody_in_particular_is_refused(device: Device) -> None:
    with pytest.raises(SignInRefused, match="Sign in first"):
        async with device(cookies=None):
            pytest.fail("anonymous")


@pytest.mark.asyncio
async def test_a_wrong_path_is_explained(device: Device, live_server_asgi: ThreadServer) -> None:
    with pytest.raises(WrongEndpoint, match="websocket_urlpatterns"):
        async with device(url=live_server_asgi.ws_url.replace("pulse", "pulze")):
            pytest.fail("no such path")


@pytest.mark.asyncio
async def test_a_page_address_is_refused_before_anything_is_opened(
    device: Device, live_server_asgi: ThreadServer, tmp_path: Path
) -> None:
    with pytest.raises(BadAddress, match="write 'ws://"):
        async with device(url=live_server_asgi.url, store=tmp_path / "phone.sqlite3"):
            pytest.fail("http")
    assert os.listdir(tmp_path) == []  # noqa: PTH208 - nothing blocks here


@pytest.mark.asyncio
async def test_two_clients_cannot_share_a_store(device: Device, tmp_path: Path) -> None:
    store = tmp_path / "phone.sqlite3"
    async with device(store=store):
        with pytest.raises(StoreInUse):
            async with device(store=store):
                pytest.fail("in use")
    async with device(store=store) as phone:
        assert phone.model("todo.item").all() == []


@pytest.mark.asyncio
async def test_an_unknown_model_is_answered_with_those_there_are(device: Device) -> None:
    async with device() as phone:
        with pytest.raises(LocalFault, match=r"no model 'todo\.tusk'.*todo\.task"):
            phone.model("todo.tusk")
        assert phone.model("todo.Task").label == "todo.task"


@pytest.mark.asyncio
async def test_another_thread_is_told_how_to_get_here(device: Device) -> None:
    async with device() as phone:
        tasks = phone.model("todo.task")
        with pytest.raises(LocalFault, match="call_soon_threadsafe"):
            await asyncio.to_thread(tasks.all)


@pytest.mark.asyncio
async def test_after_the_block_the_status_stays_and_everything_else_says_it_is_closed(
    device: Device,
) -> None:
    async with device() as phone:
        tasks, stream = phone.model("todo.task"), phone.changes()
        await phone.synced(PATIENCE)
    assert not phone.status.connected
    assert phone.status.last_synced_at is not None
    assert [event async for event in stream] == []
    for use in (tasks.all, phone.changes, lambda: phone.model("todo.task")):
        with pytest.raises(ClosedPulse):
            use()
    for wait in (phone.synced, phone.online, phone.offline):
        with pytest.raises(ClosedPulse):
            await wait()
