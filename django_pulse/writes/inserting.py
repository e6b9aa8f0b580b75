"""Inserting new rows: what `bulk_create` does, for models with nothing special to them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

from django.db import models
from django.utils import timezone

from ..sql import insert_many, is_plain

if TYPE_CHECKING:
    from ..sync_model import SyncModel

__all__ = ["can_insert_plainly", "holds_expressions", "insert_rows", "is_writing_parents"]
__all__ += ["write_parents"]


_COUNTED = (models.AutoField, models.BigAutoField, models.SmallAutoField)
"""Primary keys that the database gives out."""


def can_insert_plainly(model: type[SyncModel]) -> bool:
    """Are the model's columns such that `insert_rows` does not need `bulk_create`?"""
    return _plain_fields(model) is not None and not model._meta.order_with_respect_to


def insert_rows(model: type[SyncModel], using: str, rows: Sequence[SyncModel]) -> None:
    """Insert the rows, which get their primary keys and are no longer new.

    Half of what `bulk_create` takes goes into an expression for every value. Where the rows have
    none, and the database decides nothing but the primary key, plain values do.
    """
    if model._meta.parents:
        _insert_into_all(model, using, rows)
        return
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


def write_parents(
    row: SyncModel,
    using: str,
    update_fields: Iterable[str] | None = None,
    force_insert: tuple[type, ...] = (),
) -> bool:
    """Write the tables of the row's parents, Django's own way; says whether any got a new row."""
    row.__dict__[_WRITING_PARENTS] = True
    try:
        cls = row._meta.concrete_model
        return bool(row._save_parents(cls, using, update_fields, force_insert))  # type: ignore[attr-defined]
    finally:
        del row.__dict__[_WRITING_PARENTS]


def is_writing_parents(row: SyncModel) -> bool:
    """Is this row inside `write_parents`?"""
    return _WRITING_PARENTS in row.__dict__


_WRITING_PARENTS = "_pulse_writing_parents"


def _insert_into_all(model: type[SyncModel], using: str, rows: Sequence[SyncModel]) -> None:
    """Insert rows that are spread over several tables, the parents' first."""
    fields = [each for each in model._meta.concrete_fields if not each.generated]
    values = ([row.__dict__.get(each.attname) for row in rows] for each in fields)
    if not all(map(is_plain, fields)) or any(map(holds_expressions, values)):
        for row in rows:
            write_parents(row, using)
            models.Model._save_table(row, cls=model, using=using, force_insert=True)  # type: ignore[attr-defined]
    else:
        _insert_into(model, using, rows, set())
    for row in rows:
        row._state.adding, row._state.db = False, using


def _insert_into(
    model: type[models.Model], using: str, rows: Sequence[SyncModel], done: set[type]
) -> None:
    """A statement for the model's own table, and one for each above it that is not `done`."""
    for parent, link in model._meta.parents.items():
        if parent not in done:
            _insert_into(parent, using, rows, done)
        parent_key = parent._meta.pk.attname
        for row in rows if link is not None else ():
            setattr(row, link.attname, getattr(row, parent_key))  # type: ignore[union-attr]
    done.add(model)
    key: Any = model._meta.pk
    counted = isinstance(key, _COUNTED)
    fields = [
        each
        for each in model._meta.local_concrete_fields
        if not each.generated and not (counted and each == key)
    ]
    columns = [_column(each, rows) for each in fields]
    names = [each.name for each in fields]
    keys = insert_many(model, using, names, list(zip(*columns, strict=True)))
    for row, found in zip(rows, keys, strict=True):
        if counted:
            setattr(row, key.attname, found)


@cache
def _plain_fields(model: type[SyncModel]) -> list[models.Field[Any, Any]] | None:
    """The fields to insert, if all of them are plain and the primary key is the database's."""
    meta = model._meta
    fields = [field for field in meta.concrete_fields if not field.primary_key]
    counted = isinstance(meta.pk, _COUNTED)
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
