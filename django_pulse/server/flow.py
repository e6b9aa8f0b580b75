"""How much is on its way to a client that has not shown that it read it.

Some ASGI servers (daphne) take whatever they are given, and keep in memory what a client does not
read: waiting for them bounds nothing. So the client is asked for a sign that nobody can give who
has not read what came before: a ping with a number that cannot be guessed; a pong brings it back.

Laws:

1. Beyond the window, nothing is answered before such a sign came.
2. A sign counts for what was sent before the ping it answers, and once.
3. Whoever reads at all is asked often enough to go on without a pause.
"""

from __future__ import annotations

import secrets
from collections import deque
from typing import Final

from crdt.errors import RemoteFault
from crdt.frames import decode, encode
from crdt.messages import Ping, Pong

from .inbox import Received

__all__ = ["Early", "Flow"]

ASK_BYTES: Final = 256 << 10
"""Bytes after which the client is asked: what a slow line carries within a send's timeout."""

MAX_EARLY: Final = 64
"""Frames that are taken in, and kept, while the sign is waited for: a client has a few pushes and
pulls under way."""

MAX_EARLY_BYTES: Final = 8 << 20
"""Bytes of these: twice the pushes that a client has under way, at their largest."""

_PONG_BYTES: Final = 200


class Early:
    """Messages that came while a sign was waited for, in their order."""

    __slots__ = ("_bytes", "_messages")

    def __init__(self) -> None:
        self._messages: deque[Received] = deque()
        self._bytes = 0

    @property
    def is_full(self) -> bool:
        """Is there more than a client has under way?"""
        return len(self._messages) > MAX_EARLY or self._bytes > MAX_EARLY_BYTES

    def add(self, message: Received) -> None:
        """Keep one more."""
        self._messages.append(message)
        self._bytes += _size(message)

    def take(self) -> Received | None:
        """The first one, which is kept no longer; None if there is none."""
        if not self._messages:
            return None
        message = self._messages.popleft()
        self._bytes -= _size(message)
        return message


class Flow:
    """The bytes sent on one socket, and how many of them were read for sure."""

    __slots__ = ("_asked", "_read", "_sent", "_step", "_window")

    def __init__(self, window: int) -> None:
        self._window = window
        self._step = min(ASK_BYTES, window)
        self._sent = self._read = 0
        self._asked: deque[tuple[int, int]] = deque()

    @property
    def is_full(self) -> bool:
        """Is as much unread as may be?"""
        return self._sent - self._read >= self._window

    def sent(self, size: int) -> bytes | None:
        """So many bytes were sent; the frame to send now, if it is time to ask."""
        self._sent += size
        last = self._asked[-1][1] if self._asked else self._read
        if self._sent - last < self._step:
            return None
        token = secrets.randbits(52) + 1
        self._asked.append((token, self._sent))
        return encode(Ping(token))

    def takes(self, frame: bytes | None) -> bool:
        """Is this the answer to a ping? Then it counts."""
        if frame is None or len(frame) > _PONG_BYTES or b'"pong"' not in frame:
            return False
        try:
            pong = decode(frame)
        except RemoteFault:
            return False
        if not isinstance(pong, Pong) or all(token != pong.time for token, _ in self._asked):
            return False
        token = None
        while token != pong.time:
            token, self._read = self._asked.popleft()
        return True


def _size(message: Received) -> int:
    return len(message.get("bytes") or message.get("text") or b"")
