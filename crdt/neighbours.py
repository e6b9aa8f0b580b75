"""Neighbours: could somebody have seen these two characters side by side?

Who inserts between two characters names both. Integration trusts that; where it is a lie, devices
that integrate in another order end up with another text, and texts take minutes to load.

The order of a text is not told by its bytes. But every character names the one it was typed
behind, its origin, and a text reads like the tree of these: first a character, then everything
behind it. So what stands right behind a character was typed behind it, or behind one of its
ancestors; and never does an ancestor stand behind it.

After Nicolaescu, Jahns, Derntl, Klamma: *Near Real-Time Peer-to-Peer Shared Editing on Extensible
Data Types* (2016), which gives the order of insertions at one place.
"""

from typing import Final

from .errors import Dangling, Malformed, TooLarge
from .runs import Run, TextRuns
from .structs import Id, Place

__all__ = ["MAX_STEPS", "Neighbours"]

MAX_STEPS: Final = 500_000
"""Steps from character to character in one push, all insertions together: half a second. Typing
takes one or two for each; more than a few thousand only where texts are tangled on purpose."""


class Neighbours:
    """Checks the insertions of one push."""

    __slots__ = ("_left", "_places", "_runs")

    def __init__(self, runs: TextRuns) -> None:
        self._runs = runs
        self._places: set[Place] = set()
        self._left = MAX_STEPS

    def check(self, place: Place) -> None:
        """Raises `Malformed` if nobody can have inserted there, for the second time or at all."""
        if place.origin is None and place.right is None:
            return
        if place in self._places:
            raise Malformed("Characters cannot be placed where their writer put some before.")
        self._places.add(place)
        if place.right is None:
            return
        behind = self._typed_behind(place.right)
        if place.origin is None:
            if behind is not None:
                raise _not_adjacent()
        else:
            self._climb(place.origin, place.right, behind)

    def _climb(self, at: Id, right: Id, target: Id | None) -> None:
        """From a character to what it was typed behind, and so on, up to `target`."""
        while True:
            run = self._run(at)
            if _lies_on(run, at, right):
                raise _not_adjacent()
            if _lies_on(run, at, target):
                return
            if run.place.right == right:
                return  # checked when that was inserted: it stands between the two
            if run.place.origin is None:
                break
            at = run.place.origin
        if target is not None:
            raise _not_adjacent()

    def _typed_behind(self, at: Id) -> Id | None:
        run = self._run(at)
        return (run.replica, at[1] - 1) if at[1] > run.clock else run.place.origin

    def _run(self, at: Id) -> Run:
        self._left -= 1
        if not self._left:
            raise TooLarge("An update inserts into a text that is too tangled: send less at once.")
        run = self._runs.find(*at)
        if run is None:
            raise Dangling(f"Clock {at[1]} of replica {at[0]} is not in a text known here.")
        return run


def _lies_on(run: Run, at: Id, other: Id | None) -> bool:
    """Is `other` in the run, at or before `at`?"""
    return other is not None and other[0] == run.replica and run.clock <= other[1] <= at[1]


def _not_adjacent() -> Malformed:
    return Malformed("Characters cannot be placed between two that never stood side by side.")
