"""Whether a row stands: Django's own `full_clean`, but for defaults that no form would take.

`title = CharField(max_length=100, default="")` and a foreign key with `null=True` and without
`blank=True` are in many models. A row that nobody gave such a field holds what the model itself
gave it, and so do rows that Django's `create()` makes.
"""

from __future__ import annotations

from collections.abc import Collection

from django.core.exceptions import ValidationError
from django.db import models

from django_pulse.bookkeeping import BOOKKEEPING

__all__ = ["errors_of", "is_valid"]


def is_valid(row: models.Model) -> bool:
    """Would a form take the row, as far as somebody filled it in?"""
    return errors_of(row) is None


def errors_of(row: models.Model, undone: Collection[str] = ()) -> dict[str, list[str]] | None:
    """What `full_clean` has against the row, by the field's name; None for a valid row.

    In `undone` fields nothing stands that anybody wrote: they may hold what Django gives a text
    without a default.
    """
    try:
        row.full_clean(exclude={*BOOKKEEPING, *_unfilled(row, undone)})
    except ValidationError as error:
        return dict(error.message_dict)
    return None


def _unfilled(row: models.Model, undone: Collection[str]) -> list[str]:
    """The fields that are empty by default, and must not be by their `blank`."""
    return [
        field.name
        for field in row._meta.concrete_fields
        if not field.blank
        and (field.null or field.has_default() or field.name in undone)
        and (value := row.__dict__.get(field.attname)) in field.empty_values
        and (value is None or value == field.get_default())
    ]
