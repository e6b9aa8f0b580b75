"""One WebSocket: what drives a session, on the event loop.

Two tasks share a connection. The reader takes messages in, one after another, and performs the
steps of their answers. The relay passes live frames on, also while a long pull is being
answered. Either of them may end the connection.

Laws:

1. Whatever may query the database runs in a thread.
2. Nothing is kept for a client that does not read: a frame that cannot be sent within
   `SEND_TIMEOUT_SECONDS` ends the connection, and nothing else is read or made meanwhile.
3. The same where the ASGI server keeps whatever it is given: a client of the binary protocol shows
   that it reads (`flow`), or gets no answers, and no live frames, beyond `MAX_UNREAD_BYTES`.
4. When either task ends, the other ends, and the connection leaves the channel layer.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final, Protocol

from .. import threads
from ..conf import conf
from .flow import Early, Flow
from .inbox import Inbox, Received
from .live import LiveChannel
from .pace import Pace
from .session import State
from .steps import Close, CloseCode, Join, Part, Send, Steps, Work

__all__ = ["Connection", "Speaking"]

logger = logging.getLogger(__name__)

# Seconds for the closing frame itself: behind a full buffer it will not leave anyway.
CLOSE_SECONDS: Final = 2.0

# Polls that a client may miss before the server itself finds out whether its user is still there.
MISSED_POLLS: Final = 2

_SLOW = "This client reads too slowly: connect again and pull."


class Speaking(Protocol):
    """A session in one of the protocols, or one that may turn out to be in either."""

    @property
    def state(self) -> State:
        """Where the conversation stands."""

    @property
    def checks(self) -> int:
        """How often the user was found to be in good standing."""

    @property
    def seconds_left(self) -> float | None:
        """How long the sign-in lasts; None where it has no end of its own, or there is none yet."""

    def receive(self, frame: bytes) -> Steps:
        """Answer a binary frame."""

    def receive_text(self, text: str) -> Steps:
        """Answer a text frame."""

    def relay(self, scope: str, frame: bytes, access: int = 0) -> Steps:
        """Pass on a live frame."""

    def check(self, ended: str = "") -> Steps:
        """Find out whether the user may still be served."""

    def expire(self) -> Steps:
        """End a connection on which nobody was signed in in time."""


class _EndedError(Exception):
    """The connection is over; both tasks stop."""


class Connection:
    """A session at work on one socket."""

    def __init__(
        self,
        session: Speaking,
        receive: Callable[[], Awaitable[Received]],
        send: Callable[[Mapping[str, Any]], Awaitable[None]],
    ) -> None:
        self._session = session
        self._inbox = Inbox(receive)
        self._send_message = send
        self._live = LiveChannel()
        self._welcomed = asyncio.Event()
        self._flow = Flow(conf.MAX_UNREAD_BYTES)
        self._early = Early()
        self._reader: asyncio.Task[None] | None = None
        self._over = False

    async def run(self) -> None:
        """Serve the socket until it ends; raises only what is a bug of ours."""
        self._reader = asyncio.ensure_future(self._read())
        tasks = [self._reader, asyncio.ensure_future(self._relay())]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._over = True
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await self._inbox.close()
            await self._live.close()
        for task in done:
            error = task.exception()
            if error is not None and not isinstance(error, _EndedError):
                raise error

    async def _read(self) -> None:
        clock = asyncio.get_running_loop().time
        pace = Pace(conf.FRAMES_PER_SECOND, clock())
        due, checks = clock() + conf.HELLO_TIMEOUT_SECONDS, 0
        while True:
            message = await self._next(due - clock())
            if message is None:
                new = self._session.state is State.NEW
                await self._drive(self._session.expire() if new else self._session.check())
                due = clock() + self._check_seconds()
            elif self._flow.takes(message.get("bytes")):
                continue
            elif message["type"] == "websocket.receive":
                await asyncio.sleep(pace.delay(clock()))
                await self._drive(self._answer(message))
            else:
                return
            if self._session.checks != checks:
                checks, due = self._session.checks, clock() + self._check_seconds()

    async def _next(self, seconds: float) -> Received | None:
        early = self._early.take()
        if early is not None or seconds <= 0:
            return early
        return await self._inbox.next(seconds)

    def _check_seconds(self) -> float:
        """When to look again whether the user is still there: by the end of the sign-in."""
        regular, left = conf.POLL_SECONDS * MISSED_POLLS, self._session.seconds_left
        return regular if left is None else min(regular, left)

    def _answer(self, message: Received) -> Steps:
        text = message.get("text")
        if text is not None:
            return self._session.receive_text(text)
        return self._session.receive(message.get("bytes") or b"")

    async def _relay(self) -> None:
        await self._welcomed.wait()
        async for message in self._live.messages():
            match message:
                case {"type": "pulse.frame"} if self._flow.is_full:
                    pass  # the client finds a gap, or a head ahead of it, and pulls
                case {"type": "pulse.frame", "scope": scope, "frame": frame}:
                    relayed = self._session.relay(scope, frame, message.get("access", 0))
                    await self._drive(relayed)
                case {"type": "pulse.check"}:
                    await self._drive(self._session.check(message.get("ended", "")))

    async def _drive(self, steps: Steps) -> None:
        """Perform steps until there are none; failed work is thrown back into them."""
        answer: Any = None
        failure: Exception | None = None
        try:
            while True:
                try:
                    step = steps.send(answer) if failure is None else steps.throw(failure)
                except StopIteration:
                    break
                answer = failure = None
                if isinstance(step, Work):
                    try:
                        answer = await threads.run(step.function)
                    except Exception as error:  # noqa: BLE001 - the session deals with it
                        failure = error
                else:
                    await self._perform(step)
        finally:
            steps.close()
        if self._session.state is State.READY:
            self._welcomed.set()

    async def _perform(self, step: Send | Join | Part | Close) -> None:
        match step:
            case Send(str() as frame):
                await self._send("text", frame)
            case Send(frame):
                await self._read_up()
                await self._send("bytes", frame)
                ping = self._flow.sent(len(frame))
                if ping is not None:
                    await self._send("bytes", ping)
            case Join(scopes):
                await self._live.join(scopes)
            case Part(scopes):
                await self._live.part(scopes)
            case Close(code, reason):
                await self._close(code, reason)

    async def _read_up(self) -> None:
        """Wait until the client has read as much as it must have for the next frame.

        Only the reader waits, and reads on for it: what the other task sends beside live frames is
        little.
        """
        clock = asyncio.get_running_loop().time
        due = clock() + conf.SEND_TIMEOUT_SECONDS
        while self._flow.is_full and asyncio.current_task() is self._reader:
            message = await self._inbox.next(max(0.0, due - clock()))
            if message is None or self._early.is_full:
                await self._drop()
            elif message["type"] != "websocket.receive":
                raise _EndedError
            elif self._flow.takes(message.get("bytes")):
                due = clock() + conf.SEND_TIMEOUT_SECONDS
            else:
                self._early.add(message)

    async def _send(self, key: str, frame: bytes | str) -> None:
        if self._over:
            # The other task is saying goodbye; when it has, this one is cancelled.
            await asyncio.Event().wait()
        try:
            async with asyncio.timeout(conf.SEND_TIMEOUT_SECONDS):
                await self._send_message({"type": "websocket.send", key: frame})
        except TimeoutError:
            await self._drop()
        except OSError as error:
            raise _EndedError from error  # ASGI's way of saying that the client has gone.

    async def _drop(self) -> None:
        logger.warning("Dropped a client that did not read for %s s.", conf.SEND_TIMEOUT_SECONDS)
        await self._close(CloseCode.TOO_SLOW, _SLOW)

    async def _close(self, code: int, reason: str) -> None:
        """Close, once, and end both tasks."""
        if not self._over:
            self._over = True
            try:
                async with asyncio.timeout(CLOSE_SECONDS):
                    await self._send_message(
                        {"type": "websocket.close", "code": int(code), "reason": reason}
                    )
            except OSError:  # TimeoutError is one
                pass
        raise _EndedError
