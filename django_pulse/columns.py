"""Columns: what documents hold of a model's rows, field by field.

A column stands for one concrete field or, where a row refers to another one of any model, for the
two that say which. It reads the attributes of a row into a document value, and writes them back.
References need look-ups, which `Keys` makes for a whole batch.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, MutableMapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import Any

from django.apps import apps
from django.core.exceptions import ValidationError
from django.db import models

from crdt.schema import MISSING

from .bookkeeping import BOOKKEEPING
from .codecs import AnyField, Codec, codec_of
from .keys import By, Keys, Target, target_by_pk, target_of

__all__ = ["AnyField", "Column", "Reference", "column_of", "columns_behind", "columns_of"]
__all__ += ["kind_of", "same", "to_column", "to_document"]

Reference = tuple[Target, Any]
"""A model and the key of one of its rows, or the value that the referring column holds."""


@dataclass(frozen=True, slots=True)
class Column:
    """One field that documents hold: its name there, its attribute on instances, its kind."""

    name: str
    attname: str
    kind: str
    field: AnyField
    codec: Codec
    target: Target | None = None
    """What a foreign key refers to."""

    @property
    def concrete(self) -> tuple[AnyField, ...]:
        """The fields that are columns of the table."""
        return (self.field,)

    @property
    def null(self) -> bool:
        """May there be no value?"""
        return all(field.null for field in self.concrete)

    @property
    def refers(self) -> bool:
        """Does it refer to other rows?"""
        return self.target is not None

    @property
    def looks_up(self) -> bool:
        """Are those called otherwise in documents than in the column?"""
        return False

    def choices(self, target: Target, using: str) -> models.QuerySet[Any] | None:
        """The rows of a target that the field may refer to (`limit_choices_to`); None for none."""
        field: Any = self.field
        rows = field.remote_field.model._base_manager.using(using)
        limited: models.QuerySet[Any] = rows.complex_filter(field.get_limit_choices_to())
        return limited

    def read(self, attributes: Mapping[str, Any], keys: Keys) -> Any:
        """The document value of a row with these attributes.

        MISSING where they are deferred, or refer to a row that is not there.
        """
        if self.attname not in attributes:
            return MISSING
        return self.to_document(attributes[self.attname])

    def write(self, attributes: MutableMapping[str, Any], value: Any, keys: Keys) -> bool:
        """Set the attributes to a document value; False, and nothing set, where it refers to a row
        that is not there.
        """
        attributes[self.attname] = self.to_column(value)
        return True

    def refers_to(self, value: Any) -> Reference | None:
        """The target and key that a document value names, if it names any.

        Raises `ValueError` for a value that can name none.
        """
        return None if self.target is None or value is None else (self.target, value)

    def referred(self, attributes: Mapping[str, Any], using: str) -> Reference | None:
        """The target and the value by which a row with these attributes refers to one."""
        value = attributes.get(self.attname)
        return None if self.target is None or value is None else (self.target, value)

    def to_document(self, value: Any) -> Any:
        """The column's value as a Python value of the kind."""
        return self.codec.to_document(self.field, value)

    def to_column(self, value: Any) -> Any:
        """A value of the kind as the attribute of an instance."""
        return self.codec.to_column(self.field, value)

    def same(self, a: Any, b: Any) -> bool:
        """Whether two column values mean the same."""
        return self.codec.equal(self.to_document(a), self.to_document(b))


class _Key(Column):
    """A foreign key to rows that documents call by something else than what the column holds."""

    __slots__ = ()

    @property
    def looks_up(self) -> bool:
        return True

    def read(self, attributes: Mapping[str, Any], keys: Keys) -> Any:
        if self.attname not in attributes:
            return MISSING
        reference = self.referred(attributes, keys.using)
        return None if reference is None else keys.key(*reference)

    def write(self, attributes: MutableMapping[str, Any], value: Any, keys: Keys) -> bool:
        try:
            reference = self.refers_to(value)
        except ValueError:
            return False
        held = None if reference is None else keys.value(*reference)
        if held is not MISSING:
            attributes[self.attname] = held
        return held is not MISSING

    def refers_to(self, value: Any) -> Reference | None:
        if self.target is None or value is None:
            return None
        if self.target.by is By.NATURAL and not isinstance(value, list):
            raise ValueError(f"A natural key of {self.target.label} is a list.")
        return self.target, value

    def referred(self, attributes: Mapping[str, Any], using: str) -> Reference | None:
        value = attributes.get(self.attname)
        if self.target is None or value is None:
            return None
        return self.target, self.target.value(value)


@dataclass(frozen=True, slots=True)
class _GenericKey(_Key):
    """A GenericForeignKey: `["app.model", key]`. `field` is that of the object's key.

    ContentTypes have other numbers in every database; theirs never travel.
    """

    kind_field: Any = None
    """The foreign key to the ContentType."""
    concrete_models: bool = True
    """Are proxies called by the model behind them?"""

    @property
    def concrete(self) -> tuple[AnyField, ...]:
        return (self.kind_field, self.field)

    @property
    def refers(self) -> bool:
        return True

    def choices(self, target: Target, using: str) -> models.QuerySet[Any] | None:
        kinds = self._content_types(using)
        kind = kinds.get_for_model(target.model)
        limit = self.kind_field.get_limit_choices_to()
        if limit and not kinds.complex_filter(limit).filter(pk=kind.pk).exists():
            return None
        return target.model._base_manager.using(using)

    def read(self, attributes: Mapping[str, Any], keys: Keys) -> Any:
        kind, value = (attributes.get(f.attname, MISSING) for f in self.concrete)
        if kind is None or value is None:
            return None
        reference = self.referred(attributes, keys.using)
        key = MISSING if reference is None else keys.key(*reference)
        if reference is None or key is MISSING:
            return MISSING
        named = self._model(kind, keys.using)
        return [_label(named), reference[0].wire(key)]

    def write(self, attributes: MutableMapping[str, Any], value: Any, keys: Keys) -> bool:
        kind = held = None
        if value is not None:
            try:
                model, target, key = _named(value)
            except ValueError:
                return False
            held = keys.value(target, key)
            if held is MISSING:
                return False
            kind = self._content_types(keys.using).get_for_model(model, self.concrete_models).pk
        attributes[self.kind_field.attname] = kind
        attributes[self.attname] = self.to_column(held)
        return True

    def refers_to(self, value: Any) -> Reference | None:
        return None if value is None else _named(value)[1:]

    def referred(self, attributes: Mapping[str, Any], using: str) -> Reference | None:
        kind, value = (attributes.get(f.attname) for f in self.concrete)
        if kind is None or value is None:
            return None
        model = self._model(kind, using)
        if model is None:
            return None
        target = target_by_pk(model._meta.concrete_model)
        try:
            return target, target.value(value)
        except ValidationError:
            return None

    def _model(self, kind: Any, using: str) -> Any:
        """The model of a ContentType; None if an app that was removed left it behind."""
        content_types = self._content_types(using)
        try:
            return content_types.get_for_id(kind).model_class()
        except content_types.model.DoesNotExist:
            return None

    def _content_types(self, using: str) -> Any:
        """The manager of ContentTypes, which remembers them: they are not asked for row by row."""
        return self.kind_field.remote_field.model.objects.db_manager(using)


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
def _columns_of(model: type[models.Model]) -> Mapping[str, Column]:
    shared = [field for field in model._meta.concrete_fields if _is_shared(model, field)]
    generic = list(_generic_keys(model, shared))
    behind = {field for column in generic for field in column.concrete}
    columns = [*(column_of(field) for field in shared if field not in behind), *generic]
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


def _generic_keys(model: type[models.Model], shared: list[AnyField]) -> Iterator[Column]:
    """Without importing anything of contenttypes, which need not be installed."""
    fields = {field.name: field for field in shared}
    for generic in model._meta.private_fields:
        kind = fields.get(getattr(generic, "ct_field", ""))
        key: Any = fields.get(getattr(generic, "fk_field", ""))
        if kind is not None and key is not None:
            codec = codec_of(key)
            concrete = getattr(generic, "for_concrete_model", True)
            yield _GenericKey(generic.name, key.attname, "json", key, codec, None, kind, concrete)


@cache
def column_of(field: AnyField) -> Column:
    """The column of any concrete field."""
    codec = codec_of(field)
    target = target_of(field) if isinstance(field, models.ForeignKey) else None
    if target is None or target.by is By.VALUE:
        return Column(field.name, field.attname, codec.kind, field, codec, target)
    return _Key(field.name, field.attname, target.kind, field, codec, target)


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


def _named(value: Any) -> tuple[Any, Target, Any]:
    """The model, target and key that a generic key names; raises `ValueError` if it names none."""
    match value:
        case [str(label), wire]:
            model = _labelled(label)
            if model is not None:
                target = target_by_pk(model._meta.concrete_model)
                return model, target, target.from_wire(wire)
    raise ValueError('A generic key is ["app.model", key].')


def _label(model: Any) -> str:
    """What documents call a model: the first label of one that syncs, which devices know."""
    from .schema import label_of, syncs  # which is made of columns

    return label_of(model) if syncs(model) else str(model._meta.label_lower)


def _labelled(label: str) -> Any:
    """The model that documents call so."""
    from .schema import model_of, syncs

    found: Any = model_of(label)
    if found is None:
        try:
            found = apps.get_model(label)
        except (LookupError, ValueError):
            return None
        if syncs(found) or label != found._meta.label_lower:
            return None
    return found
