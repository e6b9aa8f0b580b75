"""Outcomes: what a push has to tell its replica, kept until that confirms it.

For an update that was simply merged the document itself is the outcome: it knows the clocks. Only
what was undone, and why a row is not there yet, has to be written down, in the same transaction.

Their ids are random, and so those of several databases differ: counted, they would tell every
device how much of others is undone.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from uuid import UUID

from ...mapping.schema import label_of, model_of
from ...prepared import Prepared
from ...sql import update_many
from ...tables import Document, Outcome
from ...visibility.scopes import database_of, databases
from ..locking import Stored
from ..merging import Merged, Reverts
from . import parking
from .items import ItemResult, PushItem, StoredOutcome, Upload

if TYPE_CHECKING:
    from ...sync_model import SyncModel

__all__ = ["Told", "confirm", "outcomes", "repeated", "settle", "store_outcomes"]
__all__ += ["storable", "there_by_now"]

_ID_BITS = 52
"""A number below 2**53 travels as it is."""

_OUTCOMES = Prepared(
    lambda replica: (
        Outcome.objects.filter(replica=replica)
        .order_by("document", "clock", "pk")
        .values_list("pk", "document__model", "document__sync_id", "clock", "payload")
    )
)

_LATEST = Prepared(
    lambda replica, document, clock: (
        Outcome.objects.filter(replica=replica, document=document, clock__lte=clock)
        .order_by("-clock")
        .values_list("pk", "payload")[:1]
    )
)

Told = tuple[int, Stored, int, Reverts, "dict[str, Any] | None"]
"""The item's place in the frame, its document, the pusher's next clock, what was undone, and why
the row is not there yet.
"""


def outcomes(replica: int) -> list[StoredOutcome]:
    """What `replica` has not confirmed yet, in the order of its clocks."""
    return [
        StoredOutcome(pk, model, sync_id, clock, payload["reverted"], payload.get("parked"))
        for using in databases()
        for pk, model, sync_id, clock, payload in _OUTCOMES.rows(using, replica)
    ]


def confirm(replica: int, ids: Sequence[int]) -> None:
    """Forget outcomes that `replica` has stored."""
    for using in databases() if ids else ():
        Outcome.objects.using(using).filter(replica=replica, pk__in=ids).delete()


def repeated(using: str, replica: int, merged: Merged, clock: int) -> ItemResult:
    """The answer to an update that is wholly known: the stored one. Where that was confirmed, it is
    told anew that the row still waits.
    """
    document = merged.held.document
    found = _LATEST.rows(using, replica, document.pk, clock)
    if not found:
        return store_outcomes(using, replica, [(0, document, clock, {}, parking.told(merged))])[0]
    pk, payload = found[0]
    return _told(pk, payload, clock)


def settle(using: str, documents: Sequence[Stored]) -> None:
    """The rows of these documents are there by now, or never will be: nobody is to be told still
    that they are parked.
    """
    if not documents:
        return
    rows = Outcome.objects.using(using).filter(document__in=[each.pk for each in documents])
    found = list(rows.filter(payload__has_key="parked").values_list("pk", "payload"))
    done = [pk for pk, payload in found if not payload["reverted"]]
    Outcome.objects.using(using).filter(pk__in=done).delete()
    left = [(pk, ({"reverted": told["reverted"]},)) for pk, told in found if told["reverted"]]
    update_many(Outcome, using, ("payload",), left)


def there_by_now(
    items: Sequence[PushItem | Upload], results: Mapping[int, ItemResult]
) -> dict[int, ItemResult]:
    """The results, put right, of those that had to wait and need not any more."""
    waiting: dict[type[SyncModel], dict[int, UUID]] = {}
    for place, result in results.items():
        model = model_of(items[place].model) if result.parked is not None else None
        if model is not None:
            waiting.setdefault(model, {})[place] = items[place].id
    right = {}
    for model, ids in waiting.items():
        rows = Document.objects.using(database_of(model)).filter(model=label_of(model))
        rows = rows.filter(parked__isnull=True, waiting__isnull=True, sync_id__in=ids.values())
        there = set(rows.values_list("sync_id", flat=True))
        for place, sync_id in ids.items():
            if sync_id in there:
                result = results[place]
                outcome = result.outcome if result.reverted else None
                right[place] = replace(result, parked=None, outcome=outcome)
    return right


def store_outcomes(using: str, replica: int, told: Iterable[Told]) -> dict[int, ItemResult]:
    """The results of merged pushes, those that have something to tell written down."""
    results = {}
    rows: dict[int, Outcome] = {}
    for place, document, clock, reverted, parked in told:
        results[place] = ItemResult("ok", clock=clock)
        if reverted or parked:
            assert document.pk is not None, "it is written by now"
            payload = {"reverted": reverted} | ({"parked": parked} if parked else {})
            rows[place] = Outcome(
                pk=secrets.randbits(_ID_BITS) + 1,
                replica=replica,
                document_id=document.pk,
                clock=clock,
                payload=storable(payload),
            )
    if rows:
        Outcome.objects.using(using).bulk_create(rows.values())
    for place, row in rows.items():
        results[place] = _told(row.pk, row.payload, row.clock)
    return results


def storable(told: Any) -> Any:
    """The same with U+FFFD in place of each NUL, which PostgreSQL holds in no JSON: what is undone
    because of one could not be told otherwise.
    """
    if isinstance(told, str):
        return told.replace("\0", "\ufffd")
    if isinstance(told, dict):
        return {storable(name): storable(value) for name, value in told.items()}
    return [storable(each) for each in told] if isinstance(told, list) else told


def _told(pk: int, payload: dict[str, Any], clock: int) -> ItemResult:
    parked, reverted = payload.get("parked"), payload["reverted"]
    return ItemResult("ok", clock=clock, reverted=reverted, outcome=pk, parked=parked)
