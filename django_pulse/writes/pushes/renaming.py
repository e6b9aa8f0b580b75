"""Renaming: a new row whose unique text is taken gets another ending (`on_unique`).

The least number from 2 on that no row has, so the same rows give the same name. It is a server
entry, which the row's device receives like any other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db import models

from crdt.editing import write_field
from crdt.schema import MISSING

from ...mapping.uniqueness import field_to_rename
from ..merging import Merged
from .constraints import Violation

if TYPE_CHECKING:
    from ...sync_model import SyncModel

__all__ = ["rename"]

LONGEST_ENDING = 8
"""Characters of an ending: a separator, and more numbers than there are rows."""


def rename(merged: Merged, row: SyncModel, found: Violation, using: str) -> None:
    """Give the row a value that is free, if there is a text to change."""
    field = field_to_rename(type(row), found.fields)
    if field is None or not getattr(row, field.attname):
        return
    value = _free(row, field, using)
    known = merged.schema.fields[field.name]
    old = known.read(merged.document)
    write_field(merged.document, known, None if old is MISSING else old, value, merged.now_ms)
    setattr(row, field.attname, value)


def _free(row: SyncModel, field: Any, using: str) -> str:
    value: str = getattr(row, field.attname)
    most = field.max_length or len(value) + LONGEST_ENDING
    stem = value[: max(most - LONGEST_ENDING, 0)]
    rows = field.model._base_manager.using(using).filter(**{f"{field.name}__startswith": stem})
    taken = {each.casefold() for each in rows.values_list(field.name, flat=True)}
    separator = "-" if isinstance(field, models.SlugField) else " "
    number = 2
    while True:
        ending = f"{separator}{number}"
        name = value[: most - len(ending)] + ending
        if name.casefold() not in taken:
            return name
        number += 1
