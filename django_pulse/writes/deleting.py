"""Deleting: rows that Django deletes leave a tombstone in their document.

Django's collector announces every row with `pre_delete` before it deletes any, and with
`post_delete` afterwards, whatever started it: an instance, a queryset, the admin, a cascade. So the
first `post_delete` finds all of them noted, and writes their tombstones in one go.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.db import transaction

from .. import identity
from ..schema import schema_of
from .locking import hold_documents, lock_database
from .merging import Merged
from .noting import take_noted
from .storing import store_documents

if TYPE_CHECKING:
    from ..sync_model import SyncModel

__all__ = ["after_delete"]


def after_delete(sender: type[SyncModel], **kwargs: Any) -> None:
    """Write the tombstones of all rows noted."""
    for (using, model), ids in take_noted().items():
        with transaction.atomic(using=using):
            _write_tombstones(model, using, ids)


def _write_tombstones(model: type[SyncModel], using: str, ids: set[UUID]) -> None:
    lock_database(using, wait=True)
    schema, replica = schema_of(model), identity.replica_id(using)
    now_ms = time.time_ns() // 1_000_000
    merges = []
    for held in hold_documents(model, using, sorted(ids), wait=True).values():
        if held.document.pk is None:
            continue  # never mirrored: nobody knows it
        # With no row left, beginning absorbs the deletion into the document.
        merged = Merged.begin(held, schema, replica, now_ms)
        if merged.changed:
            merged.compact()
            held.document.deleted, held.document.waiting = True, None
            merges.append(merged)
    store_documents(using, merges)
