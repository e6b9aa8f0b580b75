"""Statements for many rows of our own tables at once.

Django's `bulk_create` and `bulk_update` build an instance per row and an expression per value,
which costs several times what the database takes. These statements take plain values, and serve
the write path's tables only; they work on SQLite and PostgreSQL alike.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

from django.db import connections, models

__all__ = ["insert_many", "is_plain", "update_many", "upsert_many"]

Fields = Sequence["models.Field[Any, Any]"]


def insert_many(
    model: type[models.Model], using: str, names: Sequence[str], rows: Sequence[Sequence[Any]]
) -> list[Any]:
    """Insert rows of values for the named fields; returns their primary keys, in order."""
    key: Any = model._meta.pk
    return [pk for (pk,) in _insert(model, using, names, rows, f"RETURNING {_quoted(using, key)}")]


def upsert_many(
    model: type[models.Model],
    using: str,
    names: Sequence[str],
    rows: Sequence[Sequence[Any]],
    unique: Sequence[str],
) -> None:
    """Insert rows, or where one with the same `unique` fields is there, set its other fields."""
    fields = {name: _field(model, name) for name in names}
    target = ", ".join(_quoted(using, fields[name]) for name in unique)
    columns = [_quoted(using, fields[name]) for name in names if name not in unique]
    settings = ", ".join(f"{column} = EXCLUDED.{column}" for column in columns)
    _insert(model, using, names, rows, f"ON CONFLICT ({target}) DO UPDATE SET {settings}")


def update_many(
    model: type[models.Model],
    using: str,
    names: Sequence[str],
    rows: Iterable[tuple[Any, Sequence[Any]]],
) -> None:
    """Set the named fields of each row, given as (primary key, values): one prepared statement."""
    connection = connections[using]
    fields = [_field(model, name) for name in names]
    key: Any = model._meta.pk
    assignments = ", ".join(f"{_quoted(using, field)} = %s" for field in fields)
    parameters = _prepared([*fields, key], [(*values, pk) for pk, values in rows], connection)
    if parameters:
        with connection.cursor() as cursor:
            cursor.executemany(
                f"UPDATE {connection.ops.quote_name(model._meta.db_table)} "  # noqa: S608 - names
                f"SET {assignments} WHERE {_quoted(using, key)} = %s",
                parameters,
            )


def is_plain(field: models.Field[Any, Any]) -> bool:
    """Is the field's value one `%s` in SQL? (A BinaryField's is, in the databases we serve.)"""
    own = hasattr(field, "get_placeholder") or hasattr(field, "get_placeholder_sql")
    return isinstance(field, models.BinaryField) or not own


def _insert(
    model: type[models.Model],
    using: str,
    names: Sequence[str],
    rows: Sequence[Sequence[Any]],
    suffix: str,
) -> list[tuple[Any, ...]]:
    """One statement per as many rows as the database takes parameters for."""
    connection = connections[using]
    fields = [_field(model, name) for name in names]
    columns = ", ".join(_quoted(using, field) for field in fields)
    table = connection.ops.quote_name(model._meta.db_table)
    head = f"INSERT INTO {table} ({columns}) VALUES "  # noqa: S608 - names, no values
    one = f"({', '.join(['%s'] * len(fields))})"
    limit = min(connection.features.max_query_params or 32_000, 32_000)
    size = max(1, limit // len(fields))
    returned: list[tuple[Any, ...]] = []
    with connection.cursor() as cursor:
        for start in range(0, len(rows), size):
            chunk = rows[start : start + size]
            parameters = [value for row in _prepared(fields, chunk, connection) for value in row]
            cursor.execute(f"{head}{', '.join([one] * len(chunk))} {suffix}", parameters)
            if suffix.startswith("RETURNING"):
                returned += cursor.fetchall()
    return returned


def _prepared(
    fields: Fields, rows: Sequence[Sequence[Any]], connection: Any
) -> list[tuple[Any, ...]]:
    """The rows as the database's driver takes them, prepared column by column."""
    columns = zip(*rows, strict=True)
    prepared = [
        _column(field, values, connection) for field, values in zip(fields, columns, strict=False)
    ]
    return list(zip(*prepared, strict=True))


def _column(field: Any, values: Sequence[Any], connection: Any) -> Sequence[Any]:
    """What `get_db_prep_save` gives for each value, asked only where it may differ from the value,
    and only once for an object that repeats.
    """
    while type(field) is models.ForeignKey:
        field = field.target_field
    passes = _AS_THEY_ARE.get(type(field))
    if passes is UUID and not connection.features.has_native_uuid_field:
        passes = None
    if passes is not None and all(type(value) is passes or value is None for value in values):
        return values
    if type(field) is models.UUIDField and all(type(value) is UUID for value in values):
        return [value.hex for value in values]
    prepared: list[Any] = []
    last: Any = _column  # which is no column's value
    for value in values:
        if value is not last:
            last, ready = value, field.get_db_prep_save(value, connection)
        prepared.append(ready)
    return prepared


_AS_THEY_ARE: dict[type, type] = {
    models.BigAutoField: int,
    models.BigIntegerField: int,
    models.BinaryField: bytes,
    models.BooleanField: bool,
    models.CharField: str,
    models.IntegerField: int,
    models.PositiveBigIntegerField: int,
    models.PositiveIntegerField: int,
    models.TextField: str,
    models.UUIDField: UUID,
}
"""Types of which Django's own fields give the driver just what they were given."""


def _field(model: type[models.Model], name: str) -> Any:
    return model._meta.get_field(name)


def _quoted(using: str, field: Any) -> str:
    return str(connections[using].ops.quote_name(field.column))
