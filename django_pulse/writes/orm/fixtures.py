"""Fixtures: rows that are saved as they are (`raw=True`), in whatever order a file has them.

Laws:

1. A row keeps its `sync_id`, whatever is loaded over it: files written by hand have none, and the
   devices that hold the row go on with it.
2. What refers to a row that is not there yet is mirrored once everything is loaded.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from django.db import transaction
from django.utils import timezone

from crdt.schema import MISSING

from ...mapping.columns import columns_of
from ...mapping.keys import Keys
from ..absorbing import absorb_after_commit, absorb_rows
from ..locking import lock_database
from . import seen as seen_values
from .deleting import retire_parents

if TYPE_CHECKING:
    from ...sync_model import SyncModel

__all__ = ["save_raw"]


def _prepare(instance: SyncModel, cls: type[SyncModel], using: str) -> None:
    """Give an instance what no field's `pre_save` will, before it is written to the table of `cls`:
    the identity of the row that is there, and the moments that the table asks for.
    """
    if all(field.name != "sync_id" for field in cls._meta.local_concrete_fields):
        return
    now = timezone.now()
    instance.created_at = instance.created_at or now
    instance.updated_at = instance.updated_at or now
    there = cls._base_manager.using(using).filter(pk=instance.pk) if instance.pk else None
    found = there.values_list("sync_id", flat=True).first() if there is not None else None
    if found is not None:
        instance.sync_id = found


def save_raw(
    instance: SyncModel, cls: type[SyncModel], using: str, write: Callable[[], bool]
) -> bool:
    """Write the instance by `write` and mirror it, now and, where need be, after the commit."""
    with transaction.atomic(using=using):
        lock_database(using, wait=True)
        _prepare(instance, cls, using)
        updated = write()
        absorb_rows(cls, using, [instance.pk])
        if cls._meta.parents:
            rows = cls._base_manager.using(using).filter(pk=instance.pk)
            retire_parents(cls, using, list(rows.values_list("sync_id", flat=True)))
        if _refers_to_nothing(instance, using):
            absorb_after_commit(cls, using, [instance.pk])
        seen_values.note_saved(instance, None, {}, using)
    return updated


def _refers_to_nothing(instance: SyncModel, using: str) -> bool:
    columns = columns_of(type(instance))
    keys = Keys(using, columns)
    relations = [column for column in columns.values() if column.looks_up]
    return any(column.read(instance.__dict__, keys) is MISSING for column in relations)
