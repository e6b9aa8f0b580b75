"""Statements for many rows of our own tables at once.

Django's `bulk_create` and `bulk_update` build an instance per row and an expression per value,
which costs several times what the database takes. These statements take plain values, and serve
the write path's tables only; they work on SQLite and PostgreSQL alike.

To PostgreSQL a column of values is sent as one array: psycopg would take longer to look for the
placeholders of thousands of values than the database takes to store them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Iterable, Sequence
from functools import lru_cache
from types import NoneType
from typing import TYPE_CHECKING, Any, NamedTuple
from uuid import UUID

from django.db import connections, models

__all__ = [
    "Among",
    "among",
    "array",
    "delete_many",
    "insert_many",
    "insert_missing",
    "is_plain",
    "update_many",
    "upsert_many",
]

if TYPE_CHECKING:  # generic only to the type checker
    _Lookup = models.Lookup[Any]
else:
    _Lookup = models.Lookup

Fields = Sequence["models.Field[Any, Any]"]
Columns = Sequence[Sequence[Any]]


def insert_many(
    model: type[models.Model], using: str, names: Sequence[str], rows: Sequence[Sequence[Any]]
) -> list[Any]:
    """Insert rows of values for the named fields; returns their primary keys, in order."""
    if not rows:
        return []
    target = _target(model, using, tuple(names))
    return [pk for (pk,) in _insert(target, using, rows, f"RETURNING {target.key}")]


def insert_missing(
    model: type[models.Model], using: str, names: Sequence[str], rows: Sequence[Sequence[Any]]
) -> None:
    """Insert rows of values for the named fields, but for those that a unique one forbids."""
    _insert(_target(model, using, tuple(names)), using, rows, "ON CONFLICT DO NOTHING")


def upsert_many(
    model: type[models.Model],
    using: str,
    names: Sequence[str],
    rows: Sequence[Sequence[Any]],
    unique: Sequence[str],
) -> None:
    """Insert rows, or where one with the same `unique` fields is there, set its other fields."""
    target = _target(model, using, tuple(names))
    columns = dict(zip(names, target.columns, strict=True))
    clash = ", ".join(columns.pop(name) for name in unique)
    settings = ", ".join(f"{column} = EXCLUDED.{column}" for column in columns.values())
    _insert(target, using, rows, f"ON CONFLICT ({clash}) DO UPDATE SET {settings}")


def update_many(
    model: type[models.Model],
    using: str,
    names: Sequence[str],
    rows: Iterable[tuple[Any, Sequence[Any]]],
) -> None:
    """Set the named fields of each row, given as (primary key, values)."""
    key: Any = model._meta.pk
    table, fields, quoted, _ = _target(model, using, (*names, key.name))
    connection = connections[using]
    columns = _prepared(fields, [(*values, pk) for pk, values in rows], connection)
    if not columns:
        return
    update = f"UPDATE {table} SET "  # noqa: S608 - names, no values
    arrays = _arrays(fields, columns, connection)
    with connection.cursor() as cursor:
        if arrays is None:
            settings = ", ".join(f"{column} = %s" for column in quoted[:-1])
            parameters = list(zip(*columns, strict=True))
            statement = f"{update}{settings} WHERE {quoted[-1]} = %s"
            if len(parameters) == 1:
                cursor.execute(statement, parameters[0])
            else:
                cursor.executemany(statement, parameters)
            return
        settings = ", ".join(f"{column} = new_rows.{column}" for column in quoted[:-1])
        source = f" FROM UNNEST({arrays}) AS new_rows ({', '.join(quoted)})"
        where = f" WHERE {table}.{quoted[-1]} = new_rows.{quoted[-1]}"
        cursor.execute(f"{update}{settings}{source}{where}", _lists(columns))


def delete_many(model: type[models.Model], using: str, keys: Sequence[Any]) -> None:
    """Delete the rows with these primary keys; nobody is told."""
    connection = connections[using]
    quote = connection.ops.quote_name
    key: Any = model._meta.pk
    delete = f"DELETE FROM {quote(model._meta.db_table)} WHERE {quote(key.column)}"  # noqa: S608
    if connection.vendor == "postgresql":
        chunks = [(f"{delete} = ANY(%s)", [array(keys)])]
    else:
        size = connection.features.max_query_params or len(keys)
        chunks = [
            (f"{delete} IN ({', '.join(['%s'] * len(some))})", list(some))
            for some in (keys[start : start + size] for start in range(0, len(keys), size))
        ]
    with connection.cursor() as cursor:
        for sql, parameters in chunks:
            cursor.execute(sql, parameters)


def among(using: str, name: str, values: Collection[Any]) -> models.Q | Among:
    """The condition that the named field holds one of `values`, written as that database likes."""
    if connections[using].vendor == "postgresql":
        return Among(models.F(name), values)
    return models.Q((f"{name}__in", values))


class Among(_Lookup):
    """Whether a column holds one of many values, which travel as one parameter. PostgreSQL only."""

    prepare_rhs = False

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, tuple[Any, ...]]:
        """The column's SQL, and the values as one array."""
        column, parameters = self.process_lhs(compiler, connection)
        field: Any = self.lhs.output_field
        values = [field.get_db_prep_value(value, connection) for value in self.rhs]
        return f"{column} = ANY(%s)", (*parameters, array(values))


def is_plain(field: models.Field[Any, Any]) -> bool:
    """Is the field's value one `%s` in SQL? (A BinaryField's is, in the databases we serve.)"""
    own = hasattr(field, "get_placeholder") or hasattr(field, "get_placeholder_sql")
    return isinstance(field, models.BinaryField) or not own


class _Target(NamedTuple):
    """What a statement writes to: a table, some of its fields, their columns, and the column of its
    primary key, quoted.
    """

    table: str
    fields: Fields
    columns: tuple[str, ...]
    key: str


@lru_cache(maxsize=256)
def _target(model: type[models.Model], using: str, names: tuple[str, ...]) -> _Target:
    quote = connections[using].ops.quote_name
    meta: Any = model._meta
    fields = tuple(meta.get_field(name) for name in names)
    columns = tuple(quote(field.column) for field in fields)
    return _Target(quote(meta.db_table), fields, columns, quote(meta.pk.column))


def _insert(
    target: _Target, using: str, rows: Sequence[Sequence[Any]], suffix: str
) -> list[tuple[Any, ...]]:
    """One statement per as many rows as the database takes parameters for."""
    connection = connections[using]
    fields = target.fields
    head = f"INSERT INTO {target.table} ({', '.join(target.columns)}) "
    one = f"({', '.join(['%s'] * len(fields))})"
    limit = min(connection.features.max_query_params or 32_000, 32_000)
    size = max(1, limit // len(fields))
    returned: list[tuple[Any, ...]] = []
    with connection.cursor() as cursor:
        for start in range(0, len(rows), size):
            chunk = rows[start : start + size]
            columns = _prepared(fields, chunk, connection)
            arrays = _arrays(fields, columns, connection)
            if arrays is None:
                source = f"VALUES {', '.join([one] * len(chunk))}"
                parameters = [value for row in zip(*columns, strict=True) for value in row]
            else:
                source = f"SELECT * FROM UNNEST({arrays})"  # noqa: S608 - types and placeholders
                parameters = _lists(columns)
            cursor.execute(f"{head}{source} {suffix}", parameters)
            if suffix.startswith("RETURNING"):
                returned += cursor.fetchall()
    return returned


def _arrays(fields: Fields, columns: Columns, connection: Any) -> str | None:
    """The placeholders for columns of values as arrays; None where they cannot be sent so.

    Without the bounds of the columns' types: a cast to them would cut off what is too long, where
    storing it is refused.
    """
    if connection.vendor != "postgresql" or len(columns[0]) < 2:
        return None
    types = []
    for field in fields:
        target: Any = field
        while isinstance(target, models.ForeignKey):
            target = target.target_field
        if target.get_internal_type() not in connection.data_types:
            return None  # an array of arrays, or of what is known to an extension only
        types.append(re.sub(r"\(.*?\)", "", str(field.rel_db_type(connection))))
    return ", ".join(f"%s::{each}[]" for each in types)


def _lists(columns: Columns) -> list[str | list[Any]]:
    return [array(values) for values in columns]


def array(values: Sequence[Any]) -> str | list[Any]:
    """A column as PostgreSQL reads an array (manual, section 8.15.2), or for the driver to write:
    it asks of each value anew what its type is, which takes longer than to store it.
    """
    kinds = set(map(type, values)) - {NoneType}
    write = _WRITTEN.get(kinds.pop()) if len(kinds) == 1 else None
    if write is None:
        return list(values)
    return f"{{{','.join(['NULL' if value is None else write(value) for value in values])}}}"


def _text(value: str) -> str:
    escaped = value.replace("\\", r"\\").replace('"', r"\"")
    return f'"{escaped}"'


_WRITTEN: dict[type, Callable[[Any], str]] = {
    bool: lambda value: "t" if value else "f",
    bytes: lambda value: rf'"\\x{value.hex()}"',
    int: str,
    str: _text,
    UUID: str,
}
"""How the elements of an array are written."""


def _prepared(fields: Fields, rows: Iterable[Sequence[Any]], connection: Any) -> Columns:
    """The rows' values as the database's driver takes them, column by column; none, if no rows."""
    columns = zip(*rows, strict=True)
    return [
        _column(field, values, connection) for field, values in zip(fields, columns, strict=False)
    ]


def _column(field: Any, values: Sequence[Any], connection: Any) -> Sequence[Any]:
    """What `get_db_prep_save` gives for each value, asked only where it may differ from the value,
    and only once for an object that repeats.
    """
    while type(field) is models.ForeignKey:
        field = field.target_field
    passes = _AS_THEY_ARE.get(type(field))
    if passes is not None and set(map(type, values)) <= {passes, NoneType}:
        if passes is not UUID or connection.features.has_native_uuid_field:
            return values
        return [None if value is None else value.hex for value in values]
    as_text = type(field) is models.JSONField and connection.vendor in {"postgresql", "sqlite"}
    prepared: list[Any] = []
    last: Any = _column  # which is no column's value
    for value in values:
        if value is not last:
            if as_text and type(value) in (dict, list):
                ready = json.dumps(value, cls=field.encoder)
            else:
                ready = field.get_db_prep_save(value, connection)
            last = value
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
