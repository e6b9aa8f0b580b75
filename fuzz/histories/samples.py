"""Values to try for fields of every kind."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from django.db import models

from crdt.rules import AddWinsSet, DeepMerge, List

__all__ = ["samples_of"]

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
    "uuid": (UUID(int=1 << 120), UUID(int=2 << 120)),
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
