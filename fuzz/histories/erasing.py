"""Erasing the rows of a history: without a signal, and without a trace for the next one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from django.db import models, transaction

from django_pulse.mapping.schema import label_of, syncs
from django_pulse.tables import Awaited, Document, Feed, Outbox, Outcome

__all__ = ["erase", "erase_rows"]

Rows = models.QuerySet[Any]


def erase_rows(model: Any, using: str, kept: Sequence[Any]) -> None:
    """Erase the rows of a model, but for those `kept`, with their documents and with whatever
    cannot be without them: links, and rows that refer to them.
    """
    rows: Rows = models.QuerySet(model, using=using).exclude(pk__in=[row.pk for row in kept])
    documents = Document.objects.using(using).filter(model=label_of(model))
    documents = documents.exclude(sync_id__in=[row.sync_id for row in kept])
    with transaction.atomic(using=using):
        _erase_with_what_refers(model, using, list(rows.values_list("pk", flat=True)))
        _erase_documents(documents)  # those of rows that were deleted or never got in, too


def erase(rows: Any) -> None:
    """Delete rows without a signal and without looking for others that refer to them."""
    rows._raw_delete(rows.db)


def _erase_with_what_refers(model: Any, using: str, keys: Sequence[Any]) -> None:
    if not keys:
        return
    rows: Rows = models.QuerySet(model, using=using).filter(pk__in=keys)
    for field in _referring(model):
        there: Rows = models.QuerySet(field.model, using=using)
        referring = there.filter(**{f"{field.name}__in": rows})
        if field.null:
            referring.update(**{field.name: None})
        elif field.model is not model:
            found = list(referring.values_list("pk", flat=True))
            _erase_with_what_refers(field.model, using, found)
    above = {
        parent: list(rows.values_list(link.attname, flat=True))
        for parent, link in model._meta.parents.items()
        if link is not None
    }
    if syncs(model):
        ids = list(rows.values_list("sync_id", flat=True))
        _erase_documents(Document.objects.using(using).filter(sync_id__in=ids))
    erase(rows)
    for parent, of_parent in above.items():
        _erase_with_what_refers(parent, using, of_parent)


def _erase_documents(documents: models.QuerySet[Document]) -> None:
    ids = list(documents.values_list("pk", flat=True))
    for table in (Feed, Outbox, Outcome, Awaited):
        erase(table._default_manager.using(documents.db).filter(document__in=ids))
    erase(Document.objects.using(documents.db).filter(pk__in=ids))


def _referring(model: Any) -> Iterator[Any]:
    """The foreign keys to a model's own table."""
    for relation in model._meta.get_fields(include_hidden=True):
        if relation.auto_created and not relation.concrete and not relation.many_to_many:
            yield relation.field
