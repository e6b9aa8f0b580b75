"""Streams of changes: everybody sees everything, or is told what he missed."""

import asyncio
import gc
from uuid import UUID

import pytest

from crdt.events import Changed, Synced
from django_pulse.client.changes import Changes, ChangeStream, Missed

ROW = UUID(int=1)


def changed(number: int) -> Changed:
    return Changed("todo.task", UUID(int=number), frozenset({"title"}))


async def read_all(stream: ChangeStream) -> list[object]:
    return [event async for event in stream]


@pytest.mark.asyncio
async def test_every_reader_sees_every_event_in_order() -> None:
    changes = Changes()
    streams = [changes.stream(), changes.stream()]
    for number in range(3):
        changes.put(changed(number))
    changes.close()
    for stream in streams:
        assert await read_all(stream) == [changed(0), changed(1), changed(2)]


@pytest.mark.asyncio
async def test_a_reader_waits_for_what_has_not_happened_yet() -> None:
    changes = Changes()
    stream = changes.stream()
    waiting = asyncio.ensure_future(anext(stream))
    await asyncio.sleep(0)
    assert not waiting.done()
    changes.put(changed(5))
    assert await waiting == changed(5)


@pytest.mark.asyncio
async def test_a_reader_who_falls_behind_is_told_how_much_he_missed_and_then_goes_on() -> None:
    changes = Changes()
    slow, fast = changes.stream(limit=2), changes.stream()
    for number in range(5):
        changes.put(changed(number))
    assert [await anext(slow) for _ in range(3)] == [changed(0), changed(1), Missed(3)]
    changes.put(changed(9))
    assert await anext(slow) == changed(9)
    changes.close()
    assert len(await read_all(fast)) == 6


@pytest.mark.asyncio
async def test_what_comes_while_the_backlog_is_read_counts_as_missed_too() -> None:
    changes = Changes()
    stream = changes.stream(limit=1)
    changes.put(changed(0))
    changes.put(changed(1))
    assert await anext(stream) == changed(0)
    changes.put(changed(2))
    assert await anext(stream) == Missed(2)


@pytest.mark.asyncio
async def test_events_about_the_connection_are_no_changes() -> None:
    changes = Changes()
    stream = changes.stream()
    changes.put(Synced())
    changes.close()
    assert await read_all(stream) == []


@pytest.mark.asyncio
async def test_closing_ends_readers_that_wait_and_streams_still_to_be_asked_for() -> None:
    changes = Changes()
    waiting = asyncio.ensure_future(read_all(changes.stream()))
    await asyncio.sleep(0)
    changes.close()
    assert await waiting == []
    assert await read_all(changes.stream()) == []


@pytest.mark.asyncio
async def test_a_stream_that_nobody_holds_is_let_go() -> None:
    changes = Changes()
    stream = changes.stream()
    assert len(changes._streams) == 1
    del stream
    gc.collect()
    assert len(changes._streams) == 0
