"""Subscriptions: the part of what a user may see that one of his clients asked for.

A client names models, and for each the values that some of its fields must have. A project says by
which fields: `filters = ["project"]` in `class Sync`.

Laws:

1. A subscription narrows what is sent and never widens it: it is applied to pages of scopes that
   the user reads.
2. Whether a row is in it depends on the row's own columns alone; so whatever brings it in or takes
   it out is a change of the row, and passes by here.
3. A condition that this server does not know, of an older or a newer client, narrows nothing.
4. A row that is not in it is told as one that left; who does not hold it passes over that.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any
from uuid import UUID

from crdt import messages
from crdt.schema import MISSING
from crdt.values import decode, encode

from ..changefeed.pages import Change, Page
from ..mapping.columns import columns_of
from ..mapping.keys import Keys
from ..mapping.schema import model_of, schema_of
from . import scopes
from .audience import audience_of

if TYPE_CHECKING:
    from ..mapping.codecs import Column
    from ..sync_model import SyncModel

__all__ = ["Subscription", "chosen", "idle_scopes", "narrowed", "narrowed_live", "read"]


@dataclass(frozen=True, slots=True)
class Subscription:
    """Models by their labels, and of each the conditions: by field name, the values that will do,
    as they travel. A model without conditions is wanted whole.
    """

    models: Mapping[str, Mapping[str, frozenset[Any]]]


def read(asked: messages.Subscription | None) -> Subscription | None:
    """What a client asked for, as far as there is such a thing; None stands for everything."""
    if asked is None:
        return None
    found = {}
    for label, fields in asked.items():
        model = model_of(label)
        if model is not None:
            names = {known.wire: name for name, known in schema_of(model).fields.items()}
            found[label] = {
                names[wire]: _normal(columns_of(model)[names[wire]], values)
                for wire, values in fields.items()
                if names.get(wire) in model._sync.filters
            }
    return Subscription(found)


def narrowed(page: Page, subscription: Subscription) -> Page:
    """A page without what was not asked for. At most one query for each model with conditions."""
    using = page.scope.partition("/")[0]
    by_model: dict[str, list[UUID]] = {}
    for change in page.items:
        by_model.setdefault(change.model, []).append(change.id)
    outside = {
        (label, sync_id)
        for label, conditions in subscription.models.items()
        if conditions and label in by_model
        for sync_id in _outside(label, conditions, by_model[label], using)
    }
    items, left = [], []
    for change in page.items:
        key = change.model, change.id
        if key in outside:
            left.append(key)
        elif change.model in subscription.models:
            items.append(change)
    left += [key for key in page.leaves if key[0] in subscription.models]
    return replace(page, items=tuple(items), leaves=tuple(left))


def chosen(changes: Sequence[Change], subscription: Subscription) -> list[Change]:
    """Those of the documents that were asked for, or have no row: then they say why, or wait."""
    by_model: dict[str, list[Change]] = {}
    for change in changes:
        by_model.setdefault(change.model, []).append(change)
    found = []
    for label, some in by_model.items():
        model, ids = model_of(label), [change.id for change in some]
        if model is None:
            continue
        using, conditions = scopes.database_of(model), subscription.models.get(label)
        if conditions is None:
            rows = model._base_manager.using(using).filter(sync_id__in=ids)
            outside = set(rows.values_list("sync_id", flat=True))
        else:
            outside = set(_outside(label, conditions, ids, using) if conditions else ())
        found += [change for change in some if change.id not in outside]
    return found


def narrowed_live(changes: messages.Changes, subscription: Subscription) -> messages.Changes:
    """A live message alike, without asking the database: where conditions would have to be looked
    at, it only says that there is something to pull.

    A delta is of no use anyway to who did not hold the row before.
    """
    models = subscription.models
    items = tuple(item for item in changes.items if item.model in models)
    leaves = tuple(key for key in changes.leaves if key.model in models)
    if any(models[item.model] for item in items):
        return replace(changes, items=(), leaves=(), more=True)
    return replace(changes, items=items, leaves=leaves)


def idle_scopes(subscription: Subscription, keys: Collection[str]) -> frozenset[str]:
    """Those of the scopes in which there can be no row that was asked for."""
    starts: list[str] = []
    whole: set[str] = set()
    for label, conditions in subscription.models.items():
        model = model_of(label)
        if model is not None:
            for key, is_start in _scopes_of(model, conditions):
                if is_start:
                    starts.append(key)
                else:
                    whole.add(key)
    return frozenset(key for key in keys if key not in whole and not key.startswith(tuple(starts)))


def _scopes_of(
    model: type[SyncModel], conditions: Mapping[str, frozenset[Any]]
) -> Iterator[tuple[str, bool]]:
    """The keys of the scopes that rows with these conditions may be in, or what they start with."""
    audience, using = audience_of(model), scopes.database_of(model)
    if audience is None:
        return
    if audience.is_everybody:
        yield scopes.everybody(using), False
        yield scopes.public(using, model), False
        return
    hop = audience.hops[0] if audience.hops else None
    if hop is None or hop.attname is None or hop.name not in conditions:
        yield scopes.key_of(using, audience, ""), True
        return
    column = columns_of(model)[hop.name]
    for value in _stored(column, conditions[hop.name], using):
        yield scopes.key_of(using, audience, value), False


def _stored(column: Column, values: Collection[Any], using: str) -> Iterator[Any]:
    """What the column holds for these values; nothing for what is not there."""
    keys = Keys(using, {column.name: column})
    for wire in values:
        attributes: dict[str, Any] = {}
        if wire is not None and column.write(attributes, decode(column.kind, wire), keys):
            yield attributes[column.attname]


def _normal(column: Column, values: Sequence[Any]) -> frozenset[Any]:
    """The values as the column would give them back; what it cannot hold, no row has."""
    found = set()
    for wire in values:
        try:
            value = decode(column.kind, wire)
            if not column.looks_up:
                value = column.to_document(column.to_column(value))
            found.add(encode(column.kind, value))
        except (ValueError, ArithmeticError, TypeError):
            continue
    return frozenset(found)


def _outside(
    label: str, conditions: Mapping[str, frozenset[Any]], ids: Sequence[UUID], using: str
) -> Iterator[UUID]:
    """Those of the rows that do not meet the conditions. One that is deleted meets all of them:
    then its document says so.
    """
    model = model_of(label)
    assert model is not None, "it was when the subscription was read"
    rows = list(model._base_manager.using(using).filter(sync_id__in=ids))
    columns = {name: columns_of(model)[name] for name in conditions}
    keys = Keys(using, columns)
    keys.note(rows)
    for row in rows:
        for name, values in conditions.items():
            value = columns[name].read(row.__dict__, keys)
            if value is MISSING or encode(columns[name].kind, value) not in values:
                yield row.sync_id
                break
