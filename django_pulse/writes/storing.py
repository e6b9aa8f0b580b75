"""Storing a batch of merged rows: rows, documents, outbox, in set-sized statements.

Everything here happens in the transaction that holds the locks. What devices changed is announced
to Django's own signals, and to `rows_synced`, once it is committed.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.db import models
from django.utils import timezone

from ..awaiting import can_be_awaited
from ..changefeed import feed
from ..mapping.schema import label_of
from ..sql import insert_many, is_plain, update_many
from ..tables import Document, Outbox
from ..visibility import scopes
from . import following
from .inserting import insert_rows
from .locking import Stored
from .membership import mirror_others, store_members
from .merging import Merged
from .noting import already_told, note_written

if TYPE_CHECKING:
    from ..sync_model import SyncModel

__all__ = ["store_documents", "store_new", "store_rows", "update_rows"]


def store_documents(using: str, batch: Sequence[Merged]) -> None:
    """Write the documents of a batch whose rows are written, and what the feed has to tell."""
    left = {}
    shared: dict[tuple[str, ...], list[str]] = {}  # one list for all rows of a scope: prepared once
    # A tombstone stays where its row was; a parked document is in no scope.
    there = [(m, m.row) for m in batch if m.row is not None and not m.deleted]
    relations = following.turned([merged for merged, _ in there])
    found = scopes.of_rows([row for _, row in there], using)
    entered = {m.held.sync_id: keys for (m, _), keys in zip(there, found, strict=True)}
    for merged in batch:
        document = merged.held.document
        left[document.sync_id] = document.scopes
        keys = entered.get(document.sync_id, document.scopes)
        document.scopes = shared.setdefault(tuple(keys), keys)
        document.deleted = merged.schema.is_deleted(merged.document)
        if document.deleted:
            document.parked = document.waiting = None
        document.state = merged.document.encode()
        if merged.rebuilt or document.clocks:  # or the server's own are behind a rebuilding's
            document.count(merged.document.replica, merged.document.clock(merged.document.replica))
        document.version += 1
    _write(using, [merged.held.document for merged in batch])
    note_written(left)
    outgoing = [row for merged in batch for row in _outbox(merged, left[merged.held.sync_id])]
    insert_many(Outbox, using, ("document", "scope", "update"), outgoing)
    feed.stamp_after_commit(using)
    following.follow(using, relations)
    if there:
        mirror_others(type(there[0][1]), using, [merged for merged, _ in there])


def store_new(
    model: type[SyncModel], using: str, rows: Sequence[SyncModel], states: Sequence[bytes]
) -> None:
    """Write the first documents of rows that were inserted just now: nobody holds any of them."""
    label = label_of(model)
    shared: dict[tuple[str, ...], list[str]] = {}
    entered = [shared.setdefault(tuple(keys), keys) for keys in scopes.of_rows(rows, using)]
    pks = insert_many(
        Document,
        using,
        ("model", "sync_id", "state", "version", "deleted", "scopes"),
        [
            (label, row.sync_id, state, 1, False, keys)
            for row, state, keys in zip(rows, states, entered, strict=True)
        ],
    )
    unseen = [""] if can_be_awaited(label) else []
    outgoing = [
        (pk, scope, state if scope else b"")
        for pk, state, keys in zip(pks, states, entered, strict=True)
        for scope in keys or unseen
    ]
    insert_many(Outbox, using, ("document", "scope", "update"), outgoing)
    feed.stamp_after_commit(using)
    following.follow(using, following.turned_by_new(model, rows))


def store_rows(model: type[SyncModel], using: str, batch: Sequence[Merged]) -> set[UUID]:
    """Insert, update and delete the rows of a batch; to be called before `store_documents`.

    Returns which of the deleted ones receivers wrote to before they were gone.
    """
    for merged in batch:
        if merged.row is not None:
            merged.row.version = merged.held.document.version + 1
    plain: models.QuerySet[SyncModel] = models.QuerySet(model, using=using)
    inserted = [merged.row for merged in batch if merged.inserted and merged.row is not None]
    if inserted:
        insert_rows(model, using, inserted)
    deleted = {m.held.sync_id: m.row.pk for m in batch if m.deleted and m.row is not None}
    written: set[UUID] = set()
    if deleted:
        with already_told(set(deleted)) as written:
            plain.filter(pk__in=deleted.values()).delete()
    update_rows(
        model,
        using,
        [
            (merged.row, merged.columns)
            for merged in batch
            if merged.row is not None and not merged.inserted and not merged.deleted
        ],
    )
    store_members(model, using, batch)
    return written


def update_rows(
    model: type[SyncModel], using: str, changes: Iterable[tuple[SyncModel, Sequence[str]]]
) -> None:
    """Write the named columns of each row, its version, and its `auto_now` fields."""
    automatic = [f for f in model._meta.concrete_fields if getattr(f, "auto_now", False)]
    now = timezone.now()
    groups: dict[tuple[str, ...], list[SyncModel]] = {}
    for row, names in changes:
        if names:
            for automatic_field in automatic:
                automatic_field.pre_save(row, False)
            row.updated_at = now
        extra = [automatic_field.name for automatic_field in automatic] if names else []
        groups.setdefault((*names, *extra, "version"), []).append(row)
    for names, rows in groups.items():
        for table, fields in _by_table(model, names).items():
            key = table._meta.pk.attname
            values = [
                (row.__dict__[key], [getattr(row, each.attname) for each in fields]) for row in rows
            ]
            _update_table(table, using, fields, values)


def _by_table(
    model: type[SyncModel], names: Iterable[str]
) -> dict[type[models.Model], list[models.Field[Any, Any]]]:
    """The named fields by the model whose table they are in: those of a parent are in its."""
    tables: dict[type[models.Model], list[models.Field[Any, Any]]] = {}
    for name in names:
        found: Any = model._meta.get_field(name)
        tables.setdefault(found.model, []).append(found)
    return tables


def _update_table(
    model: type[models.Model],
    using: str,
    fields: Sequence[models.Field[Any, Any]],
    values: Sequence[tuple[Any, Sequence[Any]]],
) -> None:
    names = [each.name for each in fields]
    if all(is_plain(each) for each in fields):
        update_many(model, using, names, values)
        return
    plain: models.QuerySet[Any] = models.QuerySet(model, using=using)
    for key, each in values:
        plain.filter(pk=key).update(**dict(zip(names, each, strict=True)))


def _write(using: str, documents: Sequence[Stored]) -> None:
    new = [document for document in documents if document.pk is None]
    keys = insert_many(
        Document,
        using,
        ("model", "sync_id", *_CONTENT, "clocks"),
        [(d.model, d.sync_id, *_content(d), d.clocks) for d in new],
    )
    old = [document for document in documents if document.pk is not None]
    written = [(d.pk, _content(d)) for d in old if not d.is_counted]
    pushed = [(d.pk, (*_content(d), d.clocks)) for d in old if d.is_counted]
    update_many(Document, using, _CONTENT, written)
    update_many(Document, using, (*_CONTENT, "clocks"), pushed)
    for document, key in zip(new, keys, strict=True):
        document.pk = key
    marks = [(d.pk, (d.parked, d.waiting or None)) for d in documents if d.is_marked_anew]
    update_many(Document, using, ("parked", "waiting"), marks)
    turned = [d for d in documents if d.deleted != d.was_deleted]
    if turned:
        now = timezone.now()
        times = [(d.pk, (now if d.deleted else None,)) for d in turned]
        update_many(Document, using, ("deleted_at",), times)


_CONTENT = ("state", "version", "deleted", "scopes")


def _content(document: Stored) -> tuple[bytes, int, bool, list[str]]:
    return document.state, document.version, document.deleted, document.scopes


def _outbox(merged: Merged, left: Sequence[str]) -> list[tuple[int, str, bytes]]:
    """A delta for the scopes the row stays in, the whole for those it enters, else nothing.

    Under no scope stands a change that nobody sees, for what waits for it.
    """
    document = merged.held.document
    delta = merged.document.delta() if any(scope in left for scope in document.scopes) else b""
    gone = [scope for scope in left if scope not in document.scopes]
    assert document.pk is not None, "it is written by now"
    rows = [
        (document.pk, scope, delta if scope in left else document.state)
        for scope in document.scopes
    ]
    rows += [(document.pk, scope, b"") for scope in gone]
    is_closed = document.parked is not None and "into" in document.parked
    if not rows and (document.parked is None or is_closed) and can_be_awaited(document.model):
        return [(document.pk, "", b"")]  # nobody sees it, but something may wait for it
    return rows
