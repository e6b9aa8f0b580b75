"""Reaching: which of the rows there are a push may touch.

Laws:

1. A row that its writer may not see is not there for him: a push to it is judged as one to a row
   that nobody has, and answered alike, after as many questions to the database. Only what would
   make a row is refused, since the id is taken.
2. The rows' own columns tell who sees them, also where they were changed behind our back; of rows
   that are gone, their documents do.
3. A parked document is its pusher's alone.
"""

from __future__ import annotations

from collections.abc import Collection, Container, Mapping, MutableMapping
from typing import TYPE_CHECKING
from uuid import UUID

from ...mapping.columns import columns_of
from ...mapping.inheritance import own_rows
from ...mapping.keys import Keys
from ...mapping.schema import label_of
from ...visibility import scopes
from ..locking import Held, Stored, stored_documents
from . import parking

if TYPE_CHECKING:
    from .batches import Batch

__all__ = ["NO_SUCH_ROW", "hide"]

NO_SUCH_ROW = "There is no such row, or you may not write it."
"""Said of what is not there, and of what is none of the writer's business."""


def hide(batch: Batch, held: MutableMapping[UUID, Held], visible: Container[str]) -> set[UUID]:
    """Put nothing in the place of rows that the user may not see; returns which these are."""
    if batch.waited:
        return set()
    ids = {item.id for item in batch.items.values()}
    busy = ids - held.keys()
    there = {**held, **_unlocked(batch, busy)} if busy else dict(held)
    placed = _placed(batch, there)
    hidden = {
        sync_id
        for sync_id, each in there.items()
        if not _is_visible(batch, each, placed.get(sync_id), visible)
    }
    for sync_id in hidden:
        nothing = Stored(label_of(batch.model), sync_id)
        held[sync_id] = Held(sync_id, None, nothing, there[sync_id].keys)
    return hidden


def _unlocked(batch: Batch, ids: Collection[UUID]) -> dict[UUID, Held]:
    """Busy rows, to be read only: that somebody holds them is nobody else's business, either."""
    model, using = batch.model, batch.using
    rows = {row.sync_id: row for row in own_rows(model, using).filter(sync_id__in=ids)}
    documents = stored_documents(model, using, ids)
    keys = Keys(using, columns_of(model))
    return {
        sync_id: Held(
            sync_id,
            rows.get(sync_id),
            documents.get(sync_id) or Stored(label_of(model), sync_id),
            keys,
        )
        for sync_id in ids
    }


def _placed(batch: Batch, there: Mapping[UUID, Held]) -> dict[UUID, list[str]]:
    """The scopes of the rows there are; as many queries, whether there are any or not."""
    rows = {sync_id: each.row for sync_id, each in there.items() if each.row is not None}
    found = scopes.of_rows(list(rows.values()), batch.using, sought=there, model=batch.model)
    return dict(zip(rows, found, strict=True))


def _is_visible(
    batch: Batch, held: Held, placed: list[str] | None, visible: Container[str]
) -> bool:
    """May the user see the row there is? One that nobody has is his to create."""
    if held.document.parked is not None:
        return parking.is_his(held.document, batch.user)
    if placed is None and held.document.pk is None:
        return True
    found = held.document.scopes if placed is None else placed
    return any(key in visible for key in found)
