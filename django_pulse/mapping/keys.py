"""Keys: what rows that others refer to are called in documents.

Laws:

1. A row of a model that syncs is called by its `sync_id`, which every device knows. A row of any
   other model is called by its natural key, where the model has one; else, and always where it is
   a user, by the value that the referring column holds.
2. Look-ups are made for a batch at once: the first question about one row of a batch asks the
   database for what all of them refer to. What nobody foresaw is asked for when it is needed.
3. A key whose row is not there has no value, and a value whose row is not there has no key. Neither
   is an error: a row may come later, and without a constraint it may have gone.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from enum import Enum
from functools import cache
from typing import TYPE_CHECKING, Any

from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.core.serializers.json import DjangoJSONEncoder
from django.db import DatabaseError, models
from django.db.models import F

from crdt.schema import MISSING
from crdt.values import decode, encode

from ..databases import database_for
from ..prepared import OneOf, Prepared, is_fixed
from .codecs import AnyField, codec_of
from .options import SyncOptions

if TYPE_CHECKING:
    from .codecs import Column
    from .relations import Members

__all__ = ["By", "Keys", "Target", "target_by_pk", "target_of"]

Model = type[models.Model]

KEYS_AT_ONCE = 100
"""Natural keys that one query looks up, by a SELECT each: SQLite takes 500 of them."""


class By(Enum):
    """What rows are called by."""

    SYNC_ID = "sync_id"
    NATURAL = "natural key"
    VALUE = "value"


@dataclass(frozen=True, slots=True)
class Target:
    """What columns refer to: a model, the attribute of its rows that they hold, and its keys.

    A key is a UUID (by `sync_id`), a list of JSON values (natural keys), or a value of the
    attribute's kind.
    """

    model: Model
    attname: str
    by: By

    @property
    def label(self) -> str:
        """The model's "app.model"."""
        return str(self.model._meta.label_lower)

    @property
    def syncs(self) -> bool:
        """May its rows come from devices, after those that refer to them?"""
        synced = isinstance(getattr(self.model, "_sync", None), SyncOptions)
        return synced and (self.by is By.SYNC_ID or self.attname == "sync_id")

    @property
    def kind(self) -> str:
        """The kind (see `crdt.values`) of the keys."""
        kinds = {By.SYNC_ID: "uuid", By.NATURAL: "json"}
        return kinds.get(self.by) or codec_of(self._field).kind

    def text(self, key: Any) -> str:
        """The key as text, the same for equal keys: a name for tables and logs."""
        return str(key) if self.by is By.SYNC_ID else _text(self.wire(key))

    def wire(self, key: Any) -> Any:
        """The key as a part of a JSON value."""
        return key if self.by is By.NATURAL else encode(self.kind, key)

    def from_wire(self, wire: Any) -> Any:
        """The key that `wire` gave; raises `ValueError` if it is none."""
        if self.by is By.NATURAL:
            if not isinstance(wire, list):
                raise ValueError(f"A natural key of {self.label} is a list.")
            return wire
        return decode(self.kind, wire)

    def key_of(self, row: models.Model) -> Any:
        """The key of a row of the model."""
        if self.by is By.NATURAL:
            key: Any = row.natural_key()  # type: ignore[attr-defined]
            return json.loads(json.dumps(list(key), cls=DjangoJSONEncoder))
        return getattr(row, "sync_id" if self.by is By.SYNC_ID else self.attname)

    def validate(self, key: Any) -> None:
        """Raise `ValidationError` for a key that no row can have, and no database be asked for."""
        if self.by is By.VALUE:
            self._field.run_validators(key)
        elif self.by is By.NATURAL and any(isinstance(part, (list, dict)) for part in key):
            raise ValidationError("A natural key is made of plain values.")

    def value(self, stored: Any) -> Any:
        """What a referring column holds, as the attribute it refers to has it.

        Raises `ValidationError` for what that attribute cannot hold.
        """
        return codec_of(self._field).to_document(self._field, stored)

    @property
    def _field(self) -> AnyField:
        field: AnyField = next(
            each for each in self.model._meta.concrete_fields if each.attname == self.attname
        )
        return field


def target_of(field: models.ForeignKey[Any, Any]) -> Target:
    """What a foreign key refers to."""
    model: Model = field.remote_field.model
    concrete = model._meta.concrete_model or model
    return _target(concrete, field.target_field.attname)


@cache
def target_by_pk(model: Model) -> Target:
    """What columns refer to that hold the primary keys of `model`."""
    return _target(model, model._meta.pk.attname)


@cache
def _target(model: Model, attname: str) -> Target:
    if attname == "sync_id" or model._meta.concrete_model is get_user_model()._meta.concrete_model:
        return Target(model, attname, By.VALUE)
    if isinstance(getattr(model, "_sync", None), SyncOptions):
        return Target(model, attname, By.SYNC_ID)
    manager = model._default_manager
    natural = hasattr(model, "natural_key") and hasattr(manager, "get_by_natural_key")
    return Target(model, attname, By.NATURAL if natural else By.VALUE)


class Keys:
    """The keys of what the rows of one batch refer to, in one database."""

    def __init__(self, using: str, columns: Mapping[str, Column]) -> None:
        self.using = using
        self._columns = [column for column in columns.values() if column.looks_up]
        self._has_members = any(column.is_set for column in columns.values())
        self._rows: list[Mapping[str, Any]] = []
        self._sources: list[Mapping[str, Any]] = []
        self._members: dict[str, dict[Any, list[Any]]] = {}
        self.links_to_nothing = False
        """Did a row that was asked for turn out to be linked to one that is not there?

        Constraints allow that until the end of a transaction.
        """
        self._wanted: dict[Target, set[Any]] = {}
        self._keys: dict[Target, dict[Any, Any]] = {}
        self._values: dict[Target, dict[str, Any]] = {}

    def note(self, rows: Iterable[models.Model]) -> None:
        """These rows belong to the batch: what they refer to will be asked for with the rest."""
        if self._columns:
            self._rows += [row.__dict__ for row in rows]
        if self._has_members:
            self._sources += [row.__dict__ for row in rows]

    def want(self, target: Target, values: Iterable[Any]) -> None:
        """The keys of the rows with these values will be asked for: look them up together."""
        self._wanted.setdefault(target, set()).update(values)

    def key(self, target: Target, value: Any) -> Any:
        """The key of the row whose attribute has this value, or MISSING."""
        known = self._keys.setdefault(target, {})
        if value not in known:
            self._want_noted()
            self._name(target, {value, *self._wanted.pop(target, ())})
        return known[value]

    def members(self, column: Members, source: Any) -> list[Any]:
        """The keys, as they travel, of the rows that a row is linked to by a many-to-many field."""
        known = self._members.setdefault(column.name, {})
        if source not in known:
            sources = {source, *(row.get(column.attname) for row in self._sources)} - known.keys()
            links = column.links(self.using, sources)
            target = column.target
            assert target is not None
            self._name(target, {value for _, value in links})
            found: dict[Any, dict[str, Any]] = {each: {} for each in sources}
            for each, value in links:
                key = self.key(target, value)
                if key is MISSING:
                    self.links_to_nothing = True
                else:
                    found[each][target.text(key)] = target.wire(key)
            known |= {
                each: [named[text] for text in sorted(named)] for each, named in found.items()
            }
        return known[source]

    def value(self, target: Target, key: Any) -> Any:
        """What a column holds to refer to the row with this key, or MISSING."""
        known = self._values.setdefault(target, {})
        name = target.text(key)
        if name not in known:
            self.find(target, [key])
        return known[name]

    def find(self, target: Target, keys: Iterable[Any]) -> None:
        """Look these keys up together, as far as they are not known."""
        known = self._values.setdefault(target, {})
        unknown = {name: key for key in keys if (name := target.text(key)) not in known}
        if unknown:
            for value, key in _by_keys(target, self.using, unknown):
                self._learn(target, value, key)
            for name in unknown:
                known.setdefault(name, MISSING)

    def alias(self, target: Target, key: Any, other: Any) -> None:
        """Let a key whose row is not there stand for the row with another key."""
        self._values[target][target.text(key)] = self.value(target, other)

    def _name(self, target: Target, values: Set[Any]) -> None:
        """Look up the keys of the rows with these values, as far as they are not known."""
        known = self._keys.setdefault(target, {})
        unknown = values - known.keys()
        if unknown:
            for pair in _by_values(target, self.using, unknown):
                self._learn(target, *pair)
            for each in unknown:
                known.setdefault(each, MISSING)

    def _learn(self, target: Target, value: Any, key: Any) -> None:
        self._keys.setdefault(target, {})[value] = key
        self._values.setdefault(target, {})[target.text(key)] = value

    def _want_noted(self) -> None:
        rows, self._rows = self._rows, []
        for column in self._columns:
            for row in rows:
                try:
                    referred = column.referred(row, self.using)
                except ValidationError:
                    continue  # an expression, or what the column will be refused with
                if referred is not None:
                    self._wanted.setdefault(referred[0], set()).add(referred[1])


Pairs = Iterable[tuple[Any, Any]]
"""Values and the keys that belong to them."""


def _by_values(target: Target, using: str, values: Collection[Any]) -> Pairs:
    if target.by is not By.NATURAL and is_fixed(target.model._base_manager):
        found = _prepared(target.model, target.attname, _called(target))
        return found.rows(database_for(target.model, using), list(values))
    rows = _rows(target, using).filter(**{f"{target.attname}__in": values})
    if target.by is By.NATURAL:
        return [(getattr(row, target.attname), target.key_of(row)) for row in rows]
    return rows.values_list(target.attname, _called(target))


@cache
def _prepared(model: type[models.Model], value: str, key: str) -> Prepared:
    return Prepared(
        lambda values: model._base_manager.filter(OneOf(F(value), values)).values_list(value, key)
    )


def _by_keys(target: Target, using: str, keys: Mapping[str, Any]) -> Pairs:
    """`keys` by their text."""
    if target.by is By.NATURAL:
        return _by_natural_keys(target, using, keys)
    rows = _rows(target, using).filter(**{f"{_called(target)}__in": keys.values()})
    return rows.values_list(target.attname, _called(target))


def _rows(target: Target, using: str) -> models.QuerySet[Any]:
    return target.model._base_manager.using(database_for(target.model, using))


def _called(target: Target) -> str:
    return "sync_id" if target.by is By.SYNC_ID else target.attname


def _by_natural_keys(target: Target, using: str, keys: Mapping[str, Any]) -> Pairs:
    """What `get_by_natural_key` would get for each, in one query for many of them.

    It is asked with a queryset that says what it would get instead of getting it. Where rows are
    found under another key than they were asked for by, it is asked again, one by one.
    """
    found: dict[str, Any] = {}
    strays = False
    asked: list[models.QuerySet[Any]] = []
    for name, key in keys.items():
        answer = _natural(target, _asking(target, using), key)
        if isinstance(answer, models.QuerySet):
            asked.append(answer.order_by())
        elif answer is not None:
            found[name] = answer
    for start in range(0, len(asked), KEYS_AT_ONCE):
        first, *others = asked[start : start + KEYS_AT_ONCE]
        for row in first.union(*others, all=True) if others else first:
            name = target.text(target.key_of(row))
            strays |= name not in keys
            found.setdefault(name, row)
    if strays:
        manager = target.model._default_manager.db_manager(database_for(target.model, using))
        for name in keys.keys() - found.keys():
            found[name] = _natural(target, manager, keys[name])
    return [
        (getattr(row, target.attname), keys[name])
        for name, row in found.items()
        if row is not None and name in keys
    ]


def _natural(target: Target, manager: models.Manager[Any], key: Sequence[Any]) -> Any:
    """The row with this natural key, the rows among which it would be, or None."""
    try:
        return manager.get_by_natural_key(*key)  # type: ignore[attr-defined]
    except _Asked as asked:
        return asked.rows
    except DatabaseError:
        raise
    except Exception:  # noqa: BLE001 - the project's code, with what a device made up: no such row
        return None


def _asking(target: Target, using: str) -> models.Manager[Any]:
    """The model's manager, with querysets whose `get` says what it would get."""
    using = database_for(target.model, using)
    manager: Any = target.model._default_manager.db_manager(using)
    rows = manager.get_queryset()
    kind = type("Asking", (_Asking, type(rows)), {})
    manager.get_queryset = lambda: kind(model=rows.model, query=rows.query.chain(), using=using)
    return manager  # type: ignore[no-any-return]


class _Asked(Exception):
    """What was to be got."""

    def __init__(self, rows: models.QuerySet[Any]) -> None:
        self.rows = rows


class _Asking(models.QuerySet[Any] if TYPE_CHECKING else models.QuerySet):  # type: ignore[misc]
    """Says what `get` would look for."""

    def get(self, *args: Any, **kwargs: Any) -> Any:
        raise _Asked(self.filter(*args, **kwargs))


def _text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
