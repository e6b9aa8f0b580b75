"""Settling a field: one value in place of every value of it that is live."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from django.core.exceptions import ValidationError
from django.db import router, transaction
from django.db.models.signals import post_save, pre_save
from django.utils.translation import gettext as _

from crdt.editing import write_field
from crdt.schema import MISSING

from ... import identity
from ...mapping.columns import Column
from ...mapping.schema import schema_of
from ..locking import hold_row, lock_database
from ..merging import Merged
from ..storing import store_documents, store_rows
from . import seen

if TYPE_CHECKING:
    from ...sync_model import SyncModel

__all__ = ["settle"]


def settle(instance: SyncModel, column: Column, attributes: Mapping[str, Any]) -> None:
    """Write what a column's attributes say in place of all that is live, be it the same or not.

    A save like any other: its signals, its version, its transaction. Raises `DoesNotExist` for a
    row that is gone.
    """
    model: Any = instance._meta.concrete_model
    using = router.db_for_write(model, instance=instance)
    told: dict[str, Any] = {"instance": instance, "raw": False, "using": using}
    told["update_fields"] = frozenset({column.name})
    before = {name: getattr(instance, name) for name in attributes}
    with transaction.atomic(using=using):
        _assign(instance, attributes)
        try:
            pre_save.send(sender=type(instance), **told)
            row = _write(instance, column, using)
        except BaseException:
            _assign(instance, before)
            raise
        instance.version = row.version
        shown = {name: getattr(row, name) for name in attributes}
        seen.note_saved(instance, list(attributes), shown, using)
        post_save.send(sender=type(instance), created=False, **told)


def _assign(instance: SyncModel, attributes: Mapping[str, Any]) -> None:
    for name, value in attributes.items():
        setattr(instance, name, value)


def _write(instance: SyncModel, column: Column, using: str) -> SyncModel:
    model: Any = instance._meta.concrete_model
    lock_database(using, wait=True)
    held = hold_row(model, using, instance.pk)
    if held is None or held.row is None:
        raise model.DoesNotExist(f"{instance!r} is gone: there is nothing to settle.")
    now_ms = time.time_ns() // 1_000_000
    merged = Merged.begin(held, schema_of(model), identity.replica_id(using), now_ms)
    known, document = merged.schema.fields[column.name], merged.document
    value = column.read(instance.__dict__, held.keys)
    if value is MISSING:
        raise ValidationError({column.name: _("There is no such row.")}, code="missing")
    write_field(document, known, known.read(document), value, now_ms)
    merged.changed = True
    merged.compact()
    merged.project()
    store_rows(model, using, [merged])
    store_documents(using, [merged])
    return held.row
