"""Pushes to documents that were purged: rows deleted so long ago that no tombstone is left.

Taken for new rows, such pushes would make rows with half of their fields: what others wrote would
be missing. So a client says up to where it knows what became of the document. Has something been
purged since, the document may have been, and is taken to be. Has nothing been, the row is new, or
the server lost it: then it is a push like any other.
"""

from __future__ import annotations

from collections.abc import Collection

from django.db.models import F

from ...prepared import OneOf, Prepared
from ...tables import Scope
from ..locking import Held
from .items import ItemResult, PushItem, Upload

__all__ = ["answer_to_forgotten"]

_PURGED = Prepared(
    lambda keys: (
        Scope.objects.filter(OneOf(F("key"), keys)).order_by("-purged").values_list("purged")[:1]
    )
)
"""Up to where any of these scopes has forgotten something."""


def answer_to_forgotten(
    using: str, visible: Collection[str], held: Held, item: PushItem | Upload
) -> ItemResult | None:
    """The answer, if the item is of a document that the server had, or may have had, and purged."""
    if item.seen is None or held.document.pk is not None or held.row is not None:
        return None
    found = _PURGED.rows(using, list(visible))
    if not found or item.seen >= found[0][0]:
        return None
    message = "The row was deleted, so long ago that the server has forgotten it."
    return ItemResult("refused", code="gone", message=message)
