"""What sync that compares whole rows would have made of the same edits.

There, a device sends its copy of a row, and the copy that was edited last replaces the server's;
a copy that arrives after a deletion makes the row again. Ben edits after Ana, so his copies stay.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from . import plan
from .devices import Story

__all__ = ["GONE", "Loss", "losses"]

GONE = "deleted"
"""Stands for the value of a field, or of a whole task, that is not there."""


@dataclass(frozen=True, slots=True)
class Loss:
    """A field that whole rows would have left as `whole_rows`, without what `lost` says."""

    task: str
    field: str
    whole_rows: Any
    merged: Any
    lost: str


def losses(story: Story) -> Iterator[Loss]:
    """Everything that is there after the merge and would not be there after whole rows."""
    first, last = (story.offline[person] for person in plan.PEOPLE)
    start, merged = story.before[plan.ANA], story.after[plan.ANA]
    for task, before in start.items():
        title = str(before["title"])
        if task not in first and task in last and last[task] != before:
            if task not in merged:
                yield Loss(title, "the task", "back again", GONE, f"{plan.ANA}'s deletion")
            continue
        if task not in merged or last[task] == before:
            continue
        for field, value in merged[task].items():
            edited = first[task][field] != before[field]
            if edited and last[task][field] != value:
                yield Loss(title, field, last[task][field], value, f"{plan.ANA}'s {field}")
