"""One replica, kept connected to one server: the only part of the client that waits.

The laws it keeps:
1. Local edits never wait for it. It is told about them (`wake`) and sends what the replica says.
2. Whatever ends a connection, the replica is told (`disconnected`) before another one begins, and
   nothing but the replica decides what is sent again.
3. It goes on trying for ever, with growing pauses, except offline on request, after a refused
   sign-in until there is another token, and after a denied account until the app says so.
4. A barrier (`synced`) is answered by a check that the server began after it was asked for.
"""

import asyncio
import logging
import ssl
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from random import Random

from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed
from websockets.frames import CloseCode

from crdt.events import Connected, Event, Failed, SignInRenewed, Synced
from crdt.frames import decode
from crdt.messages import Pong
from crdt.replica import Replica
from crdt.store import Store

from .address import Address
from .backoff import Backoff
from .changes import CHANGES
from .errors import (
    AccountDenied,
    Offline,
    OriginRefused,
    PulseError,
    RefusedByServer,
    SignInExpired,
    SignInRefused,
    TokenFailed,
    Unreachable,
    WrongEndpoint,
)
from .handshake import open_socket, why_closed
from .renewal import Renewal
from .sign_in import SignIn
from .waiting import now, set_within

__all__ = ["Connection", "fault_of"]

# Seconds between a WebSocket that opened and the server's welcome: its database may be busy.
WELCOME_SECONDS = 30
# Polls without a word from the server before it counts as dead although its socket stands. One
# large push may well keep it busy for more than one.
MAX_SILENT_POLLS = 3
# The store's key for when everything was last in sync; replicas use none that begins like it.
SYNCED_AT = "client/synced_at"
# Faults that the next connection, or the next attempt, may well not meet.
_PASSING = frozenset({"internal", "epoch", "reauthenticate", "other_user", "replica_taken"})
# Faults of signing in, by their codes.
_SIGN_IN_FAULTS: Mapping[str, type[SignInRefused]] = {
    "unauthenticated": SignInRefused,
    "expired": SignInExpired,
    "denied": AccountDenied,
}

_log = logging.getLogger(__name__)


class Connection:
    """Keeps `replica` connected to `address` while it is online; every event goes to `tell`."""

    def __init__(
        self,
        replica: Replica,
        store: Store,
        address: Address,
        sign_in: SignIn,
        tell: Callable[[Event], None],
        *,
        headers: Mapping[str, str],
        tls: ssl.SSLContext | None,
        backoff: Backoff,
        random: Random,
    ) -> None:
        self._replica = replica
        self._store = store
        self._address = address
        self._sign_in = sign_in
        self._renewal = Renewal(sign_in)
        self._tell = tell
        self._headers = headers
        self._tls = tls
        self._backoff = backoff
        self._random = random
        self.error: PulseError | None = None
        self._said: PulseError | None = None
        self.synced_at = _read_time(store.get(SYNCED_AT))
        self._task: asyncio.Task[None] | None = None
        self._ending: set[asyncio.Task[None]] = set()
        self._failures = 0
        self._hurry = asyncio.Event()
        self._edited = asyncio.Event()
        self._welcomed = asyncio.Event()
        self._check = asyncio.Event()
        self._news = asyncio.Event()
        # Barriers are numbered; `_unanswered` holds, for each check under way on this connection,
        # the last barrier that had been asked for when the check was sent.
        self._asked = 0
        self._answered = 0
        self._unanswered: deque[int] = deque()
        self._heard_at = 0.0

    @property
    def connected(self) -> bool:
        """Whether the server has said welcome and the connection stands."""
        return self._welcomed.is_set()

    @property
    def wanted(self) -> bool:
        """Whether it is to be connected, as far as the app is concerned."""
        return self._task is not None

    def online(self) -> None:
        """Connect now, and again whenever the connection is lost; forgets an earlier refusal."""
        self._sign_in.retry()
        self._failures = 0
        if not self.connected:
            self.error = None  # of an attempt that this one makes obsolete
            self._hurry.set()
        if self._task is None:
            self._task = asyncio.create_task(self._run(), name="pulse-connection")

    async def offline(self) -> None:
        """Close the connection and open no other one until `online`."""
        if self._task is not None:
            self._task.cancel()
            self._ending.add(self._task)
            self._task.add_done_callback(self._ending.discard)
            self._task = None
        self.error = None
        self._publish()
        await self._ended()

    def renew(self) -> None:
        """There is another token: sign in with it, on the connection that stands or a new one."""
        self._renewal.hurry()
        self.online()

    def wake(self) -> None:
        """There is, or may be, something new to send."""
        self._edited.set()

    async def welcome(self) -> None:
        """Wait for the server's welcome; raises what stands in the way for good."""
        await self._until(lambda: self.connected)

    async def synced(self) -> None:
        """Wait until the server has everything of ours, and we everything it had at the call."""
        self._asked += 1
        barrier = self._asked
        self._check.set()
        await self._until(lambda: self._answered >= barrier and self._replica.in_sync)

    # -- the connection's life ---------------------------------------------------------------

    async def _run(self) -> None:
        await self._ended()
        while self._task is asyncio.current_task():
            self._hurry.clear()
            try:
                await self._converse()
            except PulseError as error:
                self._failed(error)
            except (asyncio.CancelledError, KeyboardInterrupt, SystemExit):
                raise
            except BaseException as error:  # noqa: BLE001 - see below
                # Not Exception: a panic inside pycrdt is none, and would end syncing silently.
                _log.exception("A fault of Django Pulse itself interrupted syncing.")
                self._failed(PulseError(f"A fault of Django Pulse itself: {error!r}."))
            await self._pause()

    async def _ended(self) -> None:
        """Wait until nothing is left of the connections that the app has ended."""
        if self._ending:
            await asyncio.wait(self._ending)

    async def _converse(self) -> None:
        """One connection, from the token to its end."""
        token = await self._sign_in.token()
        socket = await open_socket(self._address, self._headers, self._tls)
        opened = now()
        try:
            await self._talk(socket, token)
        except PulseError as error:
            if now() - opened > self._backoff.longest:
                self._failures = 0
            self._failed(error)  # now: until the socket is closed may take a while
        finally:
            self._welcomed.clear()
            self._unanswered.clear()
            self._replica.disconnected()
            self._publish()
            self._remember()
            try:
                await socket.close()
            finally:
                # Going offline may cancel the closing handshake; harmless after a whole one.
                socket.transport.abort()

    async def _talk(self, socket: ClientConnection, token: str | None) -> None:
        self._said = None
        self._unanswered.append(self._asked)  # the welcome names the heads: it is a check too
        hello = self._replica.connected(token)
        with suppress(ConnectionClosed):  # the reader says why
            await socket.send(hello)
        parts = self._read, self._write, self._poll, self._renew
        tasks = [asyncio.create_task(part(socket)) for part in parts]
        try:
            # The others end quietly with the socket, so that what is raised is the
            # reader's account of it, or a fault of their own.
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        for task in tasks:
            if task in done:
                task.result()

    async def _pause(self) -> None:
        stop = isinstance(self.error, AccountDenied) or not self._sign_in.can_change
        if isinstance(self.error, SignInRefused) and stop:
            await self._hurry.wait()
            return
        await set_within(self._hurry, self._backoff.pause(self._failures, self._random))

    def _failed(self, error: PulseError) -> None:
        self._failures += 1
        if not self._hurry.is_set():  # else the app has asked for another attempt meanwhile
            self.error = error
            if isinstance(error, SignInRefused):
                self._sign_in.refused(error)
        _log.info("Not connected to %s: %s", self._address.url, error)
        self._publish()

    def _remember(self) -> None:
        """Keep when it last was in sync, for a start without a network."""
        if self.synced_at is not None:
            with suppress(PulseError):  # it is a nicety; a full disk is told by the next edit
                self._store.write({SYNCED_AT: self.synced_at.isoformat().encode()})

    # -- one connection's four tasks ---------------------------------------------------------

    async def _read(self, socket: ClientConnection) -> None:
        while True:
            try:
                frame = await socket.recv()
            except ConnectionClosed as error:
                raise self._said_why(error) or why_closed(error, self._address) from error
            if isinstance(frame, str):
                raise WrongEndpoint("The server sent text: this URL is not a Pulse endpoint.")
            self._take(frame)
            # A long catch-up is buffered in the socket, and `recv` then returns without waiting.
            await asyncio.sleep(0)

    def _said_why(self, closed: ConnectionClosed) -> PulseError | None:
        """The error frame that a deliberate close followed: it says more than the code does."""
        deliberate = closed.rcvd is not None and closed.rcvd.code >= CloseCode.INTERNAL_ERROR
        return self._said if deliberate else None

    async def _write(self, socket: ClientConnection) -> None:
        await self._welcomed.wait()
        with suppress(ConnectionClosed):
            while True:
                self._edited.clear()
                for frame in self._replica.outgoing():
                    await socket.send(frame)
                if not await set_within(self._edited, self._replica.retry_after):
                    self._replica.retry()

    async def _poll(self, socket: ClientConnection) -> None:
        try:
            async with asyncio.timeout(WELCOME_SECONDS):
                await self._welcomed.wait()
        except TimeoutError:
            raise Unreachable(
                f"{self._address.url} opened the WebSocket but did not answer hello within "
                f"{WELCOME_SECONDS} seconds."
            ) from None
        with suppress(ConnectionClosed):
            while now() - self._heard_at < MAX_SILENT_POLLS * self._replica.poll_seconds:
                await set_within(self._check, self._replica.poll_seconds)
                self._check.clear()
                self._unanswered.append(self._asked)
                await socket.send(self._replica.ping())
            raise Unreachable("The server stopped answering.")

    async def _renew(self, socket: ClientConnection) -> None:
        await self._welcomed.wait()
        with suppress(ConnectionClosed):
            await self._renewal.run(lambda token: socket.send(self._replica.renew(token)))

    def _take(self, frame: bytes) -> None:
        self._heard_at = now()
        unconfirmed = self._replica.pending
        events = self._replica.receive(frame)
        for event in events:
            self._tell(event)
            self._note(event)
        if _is_pong(frame):
            self._check_answered()
        if self._replica.pending < unconfirmed or any(isinstance(e, CHANGES) for e in events):
            self._failures = 0  # progress; a server that welcomes and hangs up makes none
        if self._replica.in_sync:
            self.synced_at = datetime.now(UTC)
        self._edited.set()
        self._publish()

    def _note(self, event: Event) -> None:
        if isinstance(event, Connected):
            self.error = None
            self._renewal.lasts(event.expires_in)
            self._welcomed.set()
            self._check_answered()
        elif isinstance(event, SignInRenewed):
            self._renewal.lasts(event.expires_in)
        elif isinstance(event, Synced):
            self.error = None
        elif isinstance(event, Failed):
            self.error = self._said = fault_of(event)
            if isinstance(self.error, SignInRefused | OriginRefused):
                self._welcomed.clear()
                raise self.error

    def _check_answered(self) -> None:
        if self._unanswered:
            self._answered = max(self._answered, self._unanswered.popleft())

    # -- who waits ---------------------------------------------------------------------------

    async def news(self) -> None:
        """Wait until something about the connection, or because of it, has changed."""
        await self._news.wait()

    async def _until(self, reached: Callable[[], bool]) -> None:
        while not reached():
            self._raise_if_hopeless()
            await self.news()

    def _raise_if_hopeless(self) -> None:
        if self._task is None:
            raise Offline("This client is offline because the app asked for it: call online().")
        passing = isinstance(self.error, Unreachable | TokenFailed) or (
            isinstance(self.error, SignInExpired) and self._sign_in.can_change
        )
        if self.error is not None and not passing:
            raise self.error

    def _publish(self) -> None:
        news, self._news = self._news, asyncio.Event()
        news.set()


def _read_time(stored: bytes | None) -> datetime | None:
    return None if stored is None else datetime.fromisoformat(stored.decode())


def _is_pong(frame: bytes) -> bool:
    # Only a frame that holds the word is read a second time.
    return b'"pong"' in frame and isinstance(decode(frame), Pong)


def fault_of(failed: Failed) -> PulseError:
    """What an error frame means: whose fault it is, and whether trying again may help."""
    if failed.code in _SIGN_IN_FAULTS:
        return _SIGN_IN_FAULTS[failed.code](failed.message)
    if failed.code == "forbidden":
        return OriginRefused(failed.message)
    if failed.code in _PASSING:
        return Unreachable(f"The server could not go on ({failed.code}): {failed.message}")
    return RefusedByServer(failed.message, code=failed.code)
