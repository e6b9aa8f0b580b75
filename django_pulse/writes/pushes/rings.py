"""Rings: new rows that refer to each other, or to themselves, so that each waits for the other.

Laws:

1. A row goes ahead of what it waits for only where all of that waits for it, directly or by others,
   for the same user: then nobody else could ever let it in.
2. It goes ahead without what it refers to: in columns that may be null, and say nothing of who sees
   the row. They are filled once the others are there, as those of any row that waits.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Final
from uuid import UUID

from crdt.update import Push

from ...mapping.columns import columns_of
from ...mapping.inheritance import labels_of
from ...mapping.schema import model_of
from ...tables import Awaited, Document
from ...visibility.audience import audience_of
from ..merging import Merged, Target
from .parking import target_of

if TYPE_CHECKING:
    from django.contrib.auth.base_user import AbstractBaseUser

    from ...sync_model import SyncModel

__all__ = ["Rings"]

MOST_STEPS: Final = 100
"""Rows of a ring that are followed: each step is two queries, for all rows of a batch."""


class Rings:
    """Which documents of one model and user wait for each other."""

    def __init__(
        self,
        user: AbstractBaseUser,
        model: type[SyncModel],
        using: str,
        pushes: Mapping[int, tuple[Merged, Push]],
    ) -> None:
        self._user = str(user.pk)
        self._model = model
        self._using = using
        self._ids = [merged.held.sync_id for merged, _ in pushes.values()]
        self._waiting: dict[Target, set[Target]] | None = None
        audience = audience_of(model)
        self._place = audience.hops[0].name if audience is not None and audience.hops else None

    def lets_in(self, merged: Merged) -> bool:
        """May the row be there before the rows that it refers to and that are not there?"""
        columns = columns_of(self._model)
        if self._place in merged.held_back:
            return False
        if not all(field.null for name in merged.held_back for field in columns[name].concrete):
            return False
        known = merged.schema.fields
        wanted = {
            target_of(columns[name], known[name].read(merged.document)) for name in merged.held_back
        }
        return wanted <= self._that_wait_for(merged.held.sync_id)

    def _that_wait_for(self, sync_id: UUID) -> set[Target | None]:
        """The documents that wait for this one, directly or by others, by every label they have."""
        if self._waiting is None:
            self._waiting = self._read()
        found: set[Target | None] = set()
        left = list(_named(self._model, sync_id))
        while left:
            for each in self._waiting.get(left.pop(), ()):
                if each not in found:
                    found.add(each)
                    left.append(each)
        return found

    def _read(self) -> dict[Target, set[Target]]:
        """Who waits for each row of the batch, for each of those, and so on."""
        waiting: dict[Target, set[Target]] = {}
        wanted = {name for sync_id in self._ids for name in _named(self._model, sync_id)}
        for _ in range(MOST_STEPS):
            new = self._step(wanted)
            waiting |= new
            wanted = {each for found in new.values() for each in found} - waiting.keys()
            if not wanted:
                break
        return waiting

    def _step(self, wanted: Iterable[Target]) -> Mapping[Target, set[Target]]:
        keys = {key for _, key in wanted}
        rows = Awaited.objects.using(self._using).filter(user=self._user, key__in=keys)
        edges = list(rows.values_list("document", "model", "key"))
        named: dict[int, list[Target]] = {}
        if edges:
            documents = Document.objects.using(self._using).filter(parked__isnull=False)
            waiting = documents.filter(pk__in={document for document, *_ in edges})
            for pk, label, sync_id in waiting.values_list("pk", "model", "sync_id"):
                named[pk] = _named(model_of(label), sync_id)
        found: dict[Target, set[Target]] = {each: set() for each in wanted}
        for document, label, key in edges:
            if (label, key) in found:
                found[label, key].update(named.get(document, ()))
        return found


def _named(model: type[SyncModel] | None, sync_id: UUID) -> list[Target]:
    """The names under which a row may be awaited."""
    return [] if model is None else [(label, str(sync_id)) for label in labels_of(model)]
