"""Conflicts of a row: what several writers wrote to one field, and how to settle it.

Every value that nobody who saw it has replaced is still in the row's document. The field's rule
reads one of them into the column; here are the others, with who wrote them and when.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.db import DEFAULT_DB_ALIAS, models
from django.utils import timezone

from crdt.conflicts import Alive, can_conflict, conflicts
from crdt.entry import Dot
from crdt.stamp import stamp_ms

from .broken import opened
from .mapping.columns import Column, columns_of
from .mapping.keys import Keys, Target
from .mapping.schema import label_of, schema_of
from .tables import Device
from .tables import Document as Stored
from .visibility import scopes
from .writes.orm.settling import settle

if TYPE_CHECKING:
    from django.contrib.auth.base_user import AbstractBaseUser

    from .sync_model import SyncModel

__all__ = ["Conflict", "authors_of", "conflicts_of", "moment_of", "resolve"]


@dataclass(frozen=True, slots=True)
class Conflict:
    """One of several concurrent values of a field.

    value: as the attribute of an instance; of a foreign key what its column holds, of a generic
    one `["app.model", key]`.
    replica: who wrote it. at: when, as far as that one's clock is right.
    author: the user whose device it was; None for the server itself.
    current: is it the one that the field holds? `dot`: the entry in the document.
    """

    value: Any
    replica: int
    at: datetime
    author: AbstractBaseUser | None
    current: bool
    dot: Dot


def conflicts_of(row: SyncModel) -> dict[str, list[Conflict]]:
    """The row's fields in conflict, each with its values, the latest first; see `SyncModel`."""
    model = type(row)
    using = scopes.database_of(model)
    stored = Stored.objects.using(using).filter(model=label_of(model), sync_id=row.sync_id)
    state = stored.values_list("state", flat=True).first()
    found = conflicts(opened(model, row.sync_id, state), schema_of(model))
    authors = authors_of(each.replica for alive in found.values() for each in alive)
    columns = columns_of(model)
    keys = _keys_of(found, columns, using)
    return {
        name: [
            Conflict(
                value=_attribute(columns[name], each.value, keys),
                replica=each.replica,
                at=moment_of(each.stamp),
                author=authors.get(each.replica),
                current=each.current,
                dot=each.dot,
            )
            for each in alive
        ]
        for name, alive in found.items()
    }


def _keys_of(found: Mapping[str, list[Alive]], columns: Mapping[str, Column], using: str) -> Keys:
    """Knows what the values refer to; one query for each model."""
    keys = Keys(using, columns)
    wanted: dict[Target, list[Any]] = {}
    for name, alive in found.items():
        target = columns[name].target
        if target is not None and columns[name].looks_up:
            named = (each.value for each in alive if each.value is not None)
            wanted.setdefault(target, []).extend(named)
    for target, values in wanted.items():
        keys.find(target, values)
    return keys


def _attribute(column: Column, value: Any, keys: Keys) -> Any:
    """What an instance would hold; of what refers to a row that is not there, its key."""
    attributes: dict[str, Any] = {}
    if len(column.concrete) > 1 or not column.write(attributes, value, keys):
        return value
    return attributes[column.attname]


def authors_of(replicas: Iterable[int]) -> Mapping[int, AbstractBaseUser]:
    """The users of these replicas, in two queries; the server's own has none."""
    wanted = set(replicas)
    if not wanted:
        return {}
    devices = Device.objects.using(DEFAULT_DB_ALIAS).filter(replica__in=wanted)
    owners = dict(devices.values_list("replica", "user"))
    users: Any = get_user_model()
    keys = {key for key in map(_key_of(users), owners.values()) if key is not None}
    by_key = {str(user.pk): user for user in users._base_manager.filter(pk__in=keys)}
    return {replica: by_key[key] for replica, key in owners.items() if key in by_key}


def moment_of(stamp: int) -> datetime:
    """When a stamp was taken, as the project writes times: aware, unless it has no `USE_TZ`."""
    moment = datetime.fromtimestamp(stamp_ms(stamp) / 1000, UTC)
    return moment if settings.USE_TZ else timezone.make_naive(moment)


def resolve(row: SyncModel, name: str, value: Any) -> None:
    """Settle a field of the row; see `SyncModel.resolve`."""
    column = _column(type(row), name)
    attributes = _assigned(row, column, value)
    try:
        for field in column.concrete:
            attributes[field.attname] = field.clean(attributes[field.attname], row)
    except ValidationError as error:
        raise ValidationError({name: error.error_list}) from error
    settle(row, column, attributes)


def _assigned(row: SyncModel, column: Column, value: Any) -> dict[str, Any]:
    """The attributes of an instance to which this value was assigned."""
    is_row = isinstance(value, models.Model)
    generic = len(column.concrete) > 1
    if generic and not is_row and value is not None:
        return _named(row, column, value)
    other = copy.copy(row)
    by_name = generic or is_row
    setattr(other, column.name if by_name else column.attname, value)
    return {field.attname: getattr(other, field.attname) for field in column.concrete}


def _named(row: SyncModel, column: Column, value: Any) -> dict[str, Any]:
    """The attributes of a generic key that a document writes so."""
    keys = Keys(scopes.database_of(type(row)), {})
    attributes: dict[str, Any] = {}
    named = list(value) if isinstance(value, tuple) else value
    if not column.write(attributes, named, keys):
        message = 'There is no such row: give an instance, None, or ["app.model", key].'
        raise ValidationError({column.name: [ValidationError(message, code="missing")]})
    return attributes


def _column(model: type[SyncModel], name: str) -> Column:
    columns = columns_of(model)
    if name not in columns:
        known = ", ".join(columns)
        raise ValueError(f"{model.__name__} syncs no field {name!r}. It syncs: {known}.")
    rule = schema_of(model).fields[name].rule
    if not can_conflict(rule):
        raise ValueError(
            f"{model.__name__}.{name} merges by {rule!r}, which leaves nothing to settle: assign "
            "the value and save."
        )
    return columns[name]


def _key_of(users: Any) -> Any:
    def key(text: str) -> Any:
        try:
            return users._meta.pk.to_python(text)
        except ValidationError:
            return None  # of another user model, before

    return key
