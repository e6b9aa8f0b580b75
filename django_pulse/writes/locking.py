"""Locking: rows first, then documents.

Laws:

1. A document's bytes are only changed by whoever holds its lock. One that is missing is inserted
   whole; two inserts of the same one cannot both succeed, and the loser starts again.
2. A push never waits for anybody: it skips what is locked and comes back. So a user's own
   transaction is never the victim of a deadlock with a push, and one busy row delays nobody.
3. Where rows cannot be locked one by one (SQLite), the lock is the database's write lock, taken
   by a write before anything is read.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from django.db import connections
from django.db.models import F, QuerySet

from ..schema import label_of
from ..tables import Clock, Document

if TYPE_CHECKING:
    from ..sync_model import SyncModel

__all__ = ["Held", "hold", "hold_documents", "hold_row", "lock_database"]

LOCK_WAIT_MS = 250
"""How long a push waits for locks that cannot be skipped (a referenced row, a unique index): well
under PostgreSQL's deadlock timeout of a second, so that a push gives up before anybody is chosen."""


@dataclass(slots=True)
class Held:
    """A row and its document, both locked until the transaction ends. `row` is None where there is
    none, and the document has no primary key yet where it is new."""

    sync_id: UUID
    row: SyncModel | None
    document: Document


def hold(
    model: type[SyncModel], using: str, ids: Collection[UUID], *, wait: bool
) -> dict[UUID, Held]:
    """Lock the rows and documents with these `sync_id`s; without `wait`, leaves out busy ones."""
    found = _lockable(model._base_manager.using(using).filter(sync_id__in=ids), wait=wait)
    rows = {row.sync_id: row for row in found.order_by("pk")}
    held = hold_documents(model, using, ids, wait=wait)
    for sync_id, each in held.items():
        each.row = rows.get(sync_id)
    if not wait and connections[using].features.has_select_for_update_skip_locked:
        for sync_id in _existing(model._base_manager.using(using), set(ids) - set(rows)):
            held.pop(sync_id, None)
    return held


def hold_documents(
    model: type[SyncModel], using: str, ids: Collection[UUID], *, wait: bool
) -> dict[UUID, Held]:
    """Lock the documents with these `sync_id`s, of rows that are locked already or not there."""
    label = label_of(model)
    documents = Document.objects.using(using).filter(model=label)
    found = _lockable(documents.filter(sync_id__in=ids), wait=wait)
    locked = {document.sync_id: document for document in found.order_by("pk")}
    busy: set[UUID] = set()
    if not wait and connections[using].features.has_select_for_update_skip_locked:
        busy = _existing(documents, set(ids) - set(locked))
    return {
        sync_id: Held(sync_id, None, locked.get(sync_id) or Document(model=label, sync_id=sync_id))
        for sync_id in ids
        if sync_id not in busy
    }


def hold_row(model: type[SyncModel], using: str, pk: object) -> Held | None:
    """Lock one row by its primary key, then its document; None if there is no such row."""
    row = _lockable(model._base_manager.using(using).filter(pk=pk), wait=True).first()
    if row is None:
        return None
    held = hold_documents(model, using, [row.sync_id], wait=True)[row.sync_id]
    held.row = row
    return held


def lock_database(using: str, *, wait: bool) -> None:
    """What has to come before the first lock: see laws 2 and 3."""
    connection = connections[using]
    if not connection.features.has_select_for_update:
        Clock.objects.using(using).filter(pk=1).update(position=F("position"))
    elif connection.vendor == "postgresql" and not wait:
        with connection.cursor() as cursor:
            cursor.execute("SELECT set_config('lock_timeout', %s, true)", [f"{LOCK_WAIT_MS}ms"])


def _lockable(rows: QuerySet[SyncModel] | QuerySet[Document], *, wait: bool) -> QuerySet:  # type: ignore[type-arg]
    features = connections[rows.db].features
    if not features.has_select_for_update:
        return rows
    skip = not wait and features.has_select_for_update_skip_locked
    return rows.select_for_update(skip_locked=skip, of=("self",), no_key=True)


def _existing(rows: QuerySet, ids: Collection[UUID]) -> set[UUID]:  # type: ignore[type-arg]
    """Those of the ids that are there but were not locked: somebody holds them."""
    return set(rows.filter(sync_id__in=ids).values_list("sync_id", flat=True)) if ids else set()
