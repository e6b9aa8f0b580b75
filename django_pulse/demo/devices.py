"""The two devices: real clients that go offline, edit, come back and sync."""

import asyncio
import time
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

from ..client import Pulse, connect
from . import plan

__all__ = ["Copy", "Story", "play"]

MODEL = "demo.task"
# Seconds to wait for a sync that takes some hundredths of one.
PATIENCE = 30
# Seconds between Ana's last edit offline and Ben's first, beside what their clocks may be apart.
LATER = 0.1

Copy = Mapping[str, Mapping[str, Any]]
"""The tasks that a device holds: their values, by the plan's names for them."""


@dataclass(slots=True)
class Story:
    """What was seen on the devices, by person.

    `before`: in sync with the server, before anything was edited. `offline`: with their own edits,
    `unsent` counting the tasks that have some. `after`: in sync again, with `kept` telling of the
    edits that came to nothing: task, field, reason. `ids` has each task's `sync_id`; `complaints`
    what a device itself reports as not in order at the end.
    """

    ids: dict[str, UUID]
    before: dict[str, Copy] = field(default_factory=dict)
    offline: dict[str, Copy] = field(default_factory=dict)
    unsent: dict[str, int] = field(default_factory=dict)
    after: dict[str, Copy] = field(default_factory=dict)
    kept: dict[str, frozenset[tuple[str, str, str]]] = field(default_factory=dict)
    complaints: list[str] = field(default_factory=list)


async def play(
    url: str, directory: Path, tokens: Mapping[str, str], ids: Mapping[str, UUID]
) -> Story:
    """Everything that happens on the devices, from their first connection to their last."""
    story = Story(dict(ids))
    async with AsyncExitStack() as stack:
        began = time.monotonic()
        devices = {
            name: await stack.enter_async_context(
                connect(url, store=directory / f"{name.lower()}.sqlite3", token=token)
            )
            for name, token in tokens.items()
        }
        # A device sets its clock by the server's welcome, no better than that took to arrive.
        uncertain = time.monotonic() - began
        await _sync(devices)
        story.before = _copies(devices, story)
        for device in devices.values():
            await device.offline()
        for name, device in devices.items():
            _edit(device, plan.OFFLINE[name], story)
            await asyncio.sleep(LATER + uncertain)
        story.offline = _copies(devices, story)
        story.unsent = {name: device.status.pending for name, device in devices.items()}
        for device in devices.values():  # one by one: what was deleted first is told to the other
            await device.online()
            await device.synced(timeout=PATIENCE)
        await _sync(devices)  # and from there on every device
        story.after = _copies(devices, story)
        story.kept = {name: _kept(device, story) for name, device in devices.items()}
        story.complaints = [text for name in devices for text in _complaints(name, devices[name])]
    return story


async def _sync(devices: Mapping[str, Pulse]) -> None:
    await asyncio.gather(*(device.synced(timeout=PATIENCE) for device in devices.values()))


def _edit(device: Pulse, edits: tuple[plan.Edit, ...], story: Story) -> None:
    tasks = device.model(MODEL)
    for edit in edits:
        match edit:
            case plan.Set(task, name, value):
                tasks.set(story.ids[task], **{name: value})
            case plan.Add(task, name, amount):
                tasks.add(story.ids[task], **{name: amount})
            case plan.Insert(task, name, behind, text):
                row = tasks.get(story.ids[task])
                assert row is not None
                index = row[name].index(behind) + len(behind)
                tasks.edit_text(row.id, name, index, insert=text)
            case plan.Delete(task):
                tasks.delete(story.ids[task])
            case plan.Create(task, values):
                story.ids[task] = tasks.create(**values).id


def _copies(devices: Mapping[str, Pulse], story: Story) -> dict[str, Copy]:
    return {person: _copy(device, story) for person, device in devices.items()}


def _copy(device: Pulse, story: Story) -> Copy:
    values = {row.id: dict(row.values) for row in device.model(MODEL).all()}
    planned = {name: values.pop(key) for name, key in story.ids.items() if key in values}
    return planned | {str(key): unplanned for key, unplanned in values.items()}


def _kept(device: Pulse, story: Story) -> frozenset[tuple[str, str, str]]:
    names = {key: name for name, key in story.ids.items()}
    return frozenset(
        (names.get(kept.id, str(kept.id)), field_name, kept.reason)
        for kept in device.kept_aside()
        for field_name in kept.fields
    )


def _complaints(name: str, device: Pulse) -> list[str]:
    status = device.status
    found = []
    if status.pending:
        found.append(f"{name}'s device still has {status.pending} tasks to send")
    if not status.connected or status.error is not None:
        found.append(f"{name}'s device is not connected: {status.error}")
    return found
