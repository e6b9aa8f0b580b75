"""What a model's fields can hold: values that Django takes, and some that it does not."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from django.core.exceptions import ImproperlyConfigured, ValidationError
from django.db import models

from crdt import Field
from crdt.rules import AddWinsSet, DeepMerge, List
from django_pulse.mapping.columns import Column, columns_of
from django_pulse.mapping.relations import Members
from django_pulse.mapping.schema import schema_of

from .relatives import Relatives

__all__ = ["Editable", "editables_of", "samples_of"]

_DAY: Final = datetime(2026, 3, 29, 1, 30, tzinfo=UTC)

_SAMPLES: Final[Mapping[str, Sequence[Any]]] = {
    "int": (1, 2, 5, -3, 0, 1000, 2**40),
    "float": (1.5, 2.5, -1.0, 0.0),
    "decimal": (Decimal("1.10"), Decimal(2), Decimal("-3.5"), Decimal(0), Decimal("0.5")),
    "str": ("a", "b", "ab", "naïve 😀", "", "x" * 256),
    "bool": (True, False),
    "date": (date(2026, 1, 1), date(2000, 2, 29), date(2026, 12, 31)),
    "datetime": (_DAY, _DAY + timedelta(hours=1)),
    "time": (time(0, 0), time(12, 30), time(23, 59, 59)),
    "duration": (timedelta(0), timedelta(days=1), timedelta(minutes=-5)),
    "uuid": (UUID(int=1), UUID(int=2)),
    "binary": (b"", b"a", b"\0\xff"),
    "json": ({}, {"a": 1}, [1, 2], "text", {"a": {"b": [1]}}),
}
"""Values of every kind: few, so that two writers often mean the same, or the same place."""

_LISTS: Final[Sequence[Any]] = ([], ["a"], ["b"], ["a", "b"], ["c", "a"])
_TREES: Final[Sequence[Any]] = (
    {},
    {"a": 1},
    {"a": 2, "b": 1},
    {"a": {"b": 1}},
    {"a": {"c": 2}},
    {"b": [1, 2]},
)

_SPECIAL: Final[tuple[tuple[type[Any], Sequence[Any]], ...]] = (
    (models.EmailField, ("ada@example.com", "bob@example.com", "nobody")),
    (models.URLField, ("https://example.com/a", "https://example.com/b", "no address")),
    (models.SlugField, ("a", "a-b", "c_1", "no slug")),
    (models.GenericIPAddressField, ("192.0.2.1", "192.0.2.2", "nowhere")),
    (models.FileField, ()),
    (models.FilePathField, ()),
)
"""Values of fields whose validators want more than their kind says."""


@dataclass(frozen=True, slots=True)
class Editable:
    """One field, as devices and the server write it: `values` stand, `wrong` ones are undone."""

    field: Field
    column: Column
    values: tuple[Any, ...]
    wrong: tuple[Any, ...]
    by_devices: bool

    @property
    def name(self) -> str:
        """The field's name."""
        return self.field.name

    @property
    def is_needed(self) -> bool:
        """Must whoever creates a row give it a value?"""
        return self.field.required


def editables_of(
    model: Any, relatives: Relatives, given: Mapping[str, Sequence[Any]]
) -> tuple[Editable, ...]:
    """The fields of `model` that a history writes, with values: `given` ones before our own.

    Raises `ImproperlyConfigured` for one that a new row needs and no value is known of.
    """
    columns = columns_of(model)
    unknown = set(given) - set(columns)
    if unknown:
        names = ", ".join(sorted(columns))
        raise ImproperlyConfigured(
            f"`values` names {', '.join(sorted(unknown))}; the fields of {model.__name__} are: "
            f"{names}."
        )
    found = []
    for name, field in schema_of(model).fields.items():
        editable = _editable(model, field, columns[name], relatives, given.get(name))
        if editable.values:
            found.append(editable)
        elif editable.is_needed:
            raise ImproperlyConfigured(
                f"A row of {model.__name__} needs a value for {name}, and none of those that the "
                f'kit tries passes its validators. Write values = {{"{name}": [...]}} in the test.'
            )
    return tuple(found)


def samples_of(field: models.Field[Any, Any], kind: str, rule: Any = None) -> list[Any]:
    """Values to try for a field that refers to nothing."""
    if field.choices:
        return [value for value, _ in field.flatchoices] + ["?"]
    for known, values in _SPECIAL:
        if isinstance(field, known):
            return list(values)
    if isinstance(rule, (AddWinsSet, List)):
        return list(_LISTS)
    if isinstance(rule, DeepMerge):
        return list(_TREES)
    return list(_SAMPLES.get(kind, ()))


def _editable(
    model: Any, field: Field, column: Column, relatives: Relatives, given: Sequence[Any] | None
) -> Editable:
    if given is not None:
        tried: Iterable[Any] = given
    elif isinstance(column, Members) or column.target is not None:
        tried = _keys(model, column, relatives)
    elif column.refers:
        tried = ()  # a generic key may name anything
    else:
        tried = samples_of(column.field, field.kind, field.rule)
    if column.null and not column.is_set and given is None:
        tried = (*tried, None)
    values: list[Any] = []
    wrong: list[Any] = []
    for value in tried:
        if not _can_travel(field, value):
            continue
        (values if _is_valid(column, value) else wrong).append(value)
    writes = field.rule.client_writes and not field.options.get("read_only")
    return Editable(field, column, tuple(values), tuple(wrong), writes)


def _keys(model: Any, column: Any, relatives: Relatives) -> list[Any]:
    if column.target is None or column.target.model is model:
        return [[]] if column.is_set else []  # rows of the history come and go
    keys = [column.target.key_of(row) for row in relatives.of(column.target.model)]
    if column.is_set:
        wire = [column.target.wire(key) for key in keys]
        return [[], wire[:1], wire[1:], wire]
    return keys


def _can_travel(field: Field, value: Any) -> bool:
    try:
        field.check(value)
        field.encode(value)
    except ValueError:
        return False
    return True


def _is_valid(column: Column, value: Any) -> bool:
    if column.refers:
        return True
    try:
        column.field.clean(column.to_column(value), None)
    except ValidationError:
        return False
    return True
