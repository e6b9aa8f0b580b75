"""From a history that shows something wrong to the shortest that still does.

Hypothesis shrinks what it drew, number by number. Here a step either happens or does not, so whole
steps are taken out first (Zeller's delta debugging), and then the numbers of those that are left.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from .history import History, Step
from .kit import Kit
from .playing import Failure, play

__all__ = ["shortest"]

MOST_PLAYS: Final = 200
"""Histories played to shorten one: half a minute, for what people have to read."""


def shortest(kit: Kit, failure: Failure) -> Failure:
    """The shortest failure that is found from this one on."""
    best = failure
    left = MOST_PLAYS
    changed = True
    while changed:
        changed = False
        for candidate in _shorter(best.history):
            left -= 1
            found = _failing(kit, candidate)
            if found is not None:
                best, changed = found, True
            if not left:
                return best
            if changed:
                break
    return best


def _failing(kit: Kit, history: History) -> Failure | None:
    try:
        play(kit, history)
    except Failure as failure:
        return failure
    return None


def _shorter(history: History) -> Iterator[History]:
    """Histories that are a little simpler, the greatest savings first."""
    steps = history.steps
    size = len(steps)
    while size:
        for end in range(len(steps), 0, -size):
            yield replace(history, steps=steps[: max(end - size, 0)] + steps[end:])
        size //= 2
    if history.rows > 1:
        yield replace(history, rows=1)
    for place, step in enumerate(steps):
        for simpler in _simpler(step):
            yield replace(history, steps=(*steps[:place], simpler, *steps[place + 1 :]))


def _simpler(step: Step) -> Iterator[Step]:
    if step.row:
        yield step._replace(row=0)
    if step.field:
        yield step._replace(field=0)
    if step.value:
        yield step._replace(value=0)
