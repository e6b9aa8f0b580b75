"""A demo in which everything went as planned, made up in memory, for tests to spoil."""

import uuid
from typing import Any

from crdt.vector import VectorClock
from django_pulse.demo import plan
from django_pulse.demo.devices import Story
from django_pulse.demo.models import Task
from django_pulse.demo.outcome import Stored

__all__ = ["good_stored", "good_story"]


def good_story() -> Story:
    """What the devices show when all is well."""
    ids = {task: uuid.uuid4() for task in plan.EXPECTED}
    start = {task: {**plan.DEFAULTS, **values} for task, values in plan.START.items()}
    end = {task: dict(to.values) for task, to in plan.EXPECTED.items() if to.values is not None}
    return Story(
        ids,
        before=dict.fromkeys(plan.PEOPLE, start),
        offline={person: _edited(start, plan.OFFLINE[person]) for person in plan.PEOPLE},
        unsent=dict.fromkeys(plan.PEOPLE, 5),
        after={person: {task: dict(end[task]) for task in end} for person in plan.PEOPLE},
        kept=dict(plan.KEPT_ASIDE),
    )


def good_stored(story: Story) -> dict[str, Stored]:
    """What the database then holds."""
    stored = {}
    for task, expected in plan.EXPECTED.items():
        row = None
        if expected.values is not None:
            row = Task(sync_id=story.ids[task], version=expected.version, **expected.values)
        stored[task] = Stored(
            row=row,
            version=expected.version,
            deleted=expected.values is None,
            vector=VectorClock(),
            writers=dict.fromkeys(expected.writers, 1),
            values=expected.values or plan.START[task],
        )
    return stored


def _edited(
    start: dict[str, dict[str, Any]], edits: tuple[plan.Edit, ...]
) -> dict[str, dict[str, Any]]:
    copy = {task: dict(values) for task, values in start.items()}
    for edit in edits:
        match edit:
            case plan.Set(task, name, value):
                copy[task][name] = value
            case plan.Add(task, name, amount):
                copy[task][name] += amount
            case plan.Insert(task, name, behind, text):
                copy[task][name] = copy[task][name].replace(behind, behind + text)
            case plan.Delete(task):
                del copy[task]
            case plan.Create(task, values):
                copy[task] = {**plan.DEFAULTS, **values}
    return copy
