"""Forgetting what clients of the text protocol were told and sent, once nobody is away any longer.

Laws:

1. What was told last is kept, however long ago: the row is still so. What came after it is what
   makes a version old, and only from then on does its time run.
2. What was taken from a client is kept as long as what it had been told: without the one the other
   would make a retry an edit.
3. A row is remembered in so many versions at most, the latest of them.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.db.models import Count, Exists, OuterRef, QuerySet
from django.utils import timezone

from ..conf import conf
from ..tables import Receipt, Told

__all__ = ["MOST_VERSIONS", "forget"]

MOST_VERSIONS = 1_000
"""Versions of one row: one that changes every minute is remembered for most of a day."""

FORGOTTEN_AT_ONCE = 500
"""Rows deleted by one statement."""

ROWS_AT_ONCE = 20
"""Rows with too many versions that are looked after in one go."""


def forget(using: str) -> int:
    """Forget what is older than `TEXT_HISTORY_DAYS`, in short statements; how much that was."""
    until = timezone.now() - timedelta(days=conf.TEXT_HISTORY_DAYS)
    position = int(until.timestamp() * 1_000_000)
    told, receipts = Told.objects.using(using), Receipt.objects.using(using)
    later = told.filter(document=OuterRef("document"), version__gt=OuterRef("version"))
    old = told.filter(Exists(later.filter(version__lt=position)), version__lt=position)
    forgotten = _all(old)
    base = told.filter(document=OuterRef("document"), version=OuterRef("base"))
    forgotten += _all(receipts.filter(~Exists(base), taken_at__lt=until))
    counted = told.values("document").annotate(count=Count("pk")).order_by("document")
    crowded = counted.filter(count__gt=MOST_VERSIONS).values_list("document", flat=True)
    for document in list(crowded[:ROWS_AT_ONCE]):
        of_row = told.filter(document=document)
        first = of_row.order_by("-version").values_list("version", flat=True)[MOST_VERSIONS - 1]
        forgotten += _all(of_row.filter(version__lt=first))
    return forgotten


def _all(rows: QuerySet[Any]) -> int:
    """Delete all of these rows, some at a time."""
    count = 0
    while pks := list(rows.values_list("pk", flat=True)[:FORGOTTEN_AT_ONCE]):
        count += rows.model._base_manager.using(rows.db).filter(pk__in=pks).delete()[0]
    return count
