"""Uniqueness: which fields of a model must be unique, alone or together."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import TYPE_CHECKING, Any

from django.db import models

from .columns import columns_of

if TYPE_CHECKING:
    from ..sync_model import SyncModel

__all__ = ["expressions_of", "field_to_rename", "fields_of", "unique_sets"]


@cache
def unique_sets(model: type[SyncModel]) -> tuple[frozenset[str], ...]:
    """The fields of each unique constraint, those of an inherited table and of a constraint's
    condition included; not that of the key and of `sync_id`, which every row has for itself.
    """
    found: list[frozenset[str]] = []
    for each in (model, *model._meta.all_parents):
        found += [
            frozenset({field.name})
            for field in each._meta.local_concrete_fields
            if field.unique and not field.primary_key and field.name != "sync_id"
        ]
        found += [frozenset(names) for names in each._meta.unique_together]
        for constraint in each._meta.constraints:
            if isinstance(constraint, models.UniqueConstraint):
                found.append(fields_of(each, expressions_of(constraint)))
    return tuple(found)


def field_to_rename(model: type[SyncModel], names: Iterable[str]) -> Any | None:
    """The field among `names` whose text can be given another ending, or None."""
    columns = columns_of(model)
    for name in sorted(names):
        field = columns[name].field if name in columns else None
        if isinstance(field, models.CharField | models.TextField) and not field.choices:
            return field
    return None


def expressions_of(constraint: Any) -> list[Any]:
    """What a constraint is about, its condition included."""
    found = list(getattr(constraint, "expressions", ()))
    found += [models.F(name) for name in getattr(constraint, "fields", ())]
    condition = getattr(constraint, "condition", None)
    return found if condition is None else [*found, condition]


def fields_of(model: type[models.Model], expressions: Iterable[Any]) -> frozenset[str]:
    """The names of the model's fields that the expressions are about."""
    found = set()
    for expression in expressions:
        for name, *_ in model._get_expr_references(expression):  # type: ignore[attr-defined]
            field = next((f for f in model._meta.fields if name in {f.name, f.attname}), None)
            if field is not None:
                found.add(field.name)
    return frozenset(found)
