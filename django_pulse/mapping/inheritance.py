"""Multi-table inheritance: one row that is spread over the tables of several models.

Laws:

1. The document of a row is that of its most derived model that syncs. Whoever writes the row as one
   of its parents writes into that document.
2. The rows of a model are, for us, those that no model below it has as its own.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any, cast

from django.db import models

from .schema import label_of, sync_models, syncs

if TYPE_CHECKING:
    from ..sync_model import SyncModel

__all__ = ["by_model", "children_of", "labels_of", "own_rows", "parent_links"]


@cache
def children_of(model: type[models.Model]) -> Mapping[type[SyncModel], str]:
    """The models that sync and have a table below that of `model`, the most derived ones first,
    each with the lookup that leads from its rows to the primary key they have as `model`.
    """
    model = model._meta.concrete_model or model
    below = [each for each in sync_models() if model in each._meta.get_parent_list()]
    below.sort(key=lambda each: -len(each._meta.get_parent_list()))
    return {each: _lookup(each, model) for each in below}


def own_rows(model: type[SyncModel], using: str) -> models.QuerySet[SyncModel]:
    """The rows of which the most derived model that syncs is `model`."""
    rows = model._base_manager.using(using)
    for child, lookup in children_of(model).items():
        rows = rows.exclude(pk__in=child._base_manager.using(using).values(lookup))
    return rows.all()


def by_model(
    model: type[models.Model], using: str, pks: Collection[Any]
) -> dict[type[SyncModel], list[Any]]:
    """The primary keys of the rows by their most derived models, as which they may have others.

    One query for each model below `model`, none where there is none.
    """
    model = model._meta.concrete_model or model
    left = dict.fromkeys(pks)
    found: dict[Any, list[Any]] = {}
    for child, lookup in children_of(model).items():
        rows = child._base_manager.using(using).filter(**{f"{lookup}__in": list(left)})
        for pk, own in rows.order_by("pk").values_list(lookup, "pk"):
            if left.pop(pk, pk) is None:
                found.setdefault(child, []).append(own)
    if syncs(model) and left:
        found[cast("Any", model)] = list(left)
    return found


@cache
def labels_of(model: type[SyncModel]) -> tuple[str, ...]:
    """The labels under which others may refer to the model's rows: its own, and its parents'."""
    return tuple(label_of(each) for each in (model, *model._meta.get_parent_list()) if syncs(each))


@cache
def parent_links(model: type[models.Model]) -> tuple[str, ...]:
    """The fields that lead to the parents' tables, by their names."""
    return tuple(link.name for link in model._meta.parents.values() if link is not None)


def _lookup(child: type[models.Model], model: type[models.Model]) -> str:
    """From a row of `child` to the primary key that it has as a row of `model`."""
    links = []
    current: Any = child
    for base in child._meta.get_base_chain(model):
        link: Any = current._meta.get_ancestor_link(base)
        links.append(link.name)
        current = base
    return "__".join(links)
