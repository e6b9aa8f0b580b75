"""Saving: `save()` and `create()` of the ORM, through the same path as everybody else.

An instance whose row is there writes what it changed (see `editing`), others are inserted. Saving
without a change fires its signals and writes nothing.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, Final

from django.db import DatabaseError, transaction

from ... import identity
from ...mapping.inheritance import by_model, children_of
from ..absorbing import begin
from ..inserting import holds_expressions, is_writing_parents, write_parents
from ..locking import hold_documents, hold_row, lock_database
from ..mirror import mirror
from ..storing import store_documents
from . import seen as seen_values
from .deleting import retire_parents
from .editing import edit_of, merge_edits
from .fixtures import save_raw

if TYPE_CHECKING:
    from ...sync_model import SyncModel

__all__ = ["ONE_IDENTITY", "forget_identity_of_clone", "insert", "save_table", "update"]

ONE_IDENTITY: Final = (
    "sync_id names a row on every device: it cannot be written to rows that are there. Leave it "
    "out; to make another row of this one, create one."
)


def save_table(
    instance: SyncModel,
    save: Callable[..., bool],
    raw: bool,
    cls: type[SyncModel],
    force_insert: Any,
    force_update: bool,
    using: str,
    update_fields: Iterable[str] | None,
) -> bool:
    """`Model._save_table` for a synced row; `save` is Django's own. Returns whether it updated."""

    def write() -> bool:
        new: Any = force_insert
        if cls._meta.parents and not raw and cls is model:
            forced = force_insert if isinstance(force_insert, tuple) else ()
            new = write_parents(instance, using, update_fields, forced) or new
        return save(raw, cls, new, force_update, using, update_fields)

    model = type(instance)._meta.concrete_model
    if cls is not model:  # a parent's table is written with the child's, once it is known how
        return write() if is_writing_parents(instance) else True
    if raw:
        return save_raw(instance, cls, using, write)
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
        retire_parents(type(instance), using, [instance.sync_id])
        seen_values.note_saved(instance, None, {}, using)
    return updated


def update(
    instance: SyncModel,
    using: str,
    update_fields: Iterable[str] | None,
    write: Callable[[], bool],
) -> bool:
    """Merge what the instance changed into its row and document; `write` inserts one that is gone.

    Returns whether there was a row to update. Raises `ValueError` where the instance was loaded
    with another `sync_id`.
    """
    model: type[SyncModel] = type(instance)
    pk = instance.pk
    if update_fields is None or "sync_id" in update_fields:
        _check_identity(instance, using)
    edit = edit_of(instance, using, update_fields)
    if not edit.fields:
        return True
    with transaction.atomic(using=using):
        lock_database(using, wait=True)
        if children_of(model):
            [(model, [pk])] = by_model(model, using, [pk]).items()
        held = hold_row(model, using, pk)
        if held is None or held.row is None:
            return insert(instance, using, write) if update_fields is None else False
        merge_edits(model, using, [(edit, held)])
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


def _check_identity(instance: SyncModel, using: str) -> None:
    seen = seen_values.seen_by(instance, using)
    if seen is None or "sync_id" not in instance.__dict__:
        return  # made by hand, with a key of its own making
    known = seen.get("sync_id")
    if known is None:  # it was deferred, and assigned
        rows = type(instance)._base_manager.using(using).filter(pk=instance.pk)
        known = rows.values_list("sync_id", flat=True).first()
    if known is not None and str(known) != str(instance.sync_id):
        raise ValueError(ONE_IDENTITY)


def _resolve(instance: SyncModel, using: str) -> None:
    """Read what the database made of expressions that were inserted."""
    fields = instance._meta.concrete_fields
    values = instance.__dict__
    made = [f.attname for f in fields if holds_expressions([values.get(f.attname)])]
    if made:
        instance.refresh_from_db(using=using, fields=made)
