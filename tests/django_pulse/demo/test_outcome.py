"""The demo's own check finds whatever is off, and says what."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from django_pulse.demo import plan
from django_pulse.demo.devices import Story
from django_pulse.demo.outcome import Stored, faults

from .stories import good_stored, good_story

Spoil = Callable[[Story, dict[str, Stored]], object]


def test_nothing_is_found_where_everything_is_as_planned() -> None:
    story = good_story()
    assert faults(story, good_stored(story)) == []


def _row_field(story: Story, stored: dict[str, Stored]) -> None:
    row = stored["train"].row
    assert row is not None
    row.assignee = "Ana"


def _row_version(story: Story, stored: dict[str, Stored]) -> None:
    row = stored["train"].row
    assert row is not None
    row.version = 2


def _row_error(story: Story, stored: dict[str, Stored]) -> None:
    row = stored["train"].row
    assert row is not None
    row.sync_error = "no"


def _put(task: str, **changes: object) -> Spoil:
    def spoil(story: Story, stored: dict[str, Stored]) -> None:
        stored[task] = replace(stored[task], **changes)  # type: ignore[arg-type]

    return spoil


def _on_device(person: str, task: str, **values: object) -> Spoil:
    return lambda story, stored: story.after[person].__getitem__(task).update(values)  # type: ignore[attr-defined]


SPOILT: dict[str, Spoil] = {
    "train: assignee is 'Ana' in its row, not 'Ben'": _row_field,
    "train: its row has version 2, its document 3": _row_version,
    "train: its row is marked as not synced: 'no'": _row_error,
    "train: its row is missing": _put("train", row=None),
    "train: its version is 4, not 3": _put("train", version=4),
    "train: its vector clock names Ana, not Ana, Ben, server": _put("train", writers={"Ana": 1}),
    "train: its document says that it was deleted": _put("train", deleted=True),
    "train: done is 1 in its document, not True": _put(
        "train", values={**plan.DEFAULTS, "title": "Book the train", "assignee": "Ben", "done": 1}
    ),
    "ferry: its document does not say that it was deleted": _put("ferry", deleted=False),
    "train: the server knows no such task": lambda story, stored: stored.pop("train"),
    "other: nobody planned this task": lambda story, stored: stored.update(other=stored["ferry"]),
    "hotel: on Ben's device, it is missing": lambda story, stored: story.after["Ben"].pop("hotel"),  # type: ignore[attr-defined]
    "ferry: on Ana's device, it is still there": lambda story, stored: story.after["Ana"].update(  # type: ignore[attr-defined]
        ferry={}
    ),
    "other: only Ana's device has this task": lambda story, stored: story.after["Ana"].update(  # type: ignore[attr-defined]
        other={}
    ),
    "tent: on Ana's device, votes is 4, and 6 on the server": _on_device("Ana", "tent", votes=4),
    "tent: on Ben's device, extra is 1, and None on the server": _on_device("Ben", "tent", extra=1),
    "ferry: Ben's device is not told that its done is deleted": lambda story, stored: (
        story.kept.update(Ben=frozenset())
    ),
    "train: Ana's device is told that its done is reverted": lambda story, stored: (
        story.kept.update(Ana=frozenset({("train", "done", "reverted")}))
    ),
    "Ben's device is not connected: None": lambda story, stored: story.complaints.append(
        "Ben's device is not connected: None"
    ),
}


@pytest.mark.parametrize("fault", SPOILT)
def test_what_is_off_is_named(fault: str) -> None:
    story = good_story()
    stored = good_stored(story)
    SPOILT[fault](story, stored)
    assert fault in faults(story, stored)


def test_the_row_of_a_deleted_task_must_be_gone() -> None:
    story = good_story()
    stored = good_stored(story)
    stored["ferry"] = replace(stored["ferry"], row=stored["train"].row)
    assert faults(story, stored) == ["ferry: its row is still there"]
