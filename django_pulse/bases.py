"""Bases: what a page showed of a row, so that what was edited on it is told from what was not.

A page carries its base to the server, and back with what was posted.

Laws:

1. A base is signed, and names the row and the page it is for. It is not secret, and need not be: it
   holds what the page shows.
2. It does not grow old. A page that was left open for a week was still edited from what it showed.
3. A field that is as the page showed it was not edited: its value is the row's, whatever that has
   become. Any other was edited from what the page showed, and merges by its rule.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.core import signing
from django.db import models

from .mapping.columns import AnyField
from .mapping.schema import label_of

if TYPE_CHECKING:
    from .sync_model import SyncModel

__all__ = ["Base", "ForgedBase", "Meanwhile", "read", "restored", "said", "seen_row", "sign"]

Base = Mapping[str, Any]
"""What was shown, by the field's name: text, or None; of a many-to-many field a list of keys."""

SALT = "django_pulse.base"


class ForgedBase(Exception):
    """The base is none, or that of another row or page."""


@dataclass(frozen=True, slots=True)
class Meanwhile:
    """A field that somebody else wrote while a page was open.

    `theirs` is what they made of it, `result` what it is now; `edited`: on the page, too.
    """

    name: str
    label: str
    theirs: Any
    result: Any
    edited: bool


def sign(base: Any, model: type[models.Model], *bound_to: object) -> str:
    """The base as it travels: of this model, and of whatever else it is bound to."""
    return signing.dumps(base, salt=_salt(model, bound_to), compress=True)


def read(token: str, model: type[models.Model], *bound_to: object) -> Any:
    """What was signed; raises `ForgedBase` for anything else."""
    try:
        return signing.loads(token, salt=_salt(model, bound_to))
    except signing.BadSignature as error:
        raise ForgedBase from error


def said(field: AnyField, row: models.Model) -> str | None:
    """A field's value as text from which `restored` makes the same again."""
    value = field.value_from_object(row)
    if value is None:
        return None
    if isinstance(field, models.JSONField):
        return json.dumps(value, cls=field.encoder, sort_keys=True)
    return str(field.value_to_string(row))


def restored(field: AnyField, text: str | None) -> Any:
    """The value that was said, as an instance's attribute holds it."""
    if text is None:
        return None
    if isinstance(field, models.JSONField):
        return json.loads(text, cls=field.decoder)
    return field.to_python(text)


def seen_row(row: SyncModel, base: Base, fields: Iterable[AnyField]) -> SyncModel:
    """A copy of the row as the page showed it, with `fields` as the base says them."""
    seen = copy.copy(row)
    for field in fields:
        setattr(seen, field.attname, restored(field, base[field.name]))
    return seen


def _salt(model: type[models.Model], bound_to: Iterable[object]) -> str:
    return ":".join([SALT, label_of(model), *map(str, bound_to)])
