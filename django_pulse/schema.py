"""Which models sync, and the `crdt.Schema` of each."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from django.apps import apps
from django.db import models
from django.db.models import NOT_PROVIDED

from crdt.rules import Latest, MergeRule, ServerOnly
from crdt.schema import MISSING, Field, Schema

from .columns import AnyField, Column, columns_of
from .keys import By
from .options import SyncOptions
from .ownership import owner_field

if TYPE_CHECKING:
    from .sync_model import SyncModel  # which imports us, by way of the write path

__all__ = ["label_of", "model_of", "schema_of", "schemas"]
__all__ += ["sync_models", "syncs"]

# Callable defaults that give every row the same: what a client may use as well.
_STATIC_CALLABLES: frozenset[Any] = frozenset({dict, list, str, bytes, int, bool})


def sync_models() -> Iterator[type[SyncModel]]:
    """Every model that syncs: concrete, not a proxy, not swapped out; sorted by label."""
    found = (model for model in apps.get_models() if syncs(model))
    return iter(sorted(found, key=label_of))  # type: ignore[arg-type]


def schemas() -> list[Schema]:
    """The schemas of all of them."""
    return [schema_of(model) for model in sync_models()]


def model_of(label: str) -> type[SyncModel] | None:
    """The model with that label ("todo.task"), or None; for labels that came from anywhere."""
    try:
        model = apps.get_model(label)
    except (LookupError, ValueError):
        return None
    return model if syncs(model) and label_of(model) == label else None


def label_of(model: type[models.Model]) -> str:
    """The label under which the rows of `model` have their documents: "todo.task"."""
    return (model._meta.concrete_model or model)._meta.label_lower


def syncs(model: type[models.Model]) -> bool:
    """Only SyncModels have options; they got them when their class was prepared."""
    is_sync_model = isinstance(getattr(model, "_sync", None), SyncOptions)
    return is_sync_model and not model._meta.proxy and not model._meta.swapped


def schema_of(model: type[models.Model]) -> Schema:
    """The schema of a model; a proxy has that of the model behind it."""
    concrete = model._meta.concrete_model or model
    return _schema_of(concrete)


@cache
def _schema_of(model: type[SyncModel]) -> Schema:
    fields = {name: _field(model, column) for name, column in columns_of(model).items()}
    return Schema(label_of(model), MappingProxyType(fields), model._sync.deletes)


def _field(model: type[SyncModel], column: Column) -> Field:
    rule, read_only = _rule(model, column.name)
    owned = column.field == owner_field(model)  # the server fills that in
    default = MISSING if owned else _default(column)
    wanted = default is MISSING and not owned and _wanted(column)
    return Field(
        name=column.name,
        kind=column.kind,
        rule=rule,
        required=wanted and rule.client_writes and not read_only,
        default=default,
        options=MappingProxyType(_options(column) | ({"read_only": True} if read_only else {})),
    )


def _rule(model: type[SyncModel], name: str) -> tuple[MergeRule, bool]:
    """The field's rule, and whether clients must leave it alone although the rule lets them."""
    rule = model._sync.merge.get(name, Latest())
    if name not in model._sync.read_only or not rule.client_writes:
        return rule, False
    return (ServerOnly(), False) if type(rule) is Latest else (rule, True)


def _wanted(column: Column) -> bool:
    """Whether somebody must give a new row this value."""
    return not all(_is_filled(column, field) for field in column.concrete)


def _is_filled(column: Column, field: AnyField) -> bool:
    if column.looks_up and field.has_default():
        return True  # nobody but the server can say what it refers to
    return field.null or field.blank or field.has_db_default() or not field.editable


def _default(column: Column) -> Any:
    """What a new row holds, as it travels; MISSING where that depends on who asks, or when."""
    field = column.field
    value: Any = field.default
    if column.looks_up:
        return None if column.null and (value is NOT_PROVIDED or value is None) else MISSING
    if value is NOT_PROVIDED:
        value = _implied_default(field)
    elif callable(value):
        value = value() if value in _STATIC_CALLABLES else NOT_PROVIDED
    if value is NOT_PROVIDED:
        return MISSING
    try:
        return Field(column.name, column.kind).encode(column.to_document(value))
    except Exception:  # noqa: BLE001 - defaults are the user's code; then there is none to tell
        return MISSING


def _implied_default(field: AnyField) -> Any:
    """What Django, or the database, puts where no default was given."""
    if field.has_db_default():
        value: Any = field.db_default
        if isinstance(value, models.Value):
            return value.value
        return NOT_PROVIDED if hasattr(value, "resolve_expression") else value
    if field.null:
        return None
    return "" if field.blank and field.empty_strings_allowed else NOT_PROVIDED


def _options(column: Column) -> dict[str, Any]:
    """What a form on a device would like to know, as JSON."""
    field = column.field
    options: dict[str, Any] = {"null": True} if column.null else {}
    if column.target is not None and column.target.by is By.SYNC_ID:
        options["to"] = column.target.label
    if column.looks_up:
        return options
    for name in ("max_length", "max_digits", "decimal_places"):
        limit = getattr(field, name, None)
        if limit is not None:
            options[name] = limit
    if field.choices and not isinstance(field, models.ForeignKey):
        options["choices"] = _choices(column)
    return options


def _choices(column: Column) -> list[Any]:
    plain = Field(column.name, column.kind)
    return [plain.encode(column.to_document(value)) for value, _ in column.field.flatchoices]
