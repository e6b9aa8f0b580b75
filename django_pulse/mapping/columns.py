"""Columns: what documents hold of a model's rows, field by field.

A column reads the attributes of a row into a document value, and writes them back. What refers to
other rows needs look-ups, which `Keys` makes for a whole batch.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from types import MappingProxyType
from typing import Any

from django.db import models

from ..bookkeeping import BOOKKEEPING
from .codecs import AnyField, Column, codec_of
from .relations import Members, foreign_key, generic_keys, members_of, synced_sets

__all__ = ["AnyField", "Column", "column_of", "columns_behind", "columns_of", "kind_of", "same"]
__all__ += ["sets_of", "to_column", "to_document"]


def columns_of(model: type[models.Model]) -> Mapping[str, Column]:
    """The columns that documents of `model` hold, by field name, in the model's order.

    Not among them: the primary key, the six bookkeeping fields, `auto_now` and `auto_now_add`,
    generated fields. The two fields of a GenericForeignKey are one column, called as it is.
    """
    return _columns_of(model._meta.concrete_model or model)


def columns_behind(model: type[models.Model]) -> Mapping[str, Column]:
    """The same columns by the names of the concrete fields that they stand for."""
    return _columns_behind(model._meta.concrete_model or model)


@cache
def sets_of(model: type[models.Model]) -> Mapping[str, Members]:
    """Those of them that are many-to-many fields."""
    columns = columns_of(model).items()
    return {name: column for name, column in columns if isinstance(column, Members)}


@cache
def _columns_of(model: type[models.Model]) -> Mapping[str, Column]:
    shared = [field for field in model._meta.concrete_fields if _is_shared(model, field)]
    generic = list(generic_keys(model, shared))
    behind = {field for column in generic for field in column.concrete}
    columns = [column_of(field) for field in shared if field not in behind]
    columns += [*generic, *(members_of(field) for field in synced_sets(model))]
    return MappingProxyType({column.name: column for column in columns})


@cache
def _columns_behind(model: type[models.Model]) -> Mapping[str, Column]:
    columns = _columns_of(model).values()
    return MappingProxyType({field.name: each for each in columns for field in each.concrete})


def _is_shared(model: type[models.Model], field: AnyField) -> bool:
    return not (
        field.primary_key
        or field in model._meta.pk_fields
        or field.name in BOOKKEEPING
        or field.generated
        or getattr(field, "auto_now", False)
        or getattr(field, "auto_now_add", False)
    )


@cache
def column_of(field: AnyField) -> Column:
    """The column of any concrete field."""
    if isinstance(field, models.ForeignKey):
        return foreign_key(field)
    codec = codec_of(field)
    return Column(field.name, field.attname, codec.kind, field, codec)


def kind_of(field: AnyField) -> str:
    """The kind (see `crdt.values`) of the field's values; a foreign key has that of its keys."""
    return column_of(field).kind


def to_document(field: AnyField, value: Any) -> Any:
    """`Column.to_document` for a field."""
    return column_of(field).to_document(value)


def to_column(field: AnyField, value: Any) -> Any:
    """`Column.to_column` for a field."""
    return column_of(field).to_column(value)


def same(field: AnyField, a: Any, b: Any) -> bool:
    """`Column.same` for a field."""
    return column_of(field).same(a, b)
