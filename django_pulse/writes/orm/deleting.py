"""Deleting: rows that Django deletes leave a tombstone in their document.

Django's collector announces every row with `pre_delete` before it deletes any, and with
`post_delete` afterwards, whatever started it: an instance, a queryset, the admin, a cascade. All
rows of a class are deleted before the first of them is told: there they are all noted, and get
their tombstones in one go.

Law: no tombstone is written for a row that is there. A deletion that failed halfway may have left
notes, and the same queryset may later delete others.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any, cast
from uuid import UUID

from django.db import router, transaction

from ... import identity
from ...mapping.inheritance import own_rows
from ...mapping.schema import schema_of, syncs
from ..absorbing import ABSORBED_AT_ONCE, absorb_rows
from ..locking import hold_documents, lock_database
from ..merging import Merged
from ..noting import take_noted
from ..storing import store_documents, store_rows

if TYPE_CHECKING:
    from ...sync_model import SyncModel

__all__ = ["after_delete", "retire_parents", "store"]


def store(model: type[SyncModel], using: str, batch: Sequence[Merged]) -> None:
    """Write the rows and documents of what devices pushed.

    Deletions last: what they cascade to is read back, and must not find rows half written. Their
    documents before their rows: what receivers save meanwhile goes into what is stored by then.
    """
    deletions = [merged for merged in batch if merged.deleted]
    others = [merged for merged in batch if not merged.deleted]
    store_rows(model, using, others)
    store_documents(using, others + deletions)
    spoiled = store_rows(model, using, deletions)
    if spoiled:
        _write_tombstones(model, using, sorted(spoiled))


def after_delete(sender: type[SyncModel], using: str, origin: Any = None, **kwargs: Any) -> None:
    """Write the tombstones of all rows of this class that were noted."""
    ids = sorted(take_noted(sender, using, origin))
    model: Any = sender._meta.concrete_model or sender
    with transaction.atomic(using=using) if ids else nullcontext():
        for start in range(0, len(ids), ABSORBED_AT_ONCE):
            _write_tombstones(model, using, ids[start : start + ABSORBED_AT_ONCE])


def delete_below(
    instance: SyncModel, using: str | None, delete: Callable[..., tuple[int, dict[str, int]]]
) -> tuple[int, dict[str, int]]:
    """Delete what the instance has in its own model's table, by Django's `delete`, and mirror the
    row as one of the model above, where that syncs.
    """
    using = using or router.db_for_write(type(instance), instance=instance)
    parents = [
        (parent, getattr(instance, parent._meta.pk.attname))
        for parent in instance._meta.parents
        if syncs(parent)
    ]
    with transaction.atomic(using=using):
        lock_database(using, wait=True)
        deleted = delete(using=using, keep_parents=True)
        for parent, pk in parents:
            absorb_rows(cast("type[SyncModel]", parent), using, [pk])
    return deleted


def retire_parents(model: type[SyncModel], using: str, ids: Sequence[UUID]) -> None:
    """These rows are of `model`: they are no longer a parent model's own, if they were."""
    for parent in model._meta.get_parent_list():
        if syncs(parent):
            _write_tombstones(cast("type[SyncModel]", parent), using, ids)


def _write_tombstones(model: type[SyncModel], using: str, ids: Sequence[UUID]) -> None:
    """Write into the documents with these `sync_id`s that the row is gone, where it is."""
    lock_database(using, wait=True)
    rows = own_rows(model, using).filter(sync_id__in=ids)
    there = set(rows.values_list("sync_id", flat=True))
    gone = [sync_id for sync_id in ids if sync_id not in there]
    schema, replica = schema_of(model), identity.replica_id(using)
    now_ms = time.time_ns() // 1_000_000
    merges = []
    for held in hold_documents(model, using, gone, wait=True).values():
        if held.document.pk is None:
            continue  # never mirrored: nobody knows it
        # With no row left, beginning absorbs the deletion into the document.
        merged = Merged.begin(held, schema, replica, now_ms)
        if merged.changed:
            merged.compact()
            held.document.deleted, held.document.waiting = True, None
            merges.append(merged)
    store_documents(using, merges)
