"""Rows that came into their tables past the models, as in a project that is older than its sync."""

from __future__ import annotations

from typing import Any, TypeVar

from django.db import connection, models

__all__ = ["execute", "filled"]

M = TypeVar("M", bound=models.Model)


def filled(model: type[M], rows: int, **values: Any) -> list[M]:
    """So many rows without documents, whose first column of text is numbered."""
    name = next(f.name for f in model._meta.fields if type(f) is models.CharField)
    made = [model(**{name: f"row {number}"} | values) for number in range(rows)]
    plain: models.QuerySet[M] = models.QuerySet(model)
    return plain.bulk_create(made)


def execute(sql: str, *parameters: Any) -> None:
    """Run raw SQL, as a data migration does."""
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
