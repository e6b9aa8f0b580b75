"""What a history is: a few rows, a few devices, and what happens to them, step by step.

A step names devices, rows, fields and values by their place, so that one that was taken out of a
history leaves the others what they were.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, NamedTuple

from hypothesis import strategies as st

__all__ = ["History", "Step", "histories"]

MOST_STEPS: Final = 20
"""Steps of the longest history: three devices meet in every way that matters in fewer."""

MOST_ROWS: Final = 2
"""Rows that are there when a history begins."""

_KINDS: Final = (
    *("edit",) * 8,
    *("sync",) * 5,
    *("save",) * 3,
    "edit two",
    "edit two",
    "create",
    "delete",
    "write what may not stand",
    "go offline",
    "restart",
    "break off",
    "send twice",
    "set the clock",
    "update",
    "link",
    "save what is stale",
    "make",
    "remove",
    "lose access",
    "gain access",
)
"""What may happen, the likely ones several times. The first is what a history shrinks to."""


class Step(NamedTuple):
    """One thing that happens. Places count round: there is always somebody, and something."""

    kind: str
    who: int
    row: int
    field: int
    value: int


@dataclass(frozen=True, slots=True)
class History:
    """How many rows there are when it begins, and what happens then."""

    rows: int
    steps: tuple[Step, ...]


def histories(devices: int) -> st.SearchStrategy[History]:
    """Every history of so many devices."""
    place = st.integers(0, 11)
    steps = st.builds(Step, st.sampled_from(_KINDS), st.integers(0, devices - 1), *[place] * 3)
    return st.builds(
        History,
        st.integers(1, MOST_ROWS),
        st.lists(steps, max_size=MOST_STEPS).map(tuple),
    )
