"""Marks: how a copy of a store finds out which of its unsent edits are not its own.

Laws:

1. Every edit is made under a mark, a random number that is drawn anew when a store is opened, when
   a connection is welcomed, and after a minute. So two stores of which one is a copy of the other
   edit under different marks, except within the minute in which the copy was made; and there the
   number of edits tells that.
2. The server hears of a mark before it hears of an edit under it.
3. A mark is kept as long as anything waits here.
"""

from collections.abc import Callable, Iterable
from typing import Final

import orjson

from . import records
from .messages import Mark

__all__ = ["MARK_MILLISECONDS", "Marks"]

MARK_MILLISECONDS: Final = 60_000
"""How long edits are made under one mark, and so are folded into each other: a day of editing
offline takes some hundred marks, and a counter that is tapped all day as many entries.
"""

MAX_MARKS: Final = 1_000
"""Marks kept, the newest: as many as a server keeps."""


class Marks:
    """The marks of one store."""

    def __init__(
        self,
        stored: Iterable[tuple[str, bytes]],
        put: Callable[[str, bytes | None], None],
        random: Callable[[], int],
    ) -> None:
        self._marks = {name: Mark(*orjson.loads(data)) for name, data in stored}
        self._put = put
        self._random = random
        self._name: str | None = None
        self._tag = 0
        self._began = 0
        self._is_first = False
        self._told: set[int] = set()

    def current(self, now: int, *, waiting: bool) -> int:
        """The number under which to edit now; `waiting`: are there edits that were not acked?"""
        if self._name is None or not 0 <= now - self._began < MARK_MILLISECONDS:
            self._is_first = not waiting
            last = max((int(name[len(records.MARK) :], 16) for name in self._marks), default=0)
            self._name = f"{records.MARK}{last + 1:08x}"
            self._tag = self._random()
            self._began = now
        return self._tag

    def edited(self) -> None:
        """Stage one more edit under the current mark."""
        assert self._name is not None, "an edit begins with `current`"
        if self._is_first:
            self._is_first = False
            for name in list(self._marks):
                self._remove(name)
        before = self._marks.get(self._name)
        self._set(self._name, Mark(self._tag, before.edits + 1 if before else 1))
        if len(self._marks) > MAX_MARKS:
            self._remove(min(self._marks))

    def close(self) -> None:
        """What is edited from now on is edited under another mark."""
        self._name = None

    def forget(self) -> None:
        """Stage that nothing waits any more."""
        self.close()
        for name in list(self._marks):
            self._remove(name)

    def tell(self) -> tuple[Mark, ...]:
        """All of them, for a hello."""
        marks = tuple(self._marks.values())
        self._told = {mark.tag for mark in marks}
        return marks

    def news(self) -> tuple[Mark, ...]:
        """Those that were not told since the hello."""
        marks = tuple(mark for mark in self._marks.values() if mark.tag not in self._told)
        self._told.update(mark.tag for mark in marks)
        return marks

    def _set(self, name: str, mark: Mark) -> None:
        self._marks[name] = mark
        self._put(name, orjson.dumps(list(mark)))

    def _remove(self, name: str) -> None:
        del self._marks[name]
        self._put(name, None)
