"""Rows as plain JSON, for clients that keep no documents: the text protocol, and JSON over HTTP.

Laws:

1. A value is what JSON holds exactly: decimals, dates, UUIDs and integers from 2**53 on are text, a
   foreign key is the primary key it holds. What was told, sent back, means the same.
2. What comes in may be spelled as JavaScript or SQLite would: 1 for true, a number for a decimal.
3. A foreign key to a row that syncs may also be given by the row's `sync_id`, which is all that a
   device knows of a row it has just made.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db import models

from crdt.sameness import same_json
from crdt.schema import MISSING
from crdt.values import EXACT_INTEGER, decode, encode

from ..mapping.codecs import AnyField, Column, codec_of
from ..mapping.columns import columns_of, sets_of
from ..mapping.keys import By, Keys
from ..mapping.relations import Members
from ..mapping.schema import schema_of
from .rounding import unrounded

if TYPE_CHECKING:
    from ..sync_model import SyncModel

__all__ = ["Part", "Sets", "document_value", "known_names", "name_of", "parts_of", "primary_keys"]
__all__ += ["same", "sets_told", "told"]

Sets = Mapping[str, Mapping[Any, Sequence[Any]]]
"""By many-to-many field, and by what the table between calls a row: the keys it is linked to."""


@dataclass(frozen=True, slots=True)
class Part:
    """One name in a row's JSON: a column of the table, or a many-to-many field."""

    name: str
    column: Column
    field: AnyField

    @property
    def kind(self) -> str:
        """The kind of what the JSON holds (see `crdt.values`)."""
        return codec_of(self.field).kind


@cache
def parts_of(model: type[models.Model]) -> Mapping[str, Part]:
    """The names in the JSON of a model's rows that documents hold, too."""
    parts: dict[str, Part] = {}
    for column in columns_of(model).values():
        for field in column.concrete:
            parts[name_of(field)] = Part(name_of(field), column, field)
        if isinstance(column, Members):
            parts[column.name] = Part(column.name, column, column.member)
    return parts


def name_of(field: AnyField) -> str:
    """What a field is called in JSON. A foreign key that took the place of its own column, by
    `renamed`, as the column: 1.0.1 had a number called `user_id`.
    """
    options = getattr(field.model, "_sync", None)
    former = options.renamed.get(field.name) if options is not None else None
    return field.attname if former == field.attname else field.name


def known_names(model: type[SyncModel]) -> Mapping[str, Part]:
    """The same by every name that a client may use: columns, and what fields were called before."""
    parts = parts_of(model)
    single = [part for part in parts.values() if not part.column.is_set]
    names = {name: part for part in single for name in (part.field.name, part.field.attname)}
    schema = schema_of(model)
    for part in parts.values():
        for alias in schema.fields[part.column.name].aliases:
            if len(part.column.concrete) < 2:  # a generic key is two names
                names[alias] = part
    return names | dict(parts)


def told(row: SyncModel, version: int, sets: Sets) -> dict[str, Any]:
    """The row as its clients are told it."""
    model, values = type(row), row.__dict__
    data: dict[str, Any] = {
        "id": _out(model._meta.pk, values[model._meta.pk.attname]),
        "sync_id": str(row.sync_id),
        "version": version,
        "is_deleted": False,
    }
    for part in parts_of(model).values():
        if part.column.is_set:
            linked = sets[part.name].get(values[part.column.attname], ())
            data[part.name] = [_out(part.field, value) for value in linked]
        else:
            data[part.name] = _out(part.field, values[part.field.attname])
    return data


def sets_told(rows: Sequence[SyncModel], using: str) -> Sets:
    """What rows of one model are linked to; one query for each many-to-many field."""
    found: dict[str, dict[Any, list[Any]]] = {}
    for name, column in sets_of(type(rows[0])).items() if rows else ():
        sources = {row.__dict__[column.attname] for row in rows}
        links = found.setdefault(name, {})
        for source, value in sorted(column.links(using, sources), key=lambda link: link[1]):
            links.setdefault(source, []).append(value)
    return found


def same(part: Part, told: Any, sent: Any) -> bool:
    """Do two JSON values of a part mean the same by themselves?

    What is spelled otherwise is looked at once more, as document values.
    """
    if part.kind == "json" or part.column.is_set:
        return same_json(told, sent) or same_json(told, unrounded(sent, told))
    return type(told) is type(sent) and bool(told == sent)


def document_value(column: Column, sent: Mapping[str, Any], keys: Keys) -> Any:
    """The document value of a column, from the JSON of its parts by their names.

    MISSING where it refers to a row that is not there. Raises `ValidationError`, or `ValueError`,
    for what the column cannot hold.
    """
    if isinstance(column, Members):
        return _set_value(column, sent[column.name], keys)
    attributes = {field.attname: _in(field, sent.get(name_of(field))) for field in column.concrete}
    if column.target is not None and column.target.by is By.SYNC_ID:
        given = attributes[column.attname]
        if isinstance(given, UUID):
            found = column.read(attributes, keys) if _has_uuids(column.field) else MISSING
            return given if found is MISSING else found
    return column.read(attributes, keys)


def primary_keys(column: Column, sent: Any) -> list[Any]:
    """What of the JSON of a column that refers to rows may be their primary keys, as the column
    holds them; a UUID may be a `sync_id`, which nobody can guess.
    """
    field = column.member if isinstance(column, Members) else column.field
    by_id = column.target is not None and column.target.by is By.SYNC_ID
    found = []
    for each in sent if isinstance(sent, list) else [sent]:
        try:
            value = _in(field, each)
        except (ValidationError, ValueError):
            continue
        if value is not None and not (by_id and isinstance(value, UUID)):
            found.append(value)
    return found


def _set_value(column: Members, sent: Any, keys: Keys) -> Any:
    """A set of keys as documents hold it, from the primary keys, or `sync_id`s, of its rows."""
    if not isinstance(sent, list):
        raise ValidationError("A list of primary keys is wanted here.", code="invalid")
    target = column.target
    assert target is not None, "a set refers to rows"
    found: dict[str, Any] = {}
    for each in sent:
        value = _in(column.member, each)
        known = target.by is By.SYNC_ID and isinstance(value, UUID)
        key = value if known and not _has_uuids(column.member) else keys.key(target, value)
        if key is MISSING:
            if not known:
                return MISSING
            key = value
        found[target.text(key)] = target.wire(key)
    return [found[text] for text in sorted(found)]


def _out(field: Any, value: Any) -> Any:
    codec = codec_of(field)
    value = codec.to_document(field, value)
    return value if codec.kind == "json" else encode(codec.kind, value)


def _in(field: Any, sent: Any) -> Any:
    """What came as the attribute of an instance; a UUID where that names the row referred to."""
    codec = codec_of(field)
    if sent is None or codec.kind == "json":
        return sent
    try:
        return codec.to_column(field, decode(codec.kind, sent))
    except ValueError:
        if isinstance(field, models.ForeignKey) and _is_uuid(sent):
            return UUID(sent)
        if not _may_be_meant(codec.kind, sent):
            raise
    return codec.to_column(field, codec.to_document(field, sent))


def _may_be_meant(kind: str, sent: Any) -> bool:
    """May Django's own conversion have a go at what is spelled in another way?"""
    if isinstance(sent, str):
        return True
    if kind == "bool":
        return sent in {0, 1}
    if isinstance(sent, bool) or not isinstance(sent, (int, float)):
        return False
    whole = float(sent).is_integer() and abs(sent) < EXACT_INTEGER
    return kind == "decimal" or (kind == "int" and whole)


def _is_uuid(sent: Any) -> bool:
    try:
        return isinstance(decode("uuid", sent), UUID)
    except ValueError:
        return False


def _has_uuids(field: Any) -> bool:
    """Does the column itself hold UUIDs, so that one may be a primary key?"""
    return codec_of(field).kind == "uuid"
