"""Rows that those of the tested model refer to, and the users who see them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from django.contrib.auth import get_user_model
from django.core.exceptions import ImproperlyConfigured
from django.db import Error, models

from django_pulse.mapping.columns import kind_of
from django_pulse.visibility.audience import Audience, Hop

from .samples import samples_of

__all__ = ["Relatives", "join", "leave"]

OF_EACH: Final = 2
"""Rows of each model that is referred to: enough to move from one to the other."""

MOST_HOPS: Final = 4
"""References followed from the model; beyond them is a circle, or a row that stays without."""

NAMES: Final = ("ada", "bob", "cy", "dee", "eve")


class Relatives:
    """Makes rows of any model, by `make` where that gives one, and keeps what it made."""

    def __init__(self, make: Callable[[Any, int], Any]) -> None:
        self._make = make
        self._rows: dict[Any, list[Any]] = {}
        self._numbers = 0

    def users(self, count: int) -> list[Any]:
        """The first `count` users."""
        model = get_user_model()
        rows = self._rows.setdefault(model, [])
        while len(rows) < count:
            rows.append(self._user(len(rows)))
        return rows[:count]

    def of(self, model: Any, depth: int = 0) -> list[Any]:
        """The rows of a model that may be referred to."""
        if model is get_user_model():
            return self.users(OF_EACH)
        if model not in self._rows:
            self._rows[model] = []
            self._rows[model] = [self._new(model, depth) for _ in range(OF_EACH)]
        return self._rows[model]

    def made(self, model: Any) -> list[Any]:
        """Those of them that were made so far."""
        return list(self._rows.get(model, ()))

    def _user(self, number: int) -> Any:
        model: Any = get_user_model()
        return self._new(model, 0, {model.USERNAME_FIELD: _username(model, number)})

    def _new(self, model: Any, depth: int, given: dict[str, Any] | None = None) -> Any:
        self._numbers += 1
        made = self._make(model, self._numbers)
        if made is not None:
            return made
        row = model(**(given or {}))
        for field in model._meta.concrete_fields:
            if field.name not in (given or {}) and _is_needed(field):
                setattr(row, field.name, self._value(field, depth))
        try:
            row.save()
        except (Error, ValueError) as error:
            raise ImproperlyConfigured(
                f"The kit cannot make a row of {model._meta.label} ({error}). Return one from "
                "the method make(model, number) of the test."
            ) from error
        return row

    def _value(self, field: Any, depth: int) -> Any:
        if isinstance(field, models.ForeignKey):
            rows = self.of(field.related_model, depth + 1) if depth < MOST_HOPS else []
            return rows[0] if rows else None
        samples = samples_of(field, kind_of(field))
        if field.unique and isinstance(field, (models.CharField, models.TextField)):
            return f"{samples[0]}{self._numbers}"[-(field.max_length or 99) :]
        if field.unique and isinstance(field, models.IntegerField):
            return self._numbers
        return samples[0] if samples else None


def _username(model: Any, number: int) -> str:
    name = NAMES[number] if number < len(NAMES) else f"user{number}"
    field = model._meta.get_field(model.USERNAME_FIELD)
    return f"{name}@example.com" if isinstance(field, models.EmailField) else name


def _is_needed(field: Any) -> bool:
    if field.primary_key or field.generated or getattr(field, "auto_now", False):
        return False
    has_value = field.has_default() or field.has_db_default() or field.null
    blank = field.blank and field.empty_strings_allowed and not field.unique
    return not (has_value or blank or getattr(field, "auto_now_add", False))


def join(user: Any, anchor: Any, audience: Audience) -> None:
    """Let a user see what belongs to `anchor`, by the rest of the audience's path."""
    here = anchor
    for hop in audience.hops[1:-1]:
        here = _related(here, hop)
        if here is None:
            return
    if len(audience.hops) > 1:
        _link(here, audience.hops[-1], user)


def leave(user: Any, anchor: Any, audience: Audience) -> None:
    """The opposite of `join`; where the path ends in a column that must hold somebody, nothing."""
    here = anchor
    for hop in audience.hops[1:-1]:
        here = _related(here, hop)
        if here is None:
            return
    if len(audience.hops) > 1:
        _unlink(here, audience.hops[-1], user)


def _accessor(hop: Hop) -> str:
    forward = isinstance(hop.field, models.Field)
    return str(hop.field.name if forward else hop.field.get_accessor_name())


def _related(row: Any, hop: Hop) -> Any:
    found: Any = getattr(row, _accessor(hop), None)
    return found.first() if hasattr(found, "all") else found


def _link(row: Any, hop: Hop, user: Any) -> None:
    if hop.field.many_to_many:
        getattr(row, _accessor(hop)).add(user)
    elif isinstance(hop.field, models.ForeignKey):
        setattr(row, hop.field.name, user)
        row.save()


def _unlink(row: Any, hop: Hop, user: Any) -> None:
    if hop.field.many_to_many:
        getattr(row, _accessor(hop)).remove(user)
    elif _may_be_empty(hop) and getattr(row, hop.field.attname) == user.pk:
        setattr(row, hop.field.name, None)
        row.save()


def _may_be_empty(hop: Hop) -> bool:
    return isinstance(hop.field, models.ForeignKey) and hop.field.null
