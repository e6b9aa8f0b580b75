"""Pushes to documents that were purged: rows deleted so long ago that no tombstone is left.

Taken for new rows, such pushes would make rows with half of their fields: what others wrote would
be missing. So a client says up to where it knows what became of the document. Has something been
purged since, the document may have been, and is taken to be. Has nothing been, the row is new, or
the server lost it: then it is a push like any other.

What the pusher's scopes have forgotten tells, where one of them told of the row. A client that was
told of it by none says `FIRST_POSITION`: the row may have been in a scope that its user lost since.
"""

from __future__ import annotations

from collections.abc import Collection

from django.db.models import F

from crdt.shelf import FIRST_POSITION

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

_PURGED_ANYWHERE = Prepared(lambda: Scope.objects.filter(purged__gt=0).values_list("purged")[:1])
"""Up to where some scope has, of whomever's."""


def answer_to_forgotten(
    using: str, visible: Collection[str], held: Held, item: PushItem | Upload
) -> ItemResult | None:
    """The answer, if the item is of a document that the server had, or may have had, and purged."""
    if item.seen is None or held.document.pk is not None or held.row is not None:
        return None
    if item.seen > FIRST_POSITION:
        found = _PURGED.rows(using, list(visible))
    else:
        found = _PURGED_ANYWHERE.rows(using)
    if not found or item.seen >= found[0][0]:
        return None
    message = "The row was deleted, so long ago that the server has forgotten it."
    return ItemResult("refused", code="gone", message=message)
