"""Purging: forgetting what was deleted, and what left a scope, longer ago than anybody is away.

Laws:

1. A tombstone and its places in the feed go in one transaction, in which every scope concerned
   notes up to where it has forgotten. So whoever reads the feed finds the tombstone, or is told.
2. The places that a row had left are forgotten before its tombstone, by whose name they are told.
3. Every transaction is bounded, and skips what somebody else has locked: the next one finds it.
4. An outcome that its device has not confirmed keeps its tombstone, for as long again.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import DatabaseError, connections, transaction
from django.db.models import Q
from django.utils import timezone

from .. import identity
from ..changefeed import feed
from ..conf import conf
from ..sql import update_many
from ..tables import Awaited, Document, Feed, Outbox, Outcome, Receipt, Scope, Told
from ..text.forgetting import forget
from ..text.reminding import remind_of_forgotten

__all__ = ["Purged", "horizon", "purge", "purge_now_and_then"]

PURGED_AT_ONCE = 500
"""Documents, or places in the feed, purged in one transaction: bounds how long the feed's clock is
held, for which every commit's stamping waits."""

SECONDS_BETWEEN = 3_600.0
"""Between two purges that a process makes by itself. Each is a transaction or two: 500 tombstones
an hour and process keep up with a million deletions in a quarter."""

logger = logging.getLogger("django_pulse")


@dataclass(frozen=True, slots=True)
class Purged:
    """What was purged: documents of deleted rows, and places of rows that had left a scope."""

    documents: int = 0
    places: int = 0

    def __add__(self, other: Purged) -> Purged:
        return Purged(self.documents + other.documents, self.places + other.places)


def horizon(days: float | None = None) -> datetime:
    """The moment before which what was deleted is forgotten."""
    return timezone.now() - timedelta(days=conf.TOMBSTONE_DAYS if days is None else days)


def purge(using: str, until: datetime, *, dry_run: bool = False) -> Purged:
    """Forget what was deleted, and what left a scope, before `until`; in bounded transactions."""
    feed.stamp(using)
    if dry_run:
        return Purged(_tombstones(using, until).count(), _left(using, until).count())
    forget(using)
    total = Purged()
    for step in (_purge_places, _purge_documents):
        while (done := step(using, until)) != Purged():
            total += done
    return total


def purge_now_and_then(using: str) -> None:
    """Purge a little, if this process has not done so for a while.

    For the threads that serve sockets, at a ping: nobody's commit or page waits for it.
    """
    now = time.monotonic()
    if now - _last.setdefault(using, now) < SECONDS_BETWEEN:
        return
    _last[using] = now
    try:
        if _purge_places(using, horizon()) == Purged():
            _purge_documents(using, horizon())
        forget(using)
    except DatabaseError as error:
        logger.warning("Purging is left to the next to come by: %s", error)


_last: dict[str, float] = {}
"""When each database was last purged by this process, or first heard of; by the monotonic clock."""


def _tombstones(using: str, until: datetime) -> Any:
    """The documents to forget, oldest first. Those whose outcomes wait are given as long again."""
    documents = Document.objects.using(using).filter(deleted=True, deleted_at__lt=until)
    waiting = Outcome.objects.using(using).values("document")
    twice = until - (timezone.now() - until)
    return documents.filter(~Q(pk__in=waiting) | Q(deleted_at__lt=twice)).order_by("deleted_at")


def _left(using: str, until: datetime) -> Any:
    """The places to forget: positions are microseconds."""
    position = int(until.timestamp() * 1_000_000)
    return Feed.objects.using(using).filter(present=False, position__lt=position)


def _purge_documents(using: str, until: datetime) -> Purged:
    with transaction.atomic(using=using):
        identity.take_write_lock(using)
        found = _unlocked(_tombstones(using, until)).values_list("pk", "scopes")
        documents = dict(found[:PURGED_AT_ONCE])
        if not documents:
            return Purged()
        identity.clock(using, lock=True)
        untold = Outbox.objects.using(using).filter(document__in=documents)
        left = Feed.objects.using(using).filter(document__in=documents, present=False)
        for rows in (untold, left):  # who has not heard of it must find it: the next time
            for pk in rows.values_list("document", flat=True):
                documents.pop(pk, None)
        keys = {key for scopes in documents.values() for key in scopes}
        places = Feed.objects.using(using).filter(scope__key__in=keys, document__in=documents)
        _forget(using, places)
        for table in (Outcome, Awaited, Told, Receipt):
            table._default_manager.using(using).filter(document__in=documents).delete()
        Document.objects.using(using).filter(pk__in=documents).delete()
    return Purged(documents=len(documents))


def _purge_places(using: str, until: datetime) -> Purged:
    with transaction.atomic(using=using):
        identity.clock(using, lock=True)
        found = _left(using, until).order_by("position")[:PURGED_AT_ONCE]
        places = list(found.values_list("pk", flat=True))
        _forget(using, Feed.objects.using(using).filter(pk__in=places))
    return Purged(places=len(places))


def _forget(using: str, places: Any) -> None:
    """Delete places of the feed, and note in their scopes that they are forgotten."""
    found = list(places.values_list("pk", "scope", "document", "position"))
    rows = [(scope, document, position) for _, scope, document, position in found]
    remind_of_forgotten(using, rows)
    latest: dict[int, int] = {}
    for scope, _, position in rows:
        latest[scope] = max(position, latest.get(scope, 0))
    known: Iterable[tuple[int, int]] = (
        Scope.objects.using(using).filter(pk__in=latest).values_list("pk", "purged")
    )
    update_many(
        Scope, using, ("purged",), [(pk, (max(latest[pk], before),)) for pk, before in known]
    )
    Feed.objects.using(using).filter(pk__in=[pk for pk, *_ in found]).delete()


def _unlocked(rows: Any) -> Any:
    features = connections[rows.db].features
    if not features.has_select_for_update:
        return rows
    return rows.select_for_update(skip_locked=features.has_select_for_update_skip_locked)
