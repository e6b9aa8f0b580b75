"""Adopting: giving documents to rows that have none.

Rows of a table that became a SyncModel's by a migration, or that raw SQL or historical models
wrote, are in no document and no feed until something writes them. This mirrors them, a batch in a
transaction, while everybody goes on working.

Laws:

1. A row that has a document is left alone. So it may be stopped anywhere and started again, and
   several may run at once.
2. It waits for nobody's row: what somebody holds is tried again, then left to the next run. So no
   user's transaction is the victim of a deadlock with it.
3. A row whose values no document can hold is told about and passed over.
4. A row that was counted before, by django-pulse 1.0.1, may be on devices under that version: what
   it was is remembered, so that what they edited since is merged.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet

from .. import identity
from ..mapping.inheritance import own_rows
from ..mapping.schema import label_of, schema_of
from ..tables import Document
from ..text.as_json import sets_told
from ..text.as_json import told as as_told
from ..text.remembering import remember
from ..writes.locking import Held, hold, lock_database
from ..writes.merging import Merged
from ..writes.storing import store_documents, store_rows
from .sweeping import breath, patiently, reason_of, steps

if TYPE_CHECKING:
    from ..sync_model import SyncModel

__all__ = ["ADOPTED_AT_ONCE", "Adopted", "Unfit", "adopt", "without_document"]

ADOPTED_AT_ONCE = 500
"""Rows of one transaction: well under a second of locks, and one stamping takes them all."""

LOOKED_AT_ONCE = 10_000
"""Primary keys of one step through the table: what was adopted already is passed over in steps of
this many, which takes a few milliseconds each."""


@dataclass(frozen=True, slots=True)
class Unfit:
    """A row that cannot be mirrored: its primary key, and why."""

    pk: Any
    reason: str


@dataclass(frozen=True, slots=True)
class Adopted:
    """One batch: how many rows were mirrored, which could not be, and how many somebody held."""

    rows: int = 0
    unfit: tuple[Unfit, ...] = ()
    busy: int = 0


def without_document(model: type[SyncModel], using: str) -> QuerySet[SyncModel]:
    """The rows of `model` that have no document."""
    return _missing(own_rows(model, using), model)


def adopt(
    model: type[SyncModel],
    using: str,
    batch_size: int = ADOPTED_AT_ONCE,
    rest: Callable[[float], None] = time.sleep,
) -> Iterator[Adopted]:
    """Mirror the rows of `model` that have no document; one result per batch, as it commits.

    To be called outside a transaction. `rest` is called with seconds to wait.
    """
    rows = own_rows(model, using)
    for keys in steps(rows, LOOKED_AT_ONCE):
        between = rows.filter(pk__gte=keys[0], pk__lte=keys[-1]).order_by("pk")
        pks = list(_missing(between, model).values_list("pk", flat=True))
        for start in range(0, len(pks), batch_size):
            with breath(using, rest):
                batch = _adopted(model, using, pks[start : start + batch_size], rest)
            yield batch


def _missing(rows: QuerySet[SyncModel], model: type[SyncModel]) -> QuerySet[SyncModel]:
    """Of `rows` those without document; by an anti-join, which loads none of them."""
    documents = Document.objects.using(rows.db).filter(model=label_of(model))
    return rows.filter(~Exists(documents.filter(sync_id=OuterRef("sync_id"))))


def _adopted(
    model: type[SyncModel], using: str, pks: Sequence[Any], rest: Callable[[float], None]
) -> Adopted:
    """Adopt a batch, and once more what was busy in it."""
    parts, busy = patiently(partial(_mirrored, model, using), pks, _failed, rest)
    unfit = [row for part in parts for row in part.unfit]
    return Adopted(sum(part.rows for part in parts), tuple(unfit), len(busy))


def _failed(pk: Any, reason: str) -> Adopted:
    return Adopted(unfit=(Unfit(pk, reason),))


def _mirrored(
    model: type[SyncModel], using: str, pks: Sequence[Any]
) -> tuple[Adopted, Sequence[Any]]:
    """One transaction: the rows that nobody holds, and the primary keys of the others."""
    with transaction.atomic(using=using):
        lock_database(using, wait=False)
        rows = own_rows(model, using).filter(pk__in=pks)
        ids = dict(rows.values_list("sync_id", "pk"))
        held = hold(model, using, ids, wait=False)
        told = {i: each.row.version for i, each in held.items() if each.row is not None}
        merges, unfit = _begun(model, using, held.values())
        store_rows(model, using, merges)
        store_documents(using, merges)
        _remember(using, merges, told)
    busy = [pk for sync_id, pk in ids.items() if sync_id not in held]
    return Adopted(len(merges), tuple(unfit)), busy


def _remember(using: str, merges: Sequence[Merged], told: Mapping[UUID, int]) -> None:
    """Remember what devices were told of rows that were counted before, under these versions."""
    counted = [merged for merged in merges if merged.row is not None and told[merged.held.sync_id]]
    sets = sets_told([merged.row for merged in counted if merged.row is not None], using)
    remember(
        using,
        [
            (m.held.document.pk, version, as_told(m.row, version, sets), m.held.document.state)
            for m in counted
            if m.row is not None and m.held.document.pk and (version := told[m.held.sync_id])
        ],
    )


def _begun(
    model: type[SyncModel], using: str, held: Iterable[Held]
) -> tuple[list[Merged], list[Unfit]]:
    """The rows with new documents, and those that no document can hold."""
    replica, now_ms = identity.replica_id(using), time.time_ns() // 1_000_000
    schema = schema_of(model)
    merges, unfit = [], []
    for each in held:
        if each.row is None or each.document.pk is not None:
            continue  # deleted, or mirrored, since it was looked at
        try:
            merges.append(Merged.mirrored(each, schema, replica, now_ms))
        except (ValueError, ValidationError) as error:
            unfit.append(Unfit(each.row.pk, reason_of(error)))
    return merges, unfit
