"""Raw devices of the real server: one frame at a time, and every byte that came back."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

from django.contrib.auth import get_user_model

from crdt.document import Document
from crdt.entry import ROW_FIELD
from crdt.messages import Ack, Fault, Hello, Item, Key, Push
from tests.django_pulse.sockets import Socket, welcomed

__all__ = ["Caller", "by_username", "called"]


def by_username(token: str) -> Any:
    """An AUTHENTICATE function: the token is the name."""
    return get_user_model().objects.filter(username=token).first()


class _Recorded:
    """A connection that remembers what it received."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self.frames: list[bytes] = []

    def recv(self, **options: Any) -> Any:
        frame = self._connection.recv(**options)
        self.frames.append(frame if isinstance(frame, bytes) else frame.encode())
        return frame

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)


class Caller:
    """Somebody who says what he likes, in well-formed frames."""

    def __init__(self, socket: Socket, replica: int, epoch: str) -> None:
        self.socket = socket
        self.replica = replica
        self._epoch = epoch
        self._pushes = 0
        self._documents: dict[UUID, Document] = {}
        self._sent: dict[UUID, int] = {}

    @property
    def frames(self) -> list[bytes]:
        """What came since the welcome."""
        return list(self.socket.connection.frames)  # type: ignore[attr-defined]

    def write(self, model: str, row: UUID, **fields: Any) -> Item:
        """An update that writes these fields, behind what was written to the row before."""
        document = self._documents.setdefault(row, Document(replica=self.replica))
        now = time.time_ns() // 1_000_000
        for name, value in fields.items():
            called = ROW_FIELD if name == "deleted" else name
            document.append(called, document.next_stamp(now), value)
        document.encode()
        first = self._sent.get(row, 0)
        self._sent[row] = document.clock(self.replica)
        return Item(model, row, document.own_diff(first))

    def forget(self, row: UUID) -> None:
        """Begin anew with a row, as after a refusal."""
        del self._documents[row], self._sent[row]

    def push(self, *items: Item) -> Ack:
        """Push in one frame; the ack, whatever live news come before it."""
        self._pushes += 1
        answer = self.ask(Push(self._pushes, self._epoch, items), Ack | Fault)
        assert isinstance(answer, Ack), answer
        return answer

    def ask(self, message: Any, kind: Any) -> Any:
        """Send a message; the first answer of this kind."""
        self.socket.send(message)
        while not isinstance(answer := self.socket.receive(), kind):
            pass
        return answer

    @staticmethod
    def keys(model: str, *rows: UUID) -> tuple[Key, ...]:
        """How a pull names rows."""
        return tuple(Key(model, row) for row in rows)


@contextmanager
def called(url: str, name: str) -> Iterator[Caller]:
    """A connection on which this user is signed in."""
    hello = Hello(secrets.randbits(52) + 1, "phone", name)
    with welcomed(url, hello) as (socket, welcome):
        socket.connection = _Recorded(socket.connection)  # type: ignore[assignment]
        yield Caller(socket, hello.replica, welcome.epoch)
