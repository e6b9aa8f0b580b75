"""Who the server is, and whose a replica id is.

Laws:

1. The server's replica id is random and belongs to one epoch of one database. It is read inside
   the transaction that writes with it, never remembered: after a restore from a backup and a new
   epoch, a process that still remembered the old id would give out clocks for the second time.
2. A replica id belongs to the user and device that used it first, for ever.
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any

from django.db import DEFAULT_DB_ALIAS, IntegrityError, transaction

from crdt.errors import RemoteFault

from .tables import Clock, Device

if TYPE_CHECKING:
    from django.contrib.auth.base_user import AbstractBaseUser

__all__ = ["claim_replica", "clock", "ensure_clock", "epoch", "replica_id"]

REPLICA_BITS = 53
"""Yjs masks client ids to 53 bits."""


def epoch(using: str = DEFAULT_DB_ALIAS) -> str:
    """The name of this life of the database: a new one after it was restored from a backup."""
    return clock(using).epoch


def replica_id(using: str) -> int:
    """The replica id as which the server writes into documents of this database."""
    return clock(using).replica


def clock(using: str, *, lock: bool = False) -> Clock:
    """The clock row; with `lock`, locked until the transaction ends."""
    rows = Clock.objects.using(using)
    found = (rows.select_for_update() if lock else rows).filter(pk=1).first()
    if found is not None:
        return found
    ensure_clock(using)
    return clock(using, lock=lock)


def ensure_clock(using: str = DEFAULT_DB_ALIAS, **kwargs: Any) -> None:
    """Make the clock row if there is none: after migrating, and after a test's flush."""
    with transaction.atomic(using=using):
        Clock.objects.using(using).get_or_create(
            pk=1,
            defaults={
                "replica": secrets.randbits(REPLICA_BITS - 1) + 1,
                "epoch": secrets.token_hex(16),
            },
        )


def claim_replica(
    user: AbstractBaseUser, device: str, replica: int, using: str = DEFAULT_DB_ALIAS
) -> None:
    """Register `replica` to this user and device, or check that it is theirs.

    Raises `RemoteFault` with the code `replica_taken` otherwise: whoever could borrow a replica id
    could write entries that another device will believe are its own.
    """
    owner = str(user.pk)
    if not 0 < replica < 2**REPLICA_BITS or replica == replica_id(using):
        raise _taken()
    try:
        with transaction.atomic(using=using):
            found, _ = Device.objects.using(using).get_or_create(
                replica=replica, defaults={"user": owner, "device": device}
            )
    except IntegrityError:
        found = Device.objects.using(using).get(replica=replica)
    if (found.user, found.device) != (owner, device):
        raise _taken()


def _taken() -> RemoteFault:
    return RemoteFault(
        "This replica id cannot be used here: take a new random one, and push your edits again "
        "under it.",
        code="replica_taken",
    )
