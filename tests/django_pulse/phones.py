"""Devices in the same process as the real server: real replicas, sessions, write path and feed.

Only the network is missing: frames wait in lists until a test delivers, repeats or drops them.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from unittest import mock

from crdt import frames
from crdt.document import Document
from crdt.entry import Entry
from crdt.events import Event
from crdt.messages import Changes
from crdt.replica import Replica
from crdt.rules import MergeRule
from crdt.store import MemoryStore
from django_pulse.changefeed import hints
from django_pulse.changefeed.pages import Page
from django_pulse.consumers import bounds
from django_pulse.server.backend import Backend
from django_pulse.server.session import Session
from django_pulse.server.steps import Send
from django_pulse.sign_in.auth import Handshake, SignIn
from django_pulse.visibility.scopes import channel_of
from tests.django_pulse.stand_ins import drive

__all__ = ["Phone", "Switchboard", "switchboard"]


class Switchboard:
    """Where live frames go: to every phone that is connected and reads the scope."""

    def __init__(self) -> None:
        self.phones: list[Phone] = []
        self.loses_calls = False

    def broadcast(self, page: Page) -> None:
        frame = hints.encoded(page)
        for phone in self.phones:
            if phone.session is not None:
                phone.deliver(phone.session.relay(page.scope, frame, page.access))

    def call(self, channels: Iterable[str], ended: str = "") -> None:
        """Have these users' sessions ask again what they read."""
        called = set(channels)
        for phone in self.phones:
            wanted = channel_of(phone.user.pk) in called and not self.loses_calls
            if phone.session is not None and wanted:
                phone.deliver(phone.session.check(ended))


@contextmanager
def switchboard() -> Iterator[Switchboard]:
    """Take the place of the channel layer."""
    board = Switchboard()
    with mock.patch.multiple(hints, broadcast=board.broadcast, call=board.call):
        yield board


class _SignedIn(Backend):
    """The real services, for somebody who is signed in."""

    def __init__(self, user: Any) -> None:
        self.user = user

    def sign_in(self, handshake: Handshake, token: str | None) -> SignIn:
        return SignIn(self.user)


class Phone:
    """One device of `user`. Nothing travels before `send` or `receive` is called."""

    def __init__(
        self, board: Switchboard, user: Any, number: int, rules: Sequence[MergeRule] = ()
    ) -> None:
        self.user = user
        self.number = number
        self.rules = rules
        self.store = MemoryStore()
        self.session: Session | None = None
        self.inbox: list[bytes] = []
        self.events: list[Event] = []
        self.skew = 0
        self.replica = self._build()
        board.phones.append(self)

    def _build(self) -> Replica:
        return Replica(self.store, self._now, uuid.uuid4, lambda: self.number, self.rules)

    def _now(self) -> int:
        return time.time_ns() // 1_000_000 + self.skew

    def restart(self) -> None:
        """The process is killed, and starts again from what the store holds."""
        self.cut()
        self.store = self.store.copy()
        self.replica = self._build()

    def connect(self) -> None:
        self.cut()
        scope = {"type": "websocket", "headers": [], "path": "/ws/pulse/sync/"}
        self.session = Session(_SignedIn(self.user), Handshake.of(scope), bounds())
        self._take(self.replica.connected())

    def cut(self) -> None:
        """The connection is gone, with everything on its way to the device."""
        self.session = None
        self.inbox.clear()
        self.replica.disconnected()

    def deliver(self, steps: Any) -> None:
        """Perform what a session does; what it sends waits in the inbox."""
        self.inbox += [s.frame for s in drive(steps) if isinstance(s, Send)]  # type: ignore[misc]

    def send(self) -> bool:
        """Send what there is; says whether there was anything."""
        outgoing = self.replica.outgoing() if self.session is not None else []
        for frame in outgoing:
            self._take(frame)
        return bool(outgoing)

    def receive(self) -> bool:
        """Take one frame that waits; says whether there was any."""
        if not self.inbox:
            return False
        self.events += self.replica.receive(self.inbox.pop(0))
        return True

    def ping(self) -> None:
        self._take(self.replica.ping())

    def exchange(self) -> None:
        for _ in range(10_000):
            if not (self.send() | self.receive()):
                return
        raise AssertionError("the two sides never stop talking")

    def sync(self) -> None:
        """Connect, if need be, and exchange everything there is on either side."""
        if self.session is None:
            self.connect()
        self.exchange()
        self.ping()
        self.exchange()

    def live(self) -> list[int]:
        """The places in the inbox of live changes."""
        return [
            place
            for place, frame in enumerate(self.inbox)
            if isinstance(message := frames.decode(frame), Changes) and message.live
        ]

    def row(self, model: str, row: uuid.UUID) -> dict[str, Any]:
        """The values of a row that is here."""
        found = self.replica.get(model, row)
        assert found is not None
        return dict(found.values)

    def documents(self, model: str) -> dict[uuid.UUID, tuple[dict[int, int], dict[str, Any]]]:
        """Every document's vector clock and live entries."""
        return {row: told(state) for row, state in dict(self.replica.states(model)).items()}

    def _take(self, frame: bytes) -> None:
        assert self.session is not None
        self.deliver(self.session.receive(frame))


def told(state: bytes) -> tuple[dict[int, int], dict[str, tuple[Entry, ...]]]:
    """What a document's bytes say: its vector clock and its live entries."""
    document = Document(state)
    return dict(document.vector), {name: document.live(name) for name in document.fields()}
