"""Storing a batch of merged rows: rows, documents, outbox, in set-sized statements.

Everything here happens in the transaction that holds the locks. What devices changed is announced
to Django's own signals, and to `rows_synced`, once it is committed.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from django.db import connections, models, transaction
from django.utils import timezone

from .. import feed, scopes
from ..tables import Document, Outbox
from .merging import Merged
from .noting import already_told

if TYPE_CHECKING:
    from ..sync_model import SyncModel

__all__ = ["store_documents", "store_rows", "update_rows"]


def store_documents(using: str, batch: Sequence[Merged]) -> None:
    """Write the documents of a batch whose rows are written, and what the feed has to tell.

    Rows know their new `version` afterwards, in memory and in their column.
    """
    outgoing: list[tuple[Merged, list[str]]] = []
    for merged in batch:
        document = merged.held.document
        left = list(document.scopes)
        if merged.row is not None and not merged.deleted:  # a deleted row's tombstone stays where the row was
            document.scopes = scopes.of_row(merged.row, using)
        document.state = merged.document.encode()
        document.version += 1
        outgoing.append((merged, left))
    _write(using, [merged.held.document for merged in batch])
    Outbox.objects.using(using).bulk_create(
        [row for merged, left in outgoing for row in _outbox(merged, left)]
    )
    transaction.on_commit(lambda: feed.stamp(using), using=using, robust=True)


def store_rows(model: type[SyncModel], using: str, batch: Sequence[Merged]) -> None:
    """Insert, update and delete the rows of a batch; to be called before `store_documents`."""
    for merged in batch:
        if merged.row is not None:
            merged.row.version = merged.held.document.version + 1
    plain: models.QuerySet[SyncModel] = models.QuerySet(model, using=using)
    inserted = [merged.row for merged in batch if merged.inserted and merged.row is not None]
    if inserted:
        plain.bulk_create(inserted)
    deleted = {m.held.sync_id: m.row.pk for m in batch if m.deleted and m.row is not None}
    if deleted:
        with already_told(set(deleted)):
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
        _update_many(model, using, names, rows)


def _write(using: str, documents: Sequence[Document]) -> None:
    new = [document for document in documents if document.pk is None]
    known = [document for document in documents if document.pk is not None]
    if new:
        Document.objects.using(using).bulk_create(new)
    _update_many(Document, using, ("state", "version", "deleted", "scopes"), known)


def _outbox(merged: Merged, left: Sequence[str]) -> list[Outbox]:
    """A delta for the scopes the row stays in, the whole for those it enters, nothing for others."""
    document = merged.held.document
    delta = merged.document.delta()
    rows = [
        Outbox(
            document=document, scope=scope, update=delta if scope in left else document.state
        )
        for scope in document.scopes
    ]
    gone = [scope for scope in left if scope not in document.scopes]
    return rows + [Outbox(document=document, scope=scope, update=b"") for scope in gone]


def _update_many(
    model: type[models.Model], using: str, names: Sequence[str], rows: Sequence[models.Model]
) -> None:
    """One prepared UPDATE, executed for all rows: Django's `bulk_update` builds a CASE per value
    and row, which takes several times as long."""
    if not rows:
        return
    connection = connections[using]
    quote = connection.ops.quote_name
    fields: list[Any] = [model._meta.get_field(name) for name in names]
    if not all(_is_plain(one) for one in fields):
        plain: models.QuerySet[models.Model] = models.QuerySet(model, using=using)
        for row in rows:
            plain.filter(pk=row.pk).update(**{one.name: getattr(row, one.name) for one in fields})
        return
    key: Any = model._meta.pk
    assignments = ", ".join(f"{quote(one.column)} = %s" for one in fields)
    sql = f"UPDATE {quote(model._meta.db_table)} SET {assignments} WHERE {quote(key.column)} = %s"
    with connection.cursor() as cursor:
        cursor.executemany(
            sql,
            [
                [
                    *(one.get_db_prep_save(getattr(row, one.attname), connection) for one in fields),
                    key.get_db_prep_save(row.pk, connection),
                ]
                for row in rows
            ],
        )


def _is_plain(field: models.Field[Any, Any]) -> bool:
    """Is the field's value one `%s` in SQL? (A BinaryField's is, in the databases we serve.)"""
    own = hasattr(field, "get_placeholder") or hasattr(field, "get_placeholder_sql")
    return isinstance(field, models.BinaryField) or not own
