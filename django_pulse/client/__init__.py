"""The Python client: a device's rows, offline and in step with a Django Pulse server.

    from django_pulse.client import connect

    async with connect("wss://example.com/ws/pulse/sync/", store="phone.sqlite3",
                       token="...") as pulse:
        tasks = pulse.model("todo.task")
        task = tasks.create(title="Buy milk")     # on this device's disk when it returns
        tasks.set(task.id, completed=True)        # whether or not there is a network
        await pulse.synced()                      # durable on the server
        async for change in pulse.changes():      # what other devices and the server do
            print(change, pulse.status)

Needs no Django and no settings on the device: `pip install "django-pulse[client]"`.
"""

from crdt.events import (
    Changed,
    Kept,
    MergedInto,
    Parked,
    Refused,
    Removed,
    Resyncing,
    Reverted,
)

from .backoff import Backoff
from .changes import ChangeStream, Missed
from .errors import (
    AccountDenied,
    BadAddress,
    ClosedPulse,
    LocalFault,
    Offline,
    OriginRefused,
    PulseError,
    RefusedByServer,
    RemoteFault,
    SignInExpired,
    SignInRefused,
    StoreFault,
    StoreInUse,
    TimedOut,
    TokenFailed,
    Unreachable,
    WrongEndpoint,
)
from .once import Exchanged, sync_once
from .pulse import Pulse, connect
from .rows import Conflict, ModelHandle, Row
from .status import Status
from .store import SQLiteStore

__all__ = [
    "AccountDenied",
    "Backoff",
    "BadAddress",
    "ChangeStream",
    "Changed",
    "ClosedPulse",
    "Conflict",
    "Exchanged",
    "Kept",
    "LocalFault",
    "MergedInto",
    "Missed",
    "ModelHandle",
    "Offline",
    "OriginRefused",
    "Parked",
    "Pulse",
    "PulseError",
    "Refused",
    "RefusedByServer",
    "RemoteFault",
    "Removed",
    "Resyncing",
    "Reverted",
    "Row",
    "SQLiteStore",
    "SignInExpired",
    "SignInRefused",
    "Status",
    "StoreFault",
    "StoreInUse",
    "TimedOut",
    "TokenFailed",
    "Unreachable",
    "WrongEndpoint",
    "connect",
    "sync_once",
]
