"""Outcomes: what a push has to tell its replica, kept until that confirms it.

For an update that was simply merged the document itself is the outcome: it knows the clocks. Only
what was undone has to be written down, in the transaction that undid it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from django.db import connections

from ..schema import sync_models
from ..scopes import database_of
from ..tables import Outcome
from .items import ItemResult, StoredOutcome
from .locking import Stored
from .merging import Reverts

__all__ = ["confirm", "outcomes", "repeated", "store_outcomes"]

Told = tuple[int, Stored, int, Reverts]
"""The item's place in the frame, its document, the pusher's next clock, what was undone."""


def outcomes(replica: int) -> list[StoredOutcome]:
    """What `replica` has not confirmed yet, oldest first."""
    return [
        StoredOutcome(
            row.pk, row.document.model, row.document.sync_id, row.clock, row.payload["reverted"]
        )
        for using in _databases()
        for row in Outcome.objects.using(using)
        .filter(replica=replica)
        .select_related("document")
        .order_by("pk")
    ]


def confirm(replica: int, ids: Sequence[int]) -> None:
    """Forget outcomes that `replica` has stored."""
    if ids:
        for using in _databases():
            Outcome.objects.using(using).filter(replica=replica, pk__in=ids).delete()


def repeated(using: str, replica: int, document: Stored, clock: int) -> ItemResult:
    """The answer to an update that is wholly known: the stored one."""
    row = (
        Outcome.objects.using(using)
        .filter(replica=replica, document=document.pk, clock__lte=clock)
        .order_by("pk")
        .last()
    )
    if row is None:
        return ItemResult("ok", clock=clock)
    return ItemResult("ok", clock=clock, reverted=row.payload["reverted"], outcome=row.pk)


def store_outcomes(using: str, replica: int, told: Iterable[Told]) -> dict[int, ItemResult]:
    """The results of merged pushes, those that undid something written down."""
    results = {}
    rows: dict[int, Outcome] = {}
    for place, document, clock, reverted in told:
        results[place] = ItemResult("ok", clock=clock)
        if reverted:
            assert document.pk is not None, "it is written by now"
            rows[place] = Outcome(
                replica=replica,
                document_id=document.pk,
                clock=clock,
                payload={"reverted": reverted},
            )
    if rows:
        Outcome.objects.using(using).bulk_create(rows.values())
    for place, row in rows.items():
        results[place] = ItemResult(
            "ok", clock=row.clock, reverted=row.payload["reverted"], outcome=row.pk
        )
    return results


def _databases() -> list[str]:
    found = {database_of(model) for model in sync_models()}
    return [alias for alias in connections if alias in found]
