"""Who the server is.

Laws:

1. The server's replica id is random and belongs to one epoch of one database. It is read inside
   the transaction that writes with it, never remembered: after a restore from a backup and a new
   epoch, a process that still remembered the old id would give out clocks for the second time.
2. The clock row is made by `migrate`. Made later it would be made in whatever transaction comes
   first, and everybody would wait for that one to end.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from django.apps import apps as installed
from django.db import DEFAULT_DB_ALIAS, connections, router, transaction

from .prepared import Prepared
from .sql import update_many
from .tables import Clock

__all__ = ["ClockRow", "advance", "after_migrate", "begin_epoch", "clock", "epoch", "epoch_of"]
__all__ += ["limit_lock_waits", "random_replica", "replica_id", "store_position", "take_write_lock"]

REPLICA_BITS = 53
"""Yjs masks client ids to 53 bits."""

_COLUMNS = ("id", "replica", "epoch", "position")
_CLOCK = Prepared(lambda: Clock.objects.filter(pk=1).values_list(*_COLUMNS))
_LOCKED = Prepared(lambda: Clock.objects.select_for_update().filter(pk=1).values_list(*_COLUMNS))
_TOUCH = 'UPDATE "django_pulse_clock" SET "position" = "position" WHERE "id" = 1'


@dataclass(slots=True)
class ClockRow:
    """What the clock row says; no instance of its model, which takes ten times as long to make."""

    pk: int
    replica: int
    epoch: str
    position: int


def epoch(databases: Sequence[str] = (DEFAULT_DB_ALIAS,)) -> str:
    """The name of this life of the databases: a new one after any was restored from a backup."""
    return epoch_of([clock(using) for using in databases])


def epoch_of(clocks: Sequence[ClockRow]) -> str:
    """The same, of databases that have these clocks."""
    found = [each.epoch for each in clocks]
    return found[0] if len(found) == 1 else sha256("/".join(found).encode()).hexdigest()[:32]


def replica_id(using: str) -> int:
    """The replica id as which the server writes into documents of this database."""
    return clock(using).replica


def clock(using: str, *, lock: bool = False) -> ClockRow:
    """The clock row; with `lock`, locked until the transaction ends."""
    if lock:
        take_write_lock(using)
    rows = (_LOCKED if lock else _CLOCK).rows(using)
    return ClockRow(*rows[0]) if rows else _made_clock(using)


def advance(using: str, count: int) -> int:
    """Take `count` positions of the feed that no change gets; returns the last of them.

    To be called in a transaction, and to be committed soon: the clock is locked until then.
    """
    found = clock(using, lock=True)
    found.position = max(found.position, time.time_ns() // 1_000) + count
    store_position(using, found)
    return found.position


def begin_epoch(using: str, after: str | None = None) -> ClockRow:
    """The database was restored from a backup: as which replica the server wrote what it lost, it
    never writes again. Where another epoch than that `after` which to begin one has begun already,
    nothing is done. Returns the clock as it is now.
    """
    with transaction.atomic(using=using):
        found = clock(using, lock=True)
        if after in {None, found.epoch}:
            found.replica, found.epoch = random_replica(), secrets.token_hex(16)
            begun = found.replica, found.epoch
            update_many(Clock, using, ("replica", "epoch"), [(found.pk, begun)])
    return found


def store_position(using: str, clock: ClockRow) -> None:
    """Write the position of a clock that is locked."""
    update_many(Clock, using, ("position",), [(clock.pk, (clock.position,))])


def take_write_lock(using: str) -> None:
    """Where rows cannot be locked (SQLite): lock the database, until the transaction ends.

    To be called before anything is read: a transaction that has read cannot become a writer any
    more once somebody else wrote.
    """
    connection = connections[using]
    if not connection.features.has_select_for_update:
        with transaction.mark_for_rollback_on_error(using), connection.cursor() as cursor:
            cursor.execute(_TOUCH)


def limit_lock_waits(using: str, milliseconds: int) -> None:
    """Have the transaction fail (`OperationalError`) rather than wait longer for one lock.

    PostgreSQL only; SQLite's one limit is its connections' `timeout`.
    """
    connection = connections[using]
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT set_config('lock_timeout', %s, true)", [f"{milliseconds}ms"])


def after_migrate(using: str, apps: Any = installed, **kwargs: Any) -> None:
    """Make the clock row if there is none: for `post_migrate`, which a test's flush sends too.

    `apps` are the models as far as they were migrated.
    """
    label, name = Clock._meta.app_label, Clock._meta.model_name
    known = (label, name) in {
        (model._meta.app_label, model._meta.model_name) for model in apps.get_models()
    }
    if known and router.allow_migrate_model(using, Clock):
        clock(using)


def _made_clock(using: str) -> ClockRow:
    made, _ = Clock.objects.using(using).get_or_create(
        pk=1,
        defaults={
            "replica": random_replica(),
            "epoch": secrets.token_hex(16),
        },
    )
    return ClockRow(made.pk, made.replica, made.epoch, made.position)


def random_replica() -> int:
    """A new replica id."""
    return secrets.randbits(REPLICA_BITS - 1) + 1
