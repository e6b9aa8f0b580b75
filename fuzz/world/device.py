"""A device: the real replica on a store in memory, and its end of a connection."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final
from uuid import UUID

from crdt import Document, Event, MemoryStore, MergeRule, Replica, RowView
from crdt.messages import Key
from django_pulse.mapping.schema import sync_models

from .clock import Clock
from .comparing import Told, told
from .server import Line, Server

__all__ = ["Device"]

MOST_FRAMES: Final = 10_000
"""Frames of one exchange; two sides that have not finished by then never will."""


class Device:
    """One device of `user`. Nothing travels unless it is told to."""

    def __init__(
        self,
        name: str,
        user: Any,
        number: int,
        clock: Clock,
        new_id: Callable[[], UUID],
        store: MemoryStore | None = None,
    ) -> None:
        self.name = name
        self.user = user
        self.number = number
        self.store = MemoryStore() if store is None else store
        self.line: Line | None = None
        self.events: list[Event] = []
        self.skew_ms = 0
        self._clock = clock
        self._new_id = new_id
        self.replica = self._start()

    def _start(self) -> Replica:
        return Replica(self.store, self._now, self._new_id, lambda: self.number, _rules())

    def _now(self) -> int:
        return self._clock.now_ms + self.skew_ms

    def restart(self) -> None:
        """The process is killed, and starts again from what the store holds."""
        self.cut()
        self.store = self.store.copy()
        self.replica = self._start()

    # The connection

    def connect(self, server: Server) -> None:
        """Open a connection; the hello is on its way."""
        self.cut()
        self.line = server.connect(self.user)
        self.line.up.append(self.replica.connected())

    def cut(self) -> Line | None:
        """The connection is gone as far as the device knows; gives what is left of it."""
        line, self.line = self.line, None
        self.replica.disconnected()
        return line

    def say(self) -> None:
        """Put on the line what the replica has to send."""
        if self.line is not None:
            self.line.up.extend(self.replica.outgoing())

    def hear(self, frame: bytes) -> None:
        """Take a frame."""
        self.events += self.replica.receive(frame)

    def exchange(self) -> None:
        """Send and receive until both sides have nothing more to say."""
        line = self.line
        assert line is not None, "only a device that is connected exchanges anything"
        for _ in range(MOST_FRAMES):
            self.say()
            if line.up:
                line.take(line.up.popleft())
            elif line.down:
                self.hear(line.down.popleft())
            else:
                return
        raise AssertionError(f"{self.name} and the server never stop talking.")

    def catch_up(self, server: Server) -> None:
        """Connect, if need be, exchange everything, and ask whether there is more."""
        if self.line is None or self.line.is_closed:
            self.connect(server)
        self.exchange()
        self.replica.retry()
        assert self.line is not None, "it was connected just now"
        self.line.up.append(self.replica.ping())
        self.exchange()

    # What it sees

    def told(self, model: str, id: UUID) -> Told:
        """What the device's document of a row says, but for own clocks of what was withdrawn: they
        say nothing, and the server need not know of them.
        """
        held = self.replica._shelf.held(Key(model, id))
        vector, *rest = told(Document(held.view.encode()))
        own, void = vector.get(self.number, 0), held.record.void
        known = {**vector, self.number: held.record.acked} if own and own <= void else vector
        return ({replica: clock for replica, clock in known.items() if clock}, *rest)

    def rows(self, model: str) -> dict[UUID, RowView]:
        """Every row of a model that is here."""
        return {row.id: row for row in self.replica.all(model)}


def _rules() -> Iterable[MergeRule]:
    """Every rule that a model here merges by: those of users have to be passed to replicas."""
    return {rule: None for model in sync_models() for rule in model._sync.merge.values()}
