"""Awaiting: which rows documents wait for, and how they learn that those came or changed.

Laws:

1. Whoever stamps a committed change wakes what waits for that row, in the transaction that takes
   the change off the outbox: neither is lost without the other.
2. Whoever looks whether a row is there clears `ready` first, in the same transaction, and whoever
   begins to wait is ready. So of a change and a look at the same time, one sees the other.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any, cast
from uuid import UUID

from django.db.models import F, Q

from .mapping.columns import columns_of
from .mapping.inheritance import labels_of
from .mapping.schema import label_of, sync_models
from .mapping.uniqueness import unique_sets
from .prepared import OneOf, Prepared
from .tables import Awaited

if TYPE_CHECKING:
    from .sync_model import SyncModel

__all__ = ["ANY", "awaited_models", "can_be_awaited", "depth", "wake"]


ANY = ""
"""The key that stands for any row of a model, where it is not known which one is in the way."""


_OF_MODELS = Prepared(
    lambda labels: Awaited.objects.filter(OneOf(F("model"), labels)).values_list("pk")[:1]
)


def wake(using: str, changed: Iterable[tuple[str, UUID]]) -> bool:
    """These documents changed, and are committed: what waits for them is ready to be looked at.

    Says whether there was any. Locks what it wakes.
    """
    by_model: dict[str, list[str]] = {}
    for model, sync_id in changed:
        for label in _awaitable().get(model, ()):
            by_model.setdefault(label, []).append(str(sync_id))
    if not _OF_MODELS.rows(using, list(by_model)):  # as nearly always
        return False
    wanted = Q(pk__in=[])
    for model, ids in by_model.items():
        wanted |= Q(model=model, key__in=[*ids, ANY])
    # Also what is ready already: somebody may be clearing that just now.
    return Awaited.objects.using(using).filter(wanted).update(ready=True) > 0


def awaited_models(model: type[SyncModel]) -> set[type[SyncModel]]:
    """The models whose rows come from devices and are named by foreign keys of this one."""
    targets = {column.target for column in columns_of(model).values()}
    return {cast("Any", target.model) for target in targets if target is not None and target.syncs}


@cache
def depth(model: type[SyncModel]) -> int:
    """How many models have to come first, so that rows of this one find what they refer to."""
    return _depth(model, frozenset())


def _depth(model: type[SyncModel], above: frozenset[type[SyncModel]]) -> int:
    found = awaited_models(model) - above - {model}
    return max((1 + _depth(each, above | {model}) for each in found), default=0)


def can_be_awaited(label: str) -> bool:
    """May anything wait for rows of this model?"""
    return label in _awaitable()


@cache
def _awaitable() -> Mapping[str, tuple[str, ...]]:
    """The labels under which rows of each model may be awaited.

    Those of models that foreign keys of synced models point to, and of those with unique values;
    of every model that syncs, where a generic key may point to any.
    """
    found: set[str] = set()
    for model in sync_models():
        if any(c.refers and c.target is None for c in columns_of(model).values()):
            found.update(map(label_of, sync_models()))
        found |= {label_of(target) for target in awaited_models(model)}
        if unique_sets(model):
            found.add(label_of(model))
    own = {label_of(model): labels_of(model) for model in sync_models()}
    named = {each: tuple(label for label in own[each] if label in found) for each in own}
    return {each: labels for each, labels in named.items() if labels}
