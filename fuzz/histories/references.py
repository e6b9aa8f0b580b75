"""Fields that refer to rows: the keys that a history tries, and which rows they come to be."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from django.contrib.auth import get_user_model

from crdt import MISSING
from crdt.values import encode
from django_pulse.mapping.columns import Column
from django_pulse.mapping.keys import Keys, target_by_pk
from django_pulse.mapping.relations import Members
from django_pulse.mapping.schema import label_of, syncs

from .relatives import Relatives

__all__ = ["RowAt", "held_by_columns", "is_of_the_history", "keys_to_try", "meant"]
__all__ += ["rows_meant"]

ROWS_REFERRED_TO: Final = 3
"""Rows of the history that a self-reference may name: a row, its parent, a ring of three."""

KINDS_REFERRED_TO: Final = 3
"""Models that a generic key may name."""


@dataclass(frozen=True, slots=True)
class RowAt:
    """A row of the history itself: which one that is, is known when it is played."""

    place: int


def keys_to_try(model: Any, column: Column, relatives: Relatives) -> list[Any]:
    """Document values of a column that refers to rows, of its own model or of others."""
    if column.target is None:
        return list(_generic_keys(model, column, relatives))
    if column.target.model is model:
        if not column.target.syncs or not (column.null or column.is_set):
            return []  # without an empty reference there would be no first row
        rows: list[Any] = [RowAt(place) for place in range(ROWS_REFERRED_TO)]
        return [[], *([row] for row in rows), rows] if column.is_set else rows
    keys = [column.target.key_of(row) for row in relatives.of(column.target.model)]
    if isinstance(column, Members):
        wire = [column.target.wire(key) for key in keys]
        return [[], wire[:1], wire[1:], wire]
    return keys


def _generic_keys(model: Any, column: Any, relatives: Relatives) -> Iterator[list[Any]]:
    limit = column.kind_field.get_limit_choices_to()
    kinds: list[Any] = [model, get_user_model()]
    if limit:
        found = column.kind_field.related_model.objects.complex_filter(limit).order_by("pk")
        kinds = [kind.model_class() for kind in found[:KINDS_REFERRED_TO]]
    for kind in filter(None, kinds):
        label = label_of(kind) if syncs(kind) else str(kind._meta.label_lower)
        if kind is model:
            yield from ([label, RowAt(place)] for place in range(ROWS_REFERRED_TO))
        else:
            target = target_by_pk(kind)
            for row in relatives.of(kind):
                yield [label, target.wire(target.key_of(row))]


def is_of_the_history(value: Any) -> bool:
    """Does it name rows of the history?"""
    parts = value if isinstance(value, list) else [value]
    return any(isinstance(part, RowAt) for part in parts)


def meant(value: Any, rows: Sequence[UUID]) -> Any:
    """A value to try, as the document's value it comes to among these rows; MISSING without any."""
    if not is_of_the_history(value):
        return value
    if not rows:
        return MISSING
    if isinstance(value, RowAt):
        return rows[value.place % len(rows)]
    named = [
        encode("uuid", rows[each.place % len(rows)]) if isinstance(each, RowAt) else each
        for each in value
    ]
    return [each for at, each in enumerate(named) if each not in named[:at]]


def rows_meant(column: Members, value: Sequence[Any], using: str) -> list[Any]:
    """The rows that a set of keys names, as far as they are there."""
    assert column.target is not None, "a many-to-many field knows its model"
    target, keys = column.target, Keys(using, {column.name: column})
    named = [target.from_wire(part) for part in value]
    keys.find(target, named)
    held = [held for key in named if (held := keys.value(target, key)) is not MISSING]
    return list(target.model._base_manager.using(using).filter(**{f"{target.attname}__in": held}))


def held_by_columns(column: Column, value: Any, using: str) -> dict[str, Any]:
    """An instance's attributes for a document's value; none if it refers to what is not there."""
    keys = Keys(using, {column.name: column})
    reference = column.refers_to(value) if column.refers else None
    if reference is not None:
        keys.find(reference[0], [reference[1]])
    attributes: dict[str, Any] = {}
    column.write(attributes, value, keys)
    return attributes
