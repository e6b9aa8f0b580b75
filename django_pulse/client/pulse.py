"""`connect` and `Pulse`: a device's rows, kept in step with a Django Pulse server."""

import asyncio
import logging
import os
import secrets
import ssl
import threading
import time
import uuid
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from random import SystemRandom
from typing import Final

from crdt.events import Kept, Parked
from crdt.replica import Replica
from crdt.rules import MergeRule
from crdt.store import MemoryStore, Store
from crdt.subscribing import Wanted

from .address import read_address
from .backoff import Backoff
from .changes import Changes, ChangeStream
from .connection import Connection
from .errors import ClosedPulse, LocalFault, TimedOut
from .rows import ModelHandle
from .sign_in import SignIn, Token, read_headers
from .status import Status
from .store import SQLiteStore

__all__ = ["Pulse", "connect", "new_replica", "open_store"]

DEFAULT_BACKOFF: Final = Backoff()
# Seconds to wait for a server that this device has never met: a cold start of one takes a few.
FIRST_WELCOME_SECONDS = 15.0
# Replica ids are below 2**53, the largest whole number that JavaScript counts exactly.
REPLICA_IDS = 2**53

_log = logging.getLogger(__name__)


@asynccontextmanager
async def connect(
    url: str,
    *,
    store: str | os.PathLike[str] | Store | None = None,
    token: Token = None,
    headers: Mapping[str, str] | None = None,
    cookies: Mapping[str, str] | None = None,
    wait: bool = True,
    timeout: float = FIRST_WELCOME_SECONDS,
    rules: Iterable[MergeRule] = (),
    subscribe: Wanted | None = None,
    tls: ssl.SSLContext | None = None,
    backoff: Backoff = DEFAULT_BACKOFF,
) -> AsyncIterator["Pulse"]:
    """A `Pulse` for the server at `url`, which stays connected inside the `async with` block.

        async with connect("wss://example.com/ws/pulse/sync/", store="phone.sqlite3",
                           token="...") as pulse:
            tasks = pulse.model("todo.task")
            task = tasks.create(title="Buy milk")
            await pulse.synced()

    `store` is the file in which this device keeps its rows and unsent edits; None keeps them in
    memory only. One store belongs to one running client (StoreInUse otherwise).
    `token` is what `DJANGO_PULSE["AUTHENTICATE"]` on the server reads: a string, or a function,
    sync or async, that is asked at every connect and before the last token runs out. To sign in
    with a Django session instead, give `cookies={"sessionid": ...}`; `headers` are added to the
    request as they are.
    With `wait`, entering the block waits, for at most `timeout` seconds, for a server that this
    store has never met, because it has to tell which models there are (TimedOut, or why the
    server refuses). A store that knows them starts at once, without any network.
    `subscribe` is what to keep here of what the user may see, as in `Pulse.subscribe`; None leaves
    it as it was the last time, which at first is everything.
    `rules` are the project's own merge rules, `tls` replaces the default TLS settings and
    `backoff` bounds the pauses between attempts to connect.

    Leaving the block does not wait for the server: what it has not got yet is in the store, and is
    sent the next time.
    """
    address = read_address(url)
    extra = read_headers(headers, cookies)
    kept = open_store(store)
    try:
        replica = new_replica(kept, rules)
        if subscribe is not None:
            replica.subscribe(subscribe)
        changes = Changes()
        sign_in = SignIn(token)
        connection = Connection(
            replica,
            kept,
            address,
            sign_in,
            changes.put,
            headers=extra,
            tls=tls,
            backoff=backoff,
            random=SystemRandom(),
        )
        pulse = Pulse(replica, connection, changes, sign_in)
        try:
            connection.online()
            if wait and not replica.schemas:
                await _meet(connection, url, timeout)
            yield pulse
        finally:
            await pulse._close()
            if isinstance(kept, MemoryStore) and replica.pending:
                _log.warning("Left with %d unsent rows that were in memory only.", replica.pending)
    finally:
        kept.close()


class Pulse:
    """What `connect` gives: the rows of this device, and how syncing them is going.

    Use it in the thread and event loop in which it was made.
    """

    def __init__(
        self, replica: Replica, connection: Connection, changes: Changes, sign_in: SignIn
    ) -> None:
        self._replica = replica
        self._connection = connection
        self._changes = changes
        self._sign_in = sign_in
        self._thread = threading.get_ident()
        self._last: Status | None = None

    def model(self, label: str) -> ModelHandle:
        """The rows of the model `label`, "app_label.model_name" as Django writes it."""
        replica = self._local()
        name = label.lower()
        if replica.schemas and name not in replica.schemas:
            known = ", ".join(sorted(replica.schemas))
            raise LocalFault(f"The server syncs no model {label!r}; it syncs {known}.")
        return ModelHandle(name, self._local, self._connection.wake)

    def subscribe(self, wanted: Wanted | None) -> None:
        """Keep only a part of what the user may see here; None stands for all of it.

            pulse.subscribe({"todo.task": {"project": project_id}, "todo.label": {}})

        names models, and for each the values that fields must have: one, or a list of which any
        will do. The server says which fields can be named: `filters` in the model's `class Sync`.
        What is not wanted any more goes once the server has answered (`await pulse.synced()`),
        rows with unsent edits not before these are there. It stays so, over restarts too.
        """
        self._local().subscribe(wanted)
        self._connection.wake()

    def changes(self) -> ChangeStream:
        """What other devices and the server do from now on, to loop over with `async for`.

        Gives `Changed`, `Removed`, `Reverted`, `Parked`, `MergedInto`, `Refused` and `Resyncing`,
        and `Missed` to a reader who fell too far behind. Edits made through this `Pulse` are not
        told. Any number of readers may loop, each sees every event.
        """
        self._local()
        return self._changes.stream()

    @property
    def status(self) -> Status:
        """How it is going just now; still answered, as it was, after the block was left."""
        return self._last or Status(
            connected=self._connection.connected,
            pending=self._replica.pending,
            reverted=len(self._replica.reverted()),
            last_synced_at=self._connection.synced_at,
            error=self._connection.error,
            resyncing=self._replica.is_resyncing,
        )

    def kept_aside(self) -> list[Kept]:
        """The edits that did not stand, oldest first, with their values and why; they stay, over
        restarts too, until `dismiss`.
        """
        return self._local().reverted()

    def parked(self) -> list[Parked]:
        """The rows that the server has and cannot let in yet, and why.

        They are on this device alone until nothing is in their way; then they get in by themselves.
        """
        return self._local().parked()

    def dismiss(self, kept: Kept) -> None:
        """Forget an edit that did not stand: the user has seen it, or it was made again."""
        self._local().dismiss(kept.key)

    async def synced(self, timeout: float | None = None) -> None:
        """Wait until all edits made here are durable on the server, and all that the server had
        when this was called is here.

        Raises TimedOut after `timeout` seconds; Offline if the app went offline itself;
        SignInRefused and the other RemoteFaults where trying again would not help. A lost
        network raises nothing: without a `timeout` this waits until it is back.
        """
        self._local()
        try:
            async with asyncio.timeout(timeout):
                await self._connection.synced()
        except TimeoutError:
            raise TimedOut(self._progress(f"Not synced within {timeout} seconds")) from (
                self._connection.error
            )

    async def offline(self) -> None:
        """Close the connection and stay away until `online`. Rows can be read and edited on."""
        self._local()
        await self._connection.offline()

    async def online(self) -> None:
        """Connect again, at once; also cuts short a pause between two attempts.

        Does not wait for the connection: `await pulse.synced()` does.
        """
        self._local()
        self._connection.online()

    async def sign_in(self, token: Token) -> None:
        """Use this token (or token callback) from now on: on the connection that stands, and to
        connect if the last one was refused.
        """
        self._local()
        self._sign_in.use(token)
        if self._connection.wanted:
            self._connection.renew()

    def _local(self) -> Replica:
        """The replica, for a caller who may use it now."""
        if self._last is not None:
            raise ClosedPulse("This client is closed: its `async with connect(...)` was left.")
        if threading.get_ident() != self._thread:
            raise LocalFault(
                "A Pulse belongs to the thread of its event loop: from another thread, use "
                "loop.call_soon_threadsafe or asyncio.run_coroutine_threadsafe."
            )
        return self._replica

    def _progress(self, what: str) -> str:
        pending, error = self._replica.pending, self._connection.error
        state = "connected" if self._connection.connected else f"not connected ({error})"
        return f"{what}: {state}; rows with edits not confirmed by the server: {pending}."

    async def _close(self) -> None:
        error = self._connection.error
        await self._connection.offline()
        self._changes.close()
        self._last = replace(self.status, error=error)


def open_store(store: str | os.PathLike[str] | Store | None) -> Store:
    """The store that was given, or named; None stands for one in memory."""
    if store is None:
        return MemoryStore()
    if isinstance(store, str | os.PathLike):
        return SQLiteStore(store)
    return store


def new_replica(store: Store, rules: Iterable[MergeRule]) -> Replica:
    """The replica of a store."""
    return Replica(
        store,
        now=lambda: time.time_ns() // 1_000_000,
        new_id=uuid.uuid4,
        random_replica=lambda: 1 + secrets.randbelow(REPLICA_IDS - 1),
        rules=rules,
    )


async def _meet(connection: Connection, url: str, timeout: float) -> None:
    try:
        async with asyncio.timeout(timeout):
            await connection.welcome()
    except TimeoutError:
        raise TimedOut(
            f"This store has never met a server, and {url} did not welcome it within {timeout} "
            f"seconds: {connection.error or 'no answer yet'}"
        ) from connection.error
