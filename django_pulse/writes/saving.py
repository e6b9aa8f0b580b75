"""Saving: `save()` and `create()` of the ORM, through the same path as everybody else.

What an instance changed is its difference from what it has seen, taken after `pre_save`. So a stale
instance merges with what happened meanwhile instead of writing its old values over it. Saving
without a change fires its signals and writes nothing.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from django.db import DatabaseError, models, transaction

from crdt.editing import write_field
from crdt.schema import MISSING

from .. import identity
from ..columns import Column, columns_behind
from . import seen as seen_values
from .absorbing import absorb_rows, begin
from .locking import hold_documents, hold_row, lock_database
from .merging import Merged
from .mirror import mirror
from .storing import store_documents, store_rows, update_rows

if TYPE_CHECKING:
    from ..sync_model import SyncModel

__all__ = ["forget_identity_of_clone", "insert", "save_table", "update"]

COUNTED = frozenset({"sync_id", "version"})
"""Columns that nobody assigns: an instance that holds others takes those of its row."""


def save_table(
    instance: SyncModel,
    write: Callable[[], bool],
    raw: bool,
    cls: type[SyncModel],
    force_insert: object,
    force_update: bool,
    using: str,
    update_fields: Iterable[str] | None,
) -> bool:
    """`Model._save_table` for a synced row; `write` is Django's own. Returns whether it updated."""
    if cls is not type(instance)._meta.concrete_model:
        return write()  # a parent's table: its columns are mirrored with the child's
    if raw or instance._meta.parents:
        with transaction.atomic(using=using):
            updated = write()
            absorb_rows(cls, using, [instance.pk])
        return updated
    forget_identity_of_clone(instance)
    if force_insert or instance.pk is None or _is_made_here(instance):
        return insert(instance, using, write)
    updated = update(instance, using, update_fields, write)
    if not updated and (force_update or update_fields is not None):
        error = getattr(instance, "NotUpdated", DatabaseError)
        raise error("The save did not affect any row: it is gone.")
    return updated


def insert(instance: SyncModel, using: str, write: Callable[[], bool]) -> bool:
    """Insert the instance by `write`, Django's own way, and mirror it; returns what `write` did."""
    with transaction.atomic(using=using):
        lock_database(using, wait=True)
        held = hold_documents(type(instance), using, [instance.sync_id], wait=True)
        mine = held[instance.sync_id]
        instance.version = mine.document.version + 1
        updated = write()
        _resolve(instance, using)
        mine.row, mine.document.deleted = instance, False
        mine.document.parked = mine.document.waiting = None
        mine.keys.note([instance])
        merged = begin(mine, identity.replica_id(using), absorbed=False)
        if mine.document.pk is not None:
            merged.absorb()
        merged.changed = True
        merged.compact()
        mirror(merged.document, merged.schema, instance, mine.keys, merged.now_ms)
        store_documents(using, [merged])
        seen_values.note_saved(instance, None, {}, using)
    return updated


def update(
    instance: SyncModel,
    using: str,
    update_fields: Iterable[str] | None,
    write: Callable[[], bool],
) -> bool:
    """Merge what the instance changed into its row and document; `write` inserts one that is gone.

    Returns whether there was a row to update.
    """
    model = type(instance)
    seen = seen_values.seen_by(instance, using) or {}
    fields = _changed_fields(instance, seen, update_fields)
    if not fields:
        return True
    with transaction.atomic(using=using):
        lock_database(using, wait=True)
        held = hold_row(model, using, instance.pk)
        if held is None or held.row is None:
            return insert(instance, using, write) if update_fields is None else False
        expressions = {f.name: value for f in fields if _is_expression(value := _raw(instance, f))}
        if expressions:
            plain: models.QuerySet[SyncModel] = models.QuerySet(model, using=using)
            plain.filter(pk=instance.pk).update(**expressions)
            held.row = model._base_manager.using(using).get(pk=instance.pk)
        row = held.row
        held.keys.note([row, instance])
        merged = begin(held, identity.replica_id(using))
        edited = [field for field in fields if field.name not in expressions]
        names = _write_changes(merged, instance, edited, seen)
        if names or merged.changed:
            _store(merged, using, names)
        instance.version, instance.sync_id = row.version, row.sync_id
        written = [field.attname for field in fields]
        seen_values.note_saved(instance, written, _column_values(row), using)
    return True


def _is_made_here(instance: SyncModel) -> bool:
    """Its primary key was made by a default, so there cannot be a row with it."""
    pk_fields = instance._meta.pk_fields
    made = all(field.has_default() or field.has_db_default() for field in pk_fields)
    return instance._state.adding and made


def forget_identity_of_clone(instance: SyncModel) -> None:
    """An instance that was loaded and had its primary key changed is a new row, with a document."""
    loaded = seen_values.seen_by(instance)
    if loaded is None or loaded.get(instance._meta.pk.attname) in {None, instance.pk}:
        return
    if loaded.get("sync_id") == instance.sync_id:
        instance.sync_id = uuid.uuid4()
    seen_values.forget(instance)


def _changed_fields(
    instance: SyncModel, seen: seen_values.Seen, update_fields: Iterable[str] | None
) -> list[models.Field[Any, Any]]:
    """The fields to write, after `Field.pre_save`, without those that only follow the others."""
    wanted = None if update_fields is None else set(update_fields)
    columns = columns_behind(type(instance))
    found = []
    for field in instance._meta.concrete_fields:
        if field.primary_key or field.name in COUNTED or getattr(field, "auto_now", False):
            continue
        if wanted is not None and not {field.name, field.attname} & wanted:
            continue
        if field.generated or field.attname not in instance.__dict__:
            continue
        if getattr(field, "auto_now_add", False) and instance.__dict__[field.attname] is None:
            continue
        if field.name in columns and not _is_expression(_raw(instance, field)):
            setattr(instance, field.attname, field.pre_save(instance, False))
        if seen_values.changed(instance, field, seen):
            found.append(field)
    return found


def _write_changes(
    merged: Merged,
    instance: SyncModel,
    fields: Iterable[models.Field[Any, Any]],
    seen: seen_values.Seen,
) -> list[str]:
    """Write the changed fields into the document; returns the others that were changed."""
    columns = columns_behind(type(instance))
    row = merged.row
    assert row is not None
    plain = []
    edited: dict[str, Column] = {}
    for field in fields:
        value = instance.__dict__[field.attname]
        column = columns.get(field.name)
        if column is not None:
            edited[column.name] = column
        elif getattr(row, field.attname) != value:
            setattr(row, field.attname, value)
            plain.append(field.name)
            merged.changed |= field.name == "is_local_only"  # the row enters or leaves the feed
    for name, column in edited.items():
        known, keys = merged.schema.fields[name], merged.held.keys
        old = column.read(_seen_attributes(column, seen, row), keys)
        attributes = _attributes(column, instance.__dict__, row)
        new = column.read(attributes, keys)
        if new is MISSING:  # it refers to a row that is not there: the database judges that
            row.__dict__.update(attributes)
            plain += [field.name for field in column.concrete]
        elif old is MISSING or not known.same(old, new):
            written = write_field(merged.document, known, old, new, merged.now_ms)
            merged.held_back.discard(name)
            merged.changed |= bool(written)  # or what was there wins
    return plain


def _seen_attributes(column: Column, seen: seen_values.Seen, row: SyncModel) -> dict[str, Any]:
    """What the instance took its edit from; where it never loaded the field, the row as it is."""
    attnames = [field.attname for field in column.concrete]
    thawed = {name: seen_values.thaw(seen[name]) for name in attnames if name in seen}
    return _attributes(column, thawed, row)


def _attributes(column: Column, values: Mapping[str, Any], row: SyncModel) -> dict[str, Any]:
    """Those of the row that the column reads, as far as `values` do not say otherwise."""
    attnames = [field.attname for field in column.concrete]
    return {name: values.get(name, row.__dict__.get(name)) for name in attnames}


def _store(merged: Merged, using: str, plain: Iterable[str]) -> None:
    """Compact, project, and write what changed; `plain` columns are in no document."""
    merged.compact()
    merged.project()
    merged.add_columns(plain)
    row = merged.row
    assert row is not None, "whoever saves has a row"
    if merged.changed:
        store_rows(type(row), using, [merged])
        store_documents(using, [merged])
    else:
        update_rows(type(row), using, [(row, merged.columns)])


def _column_values(row: SyncModel) -> dict[str, Any]:
    """What the row's columns hold, to be shown on the instance once that is certain."""
    return {
        field.attname: row.__dict__[field.attname]
        for field in row._meta.concrete_fields
        if field.attname in row.__dict__ and not field.primary_key and field.name not in COUNTED
    }


def _resolve(instance: SyncModel, using: str) -> None:
    """Read what the database made of expressions that were inserted."""
    fields = instance._meta.concrete_fields
    made = [field.attname for field in fields if _is_expression(_raw(instance, field))]
    if made:
        instance.refresh_from_db(using=using, fields=made)


def _raw(instance: SyncModel, field: models.Field[Any, Any]) -> Any:
    return instance.__dict__.get(field.attname)


def _is_expression(value: Any) -> bool:
    return hasattr(value, "resolve_expression")
