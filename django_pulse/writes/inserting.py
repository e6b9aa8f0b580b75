"""Inserting new rows: what `bulk_create` does, for models with nothing special to them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

from django.db import models
from django.utils import timezone

from ..sql import insert_many, is_plain

if TYPE_CHECKING:
    from ..sync_model import SyncModel

__all__ = ["can_insert_plainly", "holds_expressions", "insert_rows"]


def can_insert_plainly(model: type[SyncModel]) -> bool:
    """Are the model's columns such that `insert_rows` does not need `bulk_create`?"""
    return _plain_fields(model) is not None and not model._meta.order_with_respect_to


def insert_rows(model: type[SyncModel], using: str, rows: Sequence[SyncModel]) -> None:
    """Insert the rows, which get their primary keys and are no longer new.

    Half of what `bulk_create` takes goes into an expression for every value. Where the rows have
    none, and the database decides nothing but the primary key, plain values do.
    """
    fields = _plain_fields(model)
    columns = None if fields is None else [_column(field, rows) for field in fields]
    if fields is None or columns is None or any(map(holds_expressions, columns)):
        plain: models.QuerySet[SyncModel] = models.QuerySet(model, using=using)
        plain.bulk_create(rows)
        return
    names = [field.name for field in fields]
    keys = insert_many(model, using, names, list(zip(*columns, strict=True)))
    for row, key in zip(rows, keys, strict=True):
        row.pk = key
        row._state.adding = False
        row._state.db = using


@cache
def _plain_fields(model: type[SyncModel]) -> list[models.Field[Any, Any]] | None:
    """The fields to insert, if all of them are plain and the primary key is the database's."""
    meta = model._meta
    fields = [field for field in meta.concrete_fields if not field.primary_key]
    counted = isinstance(meta.pk, models.AutoField | models.BigAutoField | models.SmallAutoField)
    plain = all(is_plain(field) and not field.generated for field in fields)
    return fields if counted and plain and not meta.parents else None


def _column(field: models.Field[Any, Any], rows: Sequence[SyncModel]) -> list[Any]:
    """The values of one field, after its `pre_save`."""
    before = type(field).pre_save
    if before is models.Field.pre_save:
        return [getattr(row, field.attname) for row in rows]
    if before is models.DateTimeField.pre_save and _is_automatic(field):
        now = timezone.now()
        for row in rows:
            setattr(row, field.attname, now)
        return [now] * len(rows)
    return [field.pre_save(row, True) for row in rows]


def _is_automatic(field: Any) -> bool:
    return bool(field.auto_now or field.auto_now_add)


def holds_expressions(values: Sequence[Any]) -> bool:
    """Is any of the values one that only the database knows?"""
    return any(hasattr(kind, "resolve_expression") for kind in set(map(type, values)))
