"""What other devices and the server did, as a stream that an app can loop over.

Every stream has a buffer of its own, so a slow reader delays neither the client nor the other
streams. A reader that falls too far behind is told so with one `Missed`, after the events that
still fitted: it should read its rows again (`ModelHandle.all`), which are never behind.
"""

import asyncio
from collections import deque
from dataclasses import dataclass
from typing import Self
from weakref import WeakSet

from crdt.events import Changed, MergedInto, Parked, Refused, Removed, Resyncing, Reverted

__all__ = ["CHANGES", "Change", "ChangeStream", "Changes", "Missed"]

# Events one reader may be behind by: a first catch-up of 10,000 rows fits, and at some 200 bytes
# an event the buffer of a reader that never comes back stays at a few megabytes.
BUFFERED_EVENTS = 20_000


@dataclass(frozen=True, slots=True)
class Missed:
    """`count` events did not fit into this stream's buffer and were dropped from it."""

    count: int


CHANGES = (Changed, Removed, Reverted, Parked, MergedInto, Refused, Resyncing)
Change = Changed | Removed | Reverted | Parked | MergedInto | Refused | Resyncing | Missed
"""Everything that a stream gives."""


class ChangeStream:
    """One reader's events, in the order in which they happened here; use it in `async for`.

    It starts when it is made, not when it is first read, and ends when the client is closed or
    `close` is called.
    """

    def __init__(self, limit: int = BUFFERED_EVENTS) -> None:
        self._limit = limit
        self._events: deque[Change] = deque()
        self._missed = 0
        self._closed = False
        self._news = asyncio.Event()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Change:
        while True:
            if self._events:
                return self._events.popleft()
            if self._missed:
                missed, self._missed = Missed(self._missed), 0
                return missed
            if self._closed:
                raise StopAsyncIteration
            self._news.clear()
            await self._news.wait()

    def put(self, event: Change) -> None:
        """Buffer `event`; after a drop, everything is dropped until the reader has caught up."""
        if self._closed:
            return
        if self._missed or len(self._events) >= self._limit:
            self._missed += 1
        else:
            self._events.append(event)
        self._news.set()

    def close(self) -> None:
        """End the stream; what is buffered can still be read."""
        self._closed = True
        self._news.set()


class Changes:
    """The open streams of one client. A stream nobody holds any more goes away by itself."""

    def __init__(self) -> None:
        self._streams: WeakSet[ChangeStream] = WeakSet()
        self._closed = False

    def stream(self, limit: int = BUFFERED_EVENTS) -> ChangeStream:
        """A new stream of what happens from now on."""
        stream = ChangeStream(limit)
        if self._closed:
            stream.close()
        self._streams.add(stream)
        return stream

    def put(self, event: object) -> None:
        """Hand `event` to every stream, if it is one that readers of changes care for."""
        if isinstance(event, CHANGES):
            for stream in self._streams:
                stream.put(event)

    def close(self) -> None:
        """End every stream, and those still to be asked for."""
        self._closed = True
        for stream in self._streams:
            stream.close()
