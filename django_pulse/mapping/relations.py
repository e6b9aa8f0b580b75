"""Relations: columns that refer to other rows, by keys that mean the same on every device.

A foreign key is one column; a generic one stands for the two that say which row of which model; a
many-to-many field is no column of the table at all, but a set of keys.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, MutableMapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from django.apps import apps
from django.core.exceptions import ValidationError
from django.db import models

from crdt.schema import MISSING

from ..databases import database_for
from ..prepared import OneOf, Prepared
from .codecs import AnyField, Column, Reference, codec_of
from .keys import By, Keys, Target, target_by_pk, target_of

__all__ = ["Members", "foreign_key", "generic_keys", "is_made_of_pairs"]
__all__ += ["members_of", "needed_by_links", "synced_sets"]


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
        return target.model._base_manager.using(database_for(target.model, using))

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


@dataclass(frozen=True, slots=True)
class Members(Column):
    """A ManyToManyField: a set of keys, and no column of the table.

    `attname` is the attribute by which the table between names the row. Document values are lists;
    what `refers_to` takes is one element.
    """

    source: Any = None
    """The foreign key of the table between to the row."""
    member: Any = None
    """Its foreign key to the other one."""

    @property
    def concrete(self) -> tuple[AnyField, ...]:
        return ()

    @property
    def null(self) -> bool:
        return False

    @property
    def is_set(self) -> bool:
        return True

    @property
    def is_symmetrical(self) -> bool:
        """Are both rows of a link in each other's sets?"""
        field: Any = self.field
        return bool(field.remote_field.symmetrical)

    @property
    def through(self) -> type[models.Model]:
        """The model of the table between."""
        through: type[models.Model] = self.source.model
        return through

    def read(self, attributes: Mapping[str, Any], keys: Keys) -> Any:
        source = attributes.get(self.attname)
        return [] if source is None else keys.members(self, source)

    def write(self, attributes: MutableMapping[str, Any], value: Any, keys: Keys) -> bool:
        return False  # see `writes.membership`

    def refers_to(self, value: Any) -> Reference | None:
        assert self.target is not None
        if value is None:
            raise ValueError("Nothing is no element of a set of rows.")
        return self.target, self.target.from_wire(value)

    def referred(self, attributes: Mapping[str, Any], using: str) -> Reference | None:
        return None

    def choices(self, target: Target, using: str) -> models.QuerySet[Any] | None:
        field: Any = self.field
        model = field.remote_field.model
        rows = model._base_manager.using(database_for(model, using))
        limited: models.QuerySet[Any] = rows.complex_filter(field.get_limit_choices_to())
        return limited

    def links(self, using: str, sources: Collection[Any]) -> list[tuple[Any, Any]]:
        """What links the rows with these values: pairs of theirs and of the others' values."""
        links = _links(self.through, self.source.attname, self.member.attname)
        return links.rows(using, [each for each in sources if each is not None])


@cache
def _links(through: Any, source: str, member: str) -> Prepared:
    """The links of the rows with these values, whatever manager the model between has."""

    def build(sources: Any) -> Any:
        rows: models.QuerySet[Any] = models.QuerySet(through)
        return rows.filter(OneOf(models.F(source), sources)).values_list(source, member)

    return Prepared(build)


def foreign_key(field: models.ForeignKey[Any, Any]) -> Column:
    """The column of a foreign key."""
    codec, target = codec_of(field), target_of(field)
    if target.by is By.VALUE:
        return Column(field.name, field.attname, codec.kind, field, codec, target)
    return _Key(field.name, field.attname, target.kind, field, codec, target)


def generic_keys(model: type[models.Model], shared: list[AnyField]) -> Iterator[Column]:
    """The columns of generic foreign keys whose two fields are `shared`.

    Without importing anything of contenttypes, which need not be installed.
    """
    fields = {field.name: field for field in shared}
    for generic in model._meta.private_fields:
        kind = fields.get(getattr(generic, "ct_field", ""))
        key: Any = fields.get(getattr(generic, "fk_field", ""))
        if kind is not None and key is not None:
            codec = codec_of(key)
            concrete = getattr(generic, "for_concrete_model", True)
            yield _GenericKey(generic.name, key.attname, "json", key, codec, None, kind, concrete)


def synced_sets(model: type[models.Model]) -> list[models.ManyToManyField[Any, Any]]:
    """The many-to-many fields that documents hold: those whose links are nothing but links.

    Links that sync themselves are rows of their own.
    """
    return [
        field
        for field in model._meta.many_to_many
        if not hasattr(_through(field), "_sync")
        and not is_made_of_pairs(field)
        and not needed_by_links(field)
    ]


def is_made_of_pairs(field: Any) -> bool:
    """Does every link stand for two, of a `through` model whose rows may differ?"""
    return bool(field.remote_field.symmetrical) and not _through(field)._meta.auto_created


def needed_by_links(field: models.ManyToManyField[Any, Any]) -> list[str]:
    """The fields of the table between, beside its two keys, that every link must be given."""
    ends = {field.m2m_field_name(), field.m2m_reverse_field_name()}
    return [
        each.name
        for each in _through(field)._meta.concrete_fields
        if each.name not in ends
        and not (each.primary_key or each.null or each.has_default() or each.has_db_default())
        and not (each.generated or getattr(each, "auto_now", False))
        and not getattr(each, "auto_now_add", False)
    ]


def _through(field: Any) -> type[models.Model]:
    through: type[models.Model] = field.remote_field.through
    return through


def members_of(field: Any) -> Members:
    """The column of a many-to-many field."""
    between = _through(field)._meta
    source: Any = between.get_field(field.m2m_field_name())
    member: Any = between.get_field(field.m2m_reverse_field_name())
    codec = codec_of(member)
    target, attname = target_of(member), source.target_field.attname
    return Members(field.name, attname, "json", field, codec, target, source, member)


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
