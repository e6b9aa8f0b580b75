"""Fault points: places at which a process may be killed, by name.

A point is armed; whoever reaches it next dies there. What had been committed, or was in the
device's store, is all that is left.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest import mock

from django.db import connection

from crdt import MemoryStore
from django_pulse.changefeed import feed
from django_pulse.writes.pushes import batches, pushing

__all__ = ["Crash", "Faults", "FaultyStore", "server_is_up"]


class Crash(BaseException):
    """A process was killed: nothing may catch this but whoever starts it again."""


class Faults:
    """Which point is armed, and how often each was reached and killed somebody."""

    def __init__(self) -> None:
        self.armed: dict[str, int] = {}
        self.reached: Counter[str] = Counter()
        self.struck: Counter[str] = Counter()
        self.commits = 0

    def arm(self, point: str, passes: int) -> None:
        """Kill whoever reaches the point, after so many others have passed it."""
        self.armed[point] = passes

    def reach(self, point: str) -> None:
        """Here is a point; raises `Crash` if this is the end."""
        self.reached[point] += 1
        left = self.armed.get(point)
        if left is None:
            return
        if left:
            self.armed[point] = left - 1
            return
        del self.armed[point]
        self.struck[point] += 1
        if point == "before commit":  # Django would commit on its way out
            connection.connection.rollback()
        raise Crash(point)

    @contextmanager
    def resting(self) -> Iterator[None]:
        """Nobody dies for a while."""
        armed, self.armed = self.armed, {}
        yield
        self.armed = armed

    @contextmanager
    def on_the_server(self) -> Iterator[None]:
        """Put the server's points in their places."""
        commit = connection._commit  # type: ignore[attr-defined]

        def committing() -> None:
            self.reach("before commit")
            commit()
            self.commits += 1
            self.reach("after commit")

        with ExitStack() as stack:
            places: tuple[tuple[Any, str, str, str], ...] = (
                (batches, "store_rows", "before store", ""),
                (pushing, "merge", "", "after store"),
                (feed, "stamp", "before stamp", "after stamp"),
            )
            for module, name, before, after in places:
                wrapped = self._wrapped(getattr(module, name), before, after)
                stack.enter_context(mock.patch.object(module, name, wrapped))
            stack.enter_context(mock.patch.object(connection, "_commit", committing))
            yield

    def _wrapped(self, function: Callable[..., Any], before: str, after: str) -> Any:
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            if before:
                self.reach(before)
            result = function(*args, **kwargs)
            if after:
                self.reach(after)
            return result

        return wrapped


class FaultyStore(MemoryStore):
    """A device's store, between whose writes the device may die."""

    def __init__(self, faults: Faults, content: Mapping[str, bytes] | None = None) -> None:
        super().__init__(content)
        self._faults = faults
        self.writes = 0

    def write(self, changes: Mapping[str, bytes | None]) -> None:
        self._faults.reach("before write")
        super().write(changes)
        self.writes += 1
        self._faults.reach("after write")

    def copy(self) -> FaultyStore:
        return FaultyStore(self._faults, self._values)


def server_is_up() -> None:
    """A new server process, on what was committed: forget what Django kept of the old one's."""
    connection.connection.rollback()
    connection.run_on_commit = []
    connection.in_atomic_block = False
    connection.savepoint_ids = []
    connection.atomic_blocks = []
    connection.needs_rollback = False
    connection.commit_on_exit = True
    connection.closed_in_transaction = False
    connection.run_commit_hooks_on_set_autocommit_on = False
    connection.autocommit = True
