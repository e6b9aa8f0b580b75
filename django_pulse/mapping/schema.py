"""Which models sync, and the `crdt.Schema` of each."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from django.apps import apps
from django.db import models, router
from django.db.models import NOT_PROVIDED

from crdt.rules import AddWinsSet, Latest, MergeRule, ServerOnly, rule_from_description
from crdt.schema import MISSING, Field, Schema

from ..naming import register
from ..naming.names import Called, FieldNow, ModelNow, Names, Shape
from ..visibility.ownership import owner_field
from .columns import AnyField, Column, columns_of
from .keys import By
from .options import SyncOptions

if TYPE_CHECKING:
    from ..sync_model import SyncModel  # which imports us, by way of the write path

__all__ = ["descriptions", "forget", "label_of", "labels", "model_now", "model_of", "names_in"]
__all__ += ["schema_again", "schema_of", "schemas", "sync_models", "syncs"]

# Callable defaults that give every row the same: what a client may use as well.
_STATIC_CALLABLES: frozenset[Any] = frozenset({dict, list, str, bytes, int, bool})

# What is certain, until the next `migrate` (see `register`).
_schemas: dict[type[models.Model], Schema] = {}
_names: dict[type[models.Model], Names] = {}
_plain: dict[type[models.Model], Schema] = {}  # what is used while nothing is certain
_models: dict[str, type[SyncModel]] = {}
_descriptions: list[Mapping[str, Any]] = []

# Those of the list of models that Django keeps, until it makes another one.
_synced: tuple[Any, tuple[type[SyncModel], ...]] = (None, ())


def sync_models() -> Iterator[type[SyncModel]]:
    """Every model that syncs: concrete, not a proxy, not swapped out; sorted by label."""
    global _synced  # noqa: PLW0603 - replaced whole, so that no thread sees half of it
    models, synced = _synced
    there = apps.get_models()
    if there is not models:
        found = (model for model in there if syncs(model))
        synced = tuple(sorted(found, key=lambda model: model._meta.label_lower))  # type: ignore[arg-type]
        _synced = there, synced
    return iter(synced)


def labels() -> set[str]:
    """The labels of all models that there are now."""
    return {model._meta.label_lower for model in apps.get_models()}


def schemas() -> list[Schema]:
    """The schemas of all of them."""
    return [schema_of(model) for model in sync_models()]


def descriptions() -> tuple[Mapping[str, Any], ...]:
    """The schemas of all of them as JSON."""
    if not _descriptions:
        found = [schema.description() for schema in schemas()]
        if not _are_certain():
            return tuple(found)
        _descriptions[:] = found
    return tuple(_descriptions)


def model_of(label: str) -> type[SyncModel] | None:
    """The model that documents call so ("todo.task"), or None; for labels that came from
    anywhere.
    """
    if not _models:
        found = {label_of(model): model for model in sync_models()}
        if not _are_certain():
            return found.get(label)
        _models.update(found)
    return _models.get(label)


def label_of(model: type[models.Model]) -> str:
    """The label under which the rows of `model` have their documents: the first it ever had."""
    return schema_of(model).label if syncs(model) or model._meta.proxy else model._meta.label_lower


def syncs(model: type[models.Model]) -> bool:
    """Only SyncModels have options; they got them when their class was prepared."""
    is_sync_model = isinstance(getattr(model, "_sync", None), SyncOptions)
    return is_sync_model and not model._meta.proxy and not model._meta.swapped


def schema_of(model: type[models.Model]) -> Schema:
    """The schema of a model; a proxy has that of the model behind it."""
    concrete: Any = model._meta.concrete_model or model
    found = _schemas.get(concrete)
    return _made(concrete) if found is None else found


def schema_again(model: type[models.Model]) -> Schema:
    """The schema of a model with what another release may have added to the register."""
    return _made(model._meta.concrete_model or model, again=True)  # type: ignore[arg-type]


def forget() -> None:
    """A migration may have changed everything."""
    register.forget()
    _schemas.clear()
    _names.clear()
    _models.clear()
    _descriptions.clear()


def names_in(model: type[models.Model]) -> Names:
    """What documents, and the keys of scopes, call any model and its relations."""
    concrete: Any = model._meta.concrete_model or model
    found = _names.get(concrete)
    return _named(concrete)[0] if found is None else found


def _named(model: type[models.Model], *, again: bool = False) -> tuple[Names, bool]:
    using = router.db_for_write(model)
    names, certain = register.names(using, model_now(model), labels(), again=again)
    if certain:
        _names[model] = names
    return names, certain


def model_now(model: type[models.Model]) -> ModelNow:
    """A model for the register; of one that does not sync the relations, which audiences follow."""
    meta = model._meta
    if not syncs(model):
        relations = [f for f in (*meta.concrete_fields, *meta.many_to_many) if f.is_relation]
        found = {f.name: FieldNow(f.name, f.column, "key", {}, "value") for f in relations}
        return ModelNow(meta.label_lower, meta.db_table, found)
    options: SyncOptions = model._sync  # type: ignore[attr-defined]
    found = {}
    for name, column in columns_of(model).items():
        rule, _ = _rule(model, column)  # type: ignore[arg-type]
        place = getattr(column.field, "column", None)
        found[name] = FieldNow(name, place, column.kind, rule.describe(), _form(rule))
    return ModelNow(meta.label_lower, meta.db_table, found, options.renamed, options.formerly)


def _form(rule: MergeRule) -> str:
    """Rules of one form can read each other's entries: those whose entries are whole values."""
    kind = type(rule)
    plain = kind.encode is MergeRule.encode and kind.decode is MergeRule.decode
    if rule.whole and plain and not rule.text:
        return "value"
    return json.dumps(rule.describe(), sort_keys=True)


def _are_certain() -> bool:
    return all(model in _schemas for model in sync_models())


def _made(model: type[SyncModel], *, again: bool = False) -> Schema:
    names, certain = _named(model, again=again)
    if not certain and model in _plain:
        return _plain[model]
    columns = columns_of(model)
    fields = {name: _field(model, columns[name], called) for name, called in names.fields.items()}
    found = Schema(
        names.label,
        MappingProxyType(fields),
        model._sync.deletes,
        name=model._meta.label_lower,
        aliases=names.aliases,
        retired={wire: _retired(*was) for wire, was in names.retired.items()},
    )
    (_schemas if certain else _plain)[model] = found
    return found


def _retired(name: str, shape: Shape) -> Field:
    rules = {rule for model in sync_models() for rule in model._sync.merge.values()}
    rule = rule_from_description(shape.rule, rules)
    return Field(name, shape.kind, rule, wire=shape.wire)


def _field(model: type[SyncModel], column: Column, called: Called) -> Field:
    rule, read_only = _rule(model, column)
    owned = column.field == owner_field(model)  # the server fills that in
    default = MISSING if owned else _default(column)
    wanted = default is MISSING and not owned and _wanted(column)
    return Field(
        name=column.name,
        kind=column.kind,
        rule=rule,
        required=wanted and rule.client_writes and not read_only,
        default=default,
        options=MappingProxyType(
            _options(column)
            | ({"read_only": True} if read_only else {})
            | ({"filter": True} if column.name in model._sync.filters else {})
        ),
        wire=called.wire,
        aliases=called.aliases,
    )


def _rule(model: type[SyncModel], column: Column) -> tuple[MergeRule, bool]:
    """The field's rule, and whether clients must leave it alone although the rule lets them."""
    name = column.name
    rule = model._sync.merge.get(name, AddWinsSet() if column.is_set else Latest())
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
    if column.is_set:
        return "[]"
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
    if column.is_set:
        options["many"] = True
    if column.target is not None and column.target.by is By.SYNC_ID:
        options["to"] = names_in(column.target.model).label
    if column.looks_up or column.is_set:
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
