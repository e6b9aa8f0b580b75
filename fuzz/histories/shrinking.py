"""From a history that shows something wrong to the shortest that still does.

Hypothesis shrinks what it drew, number by number. Here a step either happens or does not, so whole
steps are taken out first (Zeller's delta debugging), and then the numbers of those that are left.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Final

from .history import History, Step
from .kit import Kit
from .playing import Failure, play

__all__ = ["shortest"]

MOST_PLAYS: Final = 200
"""Histories played to shorten one: half a minute, for what people have to read."""

_SIMPLER: Final[tuple[Callable[[Step], Step], ...]] = (
    lambda step: step._replace(row=0),
    lambda step: step._replace(field=0),
    lambda step: step._replace(value=0),
)


def shortest(kit: Kit, failure: Failure) -> Failure:
    """The shortest failure that is found from this one on."""
    search = _Search(kit, failure)
    before = None
    while search.history != before:
        before = search.history
        search.without_steps()
        search.with_fewer_rows()
        search.with_simpler_steps()
    return search.best


class _Search:
    """The shortest failure so far; each pass goes on from what the last one left."""

    def __init__(self, kit: Kit, failure: Failure) -> None:
        self.best = failure
        self._kit = kit
        self._left = MOST_PLAYS

    @property
    def history(self) -> History:
        """That of the shortest failure so far."""
        return self.best.history

    def without_steps(self) -> None:
        """Take out steps from the end: all at once, in halves, ..., one by one."""
        size = len(self.history.steps)
        while size:
            end = len(self.history.steps)
            while end > 0:
                steps = self.history.steps
                self._try(replace(self.history, steps=steps[: max(end - size, 0)] + steps[end:]))
                end = min(end - size, len(self.history.steps))
            size //= 2

    def with_fewer_rows(self) -> None:
        """Begin with one row."""
        if self.history.rows > 1:
            self._try(replace(self.history, rows=1))

    def with_simpler_steps(self) -> None:
        """Let each step be about the first row, field and value."""
        for place in reversed(range(len(self.history.steps))):
            for simplify in _SIMPLER:
                steps = self.history.steps
                simpler = [simplify(step) for step in steps[place : place + 1]]
                if simpler != list(steps[place : place + 1]):
                    changed = (*steps[:place], *simpler, *steps[place + 1 :])
                    self._try(replace(self.history, steps=changed))

    def _try(self, history: History) -> None:
        """Go on from this history if it fails, too."""
        if self._left:
            self._left -= 1
            try:
                play(self._kit, history)
            except Failure as failure:
                self.best = failure
