"""What a model's fields can hold: values that Django takes, and some that it does not."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import ImproperlyConfigured, ValidationError

from crdt import Field
from django_pulse.mapping.columns import Column, columns_of
from django_pulse.mapping.schema import schema_of

from .references import is_of_the_history, keys_to_try
from .relatives import Relatives
from .samples import samples_of

__all__ = ["Editable", "editables_of"]


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


def _editable(
    model: Any, field: Field, column: Column, relatives: Relatives, given: Sequence[Any] | None
) -> Editable:
    if given is not None:
        tried: Iterable[Any] = given
    elif column.refers:
        tried = keys_to_try(model, column, relatives)
    else:
        tried = samples_of(column.field, field.kind, field.rule)
    if column.null and not column.is_set and given is None:
        tried = (*tried, None)
    values: list[Any] = []
    wrong: list[Any] = []
    for value in tried:
        if not is_of_the_history(value) and not _can_travel(field, value):
            continue
        (values if _is_valid(column, value) else wrong).append(value)
    writes = field.rule.client_writes and not field.options.get("read_only")
    return Editable(field, column, tuple(values), tuple(wrong), writes)


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
    except (ValidationError, ValueError, TypeError):  # the latter of fields with a class of values
        return False
    return True
