"""The real server without its sockets: sessions, write path, feed; hints go where they are put."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, Final
from unittest import mock

from crdt.update import DEFAULT_LIMITS
from django_pulse.changefeed import hints
from django_pulse.changefeed.pages import Page
from django_pulse.conf import conf
from django_pulse.server.backend import Backend
from django_pulse.server.bounds import Bounds
from django_pulse.server.session import Session, State
from django_pulse.server.steps import Close, Send, Steps, Work
from django_pulse.sign_in.auth import Handshake, SignIn
from django_pulse.visibility.scopes import channel_of

__all__ = ["Hint", "Line", "Server"]

_HANDSHAKE: Final = {"type": "websocket", "headers": [], "path": "/ws/pulse/sync/"}

Hint = tuple[str, bytes, int]
"""A live frame on its way to a session: the scope, the frame, the scope's count of accesses."""


class SignedIn(Backend):
    """The real services, for somebody who is signed in."""

    def __init__(self, user: Any) -> None:
        self.user = user

    def sign_in(self, handshake: Handshake, token: str | None) -> SignIn:
        return SignIn(self.user)


class Line:
    """One connection, with what is on its way: `up` to the server, `down` to the device, and the
    `hints` that the channel layer holds for it.
    """

    def __init__(self, server: Server, user: Any, services: Backend) -> None:
        self._server = server
        self.user = user
        self.session = Session(services, Handshake.of(_HANDSHAKE), server.bounds)
        self.up: deque[bytes] = deque()
        self.down: deque[bytes] = deque()
        self.hints: deque[Hint] = deque()

    @property
    def is_closed(self) -> bool:
        """Has the server ended the connection?"""
        return self.session.state is State.CLOSED

    def take(self, frame: bytes) -> None:
        """The server takes a frame from the device."""
        self.perform(self.session.receive(frame))

    def relay(self, hint: Hint) -> None:
        """A live frame reaches the session."""
        self.perform(self.session.relay(*hint))

    def perform(self, steps: Steps) -> None:
        """Do what a session asks, at once; what it sends is on its way then."""
        answer: Any = None
        failure: Exception | None = None
        while True:
            try:
                step = steps.send(answer) if failure is None else steps.throw(failure)
            except StopIteration:
                return
            answer = failure = None
            if isinstance(step, Work):
                try:
                    answer = step.function()
                except Exception as error:  # noqa: BLE001 - as whoever drives a session does
                    failure = error
            elif isinstance(step, Send):
                assert isinstance(step.frame, bytes), "nobody here speaks the text protocol"
                self._server.sending(self, step.frame)
            elif isinstance(step, Close):
                self._server.lines.discard(self)


class Server:
    """All connections of one server. A user's own subclass decides what becomes of hints."""

    def __init__(self, **bounds: int) -> None:
        self.lines: _Lines = _Lines()
        self.bounds = Bounds(
            frame_bytes=conf.MAX_FRAME_BYTES,
            push_rows=conf.MAX_ROWS_PER_PUSH,
            page_rows=bounds.get("page_rows", conf.PAGE_ROWS),
            page_bytes=conf.PAGE_BYTES,
            poll_seconds=conf.POLL_SECONDS,
            update_structs=DEFAULT_LIMITS.structs,
            update_bytes=conf.MAX_UPDATE_BYTES,
        )

    def connect(self, user: Any, services: Backend | None = None) -> Line:
        """Open a connection for a user who is signed in."""
        line = Line(self, user, services or SignedIn(user))
        self.lines.add(line)
        return line

    def sending(self, line: Line, frame: bytes) -> None:
        """A session sends a frame."""
        line.down.append(frame)

    def broadcast(self, page: Page) -> None:
        """A live change is told to every connection that reads the scope: at once."""
        hint = page.scope, hints.encoded(page), page.access
        for line in tuple(self.lines):
            line.relay(hint)

    def call(self, channels: Iterable[str], ended: str = "") -> None:
        """Have the sessions of these users ask again what they read."""
        called = set(channels)
        for line in tuple(self.lines):
            if channel_of(line.user.pk) in called:
                line.perform(line.session.check(ended))

    @contextmanager
    def serving(self) -> Iterator[None]:
        """Take the place of the channel layer."""
        with mock.patch.multiple(hints, broadcast=self.broadcast, call=self.call):
            yield


class _Lines:
    """Connections in the order in which they were opened."""

    def __init__(self) -> None:
        self._found: dict[Line, None] = {}

    def add(self, line: Line) -> None:
        self._found[line] = None

    def discard(self, line: Line) -> None:
        self._found.pop(line, None)

    def __iter__(self) -> Iterator[Line]:
        return iter(self._found)
