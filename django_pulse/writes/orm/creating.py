"""Creating many rows at once: `bulk_create`.

Documents of new rows are made from the instances, whose values are known: nothing is read back but
what the database decided. Where rows may already be there, or their documents (a row was deleted
and comes again), they are compared with what is stored, like any row that was written past its
instance.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.db import models, transaction

from crdt.document import Document

from ... import identity
from ...mapping.schema import schema_of
from ..absorbing import absorb_rows
from ..inserting import can_insert_plainly, holds_expressions, insert_rows
from ..locking import Held, hold_documents, lock_database
from ..mirror import mirror
from ..storing import store_new
from . import seen as seen_values
from .saving import forget_identity_of_clone

if TYPE_CHECKING:
    from ...sync_model import SyncModel

__all__ = ["create_or_leave", "create_or_update", "create_rows"]

CREATED_AT_ONCE = 2_000
"""Rows that are inserted and mirrored by one set of statements: bounds what is in memory."""

Write = Callable[[list["SyncModel"]], object]
"""Django's own `bulk_create` of some of the rows."""


def create_rows(
    model: type[SyncModel],
    using: str,
    rows: Sequence[SyncModel],
    write: Write,
    batch_size: int | None = None,
) -> None:
    """Insert the rows, by plain statements where these do the same as `write`."""
    with _creating(using, rows):
        for some in _batches(rows, CREATED_AT_ONCE):
            by_id = {row.sync_id: row for row in some}
            held = hold_documents(model, using, by_id, wait=True, rows=by_id)
            for row in some:
                row.version = held[row.sync_id].document.version + 1
            _insert(model, using, some, write, batch_size)
            known = [row.pk for row in some if held[row.sync_id].document.pk is not None]
            _mirror_new(model, using, some, held)
            absorb_rows(model, using, known)
        seen_values.note_all_saved(((row, None, {}) for row in rows), using)


def create_or_leave(
    model: type[SyncModel], using: str, rows: Sequence[SyncModel], write: Write
) -> None:
    """Insert the rows as far as no other is in their way; those that were get their keys."""
    with _creating(using, rows):
        inserted = []
        for some in _batches(rows, CREATED_AT_ONCE):
            before = _keys(model, using, some)
            write(some)
            after = _keys(model, using, some)
            new = [row for row in some if row.sync_id in after and row.sync_id not in before]
            for row in new:
                row.pk, row._state.adding, row._state.db = after[row.sync_id], False, using
            absorb_rows(model, using, [row.pk for row in new])
            inserted += new
        _show(model, using, inserted)


def create_or_update(
    model: type[SyncModel], using: str, rows: Sequence[SyncModel], write: Write
) -> None:
    """Insert the rows, or update those that are in their way; the instances stand for these."""
    with _creating(using, rows):
        for some in _batches(rows, CREATED_AT_ONCE):
            write(some)
            absorb_rows(model, using, [row.pk for row in some])
        _show(model, using, rows)


@contextmanager
def _creating(using: str, rows: Sequence[SyncModel]) -> Iterator[None]:
    for row in rows:
        forget_identity_of_clone(row)
    with transaction.atomic(using=using):
        lock_database(using, wait=True)
        yield


def _insert(
    model: type[SyncModel],
    using: str,
    rows: list[SyncModel],
    write: Write,
    batch_size: int | None,
) -> None:
    if can_insert_plainly(model) and all(row.pk is None for row in rows):
        for row in rows:
            row._prepare_related_fields_for_save(operation_name="bulk_create")  # type: ignore[attr-defined]
        for some in _batches(rows, batch_size or len(rows)):
            insert_rows(model, using, some)
    else:
        write(rows)
    _read_what_the_database_made(model, using, rows)


def _mirror_new(
    model: type[SyncModel],
    using: str,
    rows: Sequence[SyncModel],
    held: Mapping[UUID, Held],
) -> None:
    """Make the documents of rows that never had one."""
    schema, replica = schema_of(model), identity.replica_id(using)
    now_ms = time.time_ns() // 1_000_000
    new = [row for row in rows if held[row.sync_id].document.pk is None]
    states = []
    for row in new:
        document = Document(replica=replica)
        mirror(document, schema, row, held[row.sync_id].keys, now_ms)
        states.append(document.encode())
    store_new(model, using, new, states)


def _read_what_the_database_made(
    model: type[SyncModel], using: str, rows: Sequence[SyncModel]
) -> None:
    """Show what became of expressions: one query for the rows and columns that had any."""
    columns = {
        field.attname: [row.__dict__.get(field.attname, _NOT_READ) for row in rows]
        for field in model._meta.concrete_fields
    }
    names = [name for name, values in columns.items() if holds_expressions(values)]
    if names:
        found = model._base_manager.using(using).filter(pk__in=[row.pk for row in rows])
        made = {pk: values for pk, *values in found.values_list("pk", *names)}
        for row in rows:
            for name, value in zip(names, made[row.pk], strict=True):
                if holds_expressions([row.__dict__.get(name, _NOT_READ)]):
                    row.__dict__[name] = value


_NOT_READ: Any = models.F("pk")
"""Stands for an attribute that an instance does not have, of which the database knows more."""


def _keys(model: type[SyncModel], using: str, rows: Sequence[SyncModel]) -> dict[UUID, Any]:
    """The primary keys of the rows that are there, by `sync_id`."""
    found = model._base_manager.using(using).filter(sync_id__in=[row.sync_id for row in rows])
    return dict(found.values_list("sync_id", "pk"))


def _show(model: type[SyncModel], using: str, rows: Sequence[SyncModel]) -> None:
    """Show on the instances whose rows they stand for now, and note that these were saved."""
    for some in _batches(rows, CREATED_AT_ONCE):
        found = model._base_manager.using(using).filter(pk__in=[row.pk for row in some])
        there = {each["pk"]: each for each in found.values("pk", "sync_id", "version")}
        for row in some:
            row.sync_id, row.version = there[row.pk]["sync_id"], there[row.pk]["version"]
    seen_values.note_all_saved(((row, None, {}) for row in rows), using)


def _batches(rows: Sequence[SyncModel], size: int) -> Iterator[list[SyncModel]]:
    for start in range(0, len(rows), size):
        yield list(rows[start : start + size])
