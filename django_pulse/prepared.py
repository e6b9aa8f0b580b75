"""Queries whose SQL is made once.

To build a queryset and to compile it takes Django several times what the database takes to answer,
and a push asks some twenty of them. A `Prepared` query is built and compiled by Django, too, but
once for each kind of database; from then on only its values change.

It is for models whose managers are Django's own (`is_fixed`): others may build another query each
time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.db import connections, models

from .sql import array

__all__ = ["OneOf", "Prepared", "Slot", "is_fixed"]

if TYPE_CHECKING:  # generic only to the type checker
    _Lookup = models.Lookup[Any]
else:
    _Lookup = models.Lookup

Values = Sequence[Any]
Converters = tuple[tuple[int, Sequence[Callable[..., Any]], Any], ...]


class Prepared:
    """A query that `build` makes, which is called with one `Slot` for each of the query's values.
    It has to select columns: `values_list`.
    """

    def __init__(self, build: Callable[..., Any]) -> None:
        self._build = build
        self._compiled: dict[tuple[Any, ...], _Compiled] = {}

    def rows(self, using: str, *values: Any) -> list[tuple[Any, ...]]:
        """Ask a database. A value is a number, a string, or a list of what a column may hold."""
        if [] in values:
            return []
        connection = connections[using]
        sizes = tuple([_room(len(value)) if type(value) is list else 0 for value in values])
        compiled = self._compiled.get((connection.vendor, sizes))
        if compiled is None:
            slots = [Slot(number, size) for number, size in enumerate(sizes)]
            compiled = _compiled(self._build(*slots), using)
            self._compiled[connection.vendor, sizes] = compiled
        parameters = [each.value(values, connection) for each in compiled.parameters]
        with connection.cursor() as cursor:
            cursor.execute(compiled.sql, parameters)
            found: list[tuple[Any, ...]] = cursor.fetchall()
        return list(compiled.converted(found, connection)) if compiled.converters else found


def is_fixed(manager: Any) -> bool:
    """Does the manager start with all rows, each time?"""
    plain = type(manager).get_queryset is models.Manager.get_queryset
    return plain and manager._queryset_class is models.QuerySet


class Slot(models.Expression):
    """Where a value stands; one of many, if it has room for several (`OneOf`)."""

    def __init__(self, number: int, room: int = 0) -> None:
        super().__init__(output_field=models.Field())
        self.number = number
        self.room = room

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, tuple[Any, ...]]:
        """A placeholder, for this slot's value."""
        return "%s", (self,)

    def value(self, values: Values, connection: Any) -> Any:
        """What stands here: a number or a string, which every driver takes as it is."""
        return values[self.number]


class OneOf(_Lookup):
    """The condition that a column holds one of the values of a slot."""

    prepare_rhs = False

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, tuple[Any, ...]]:
        """PostgreSQL takes all values as one parameter; others have a placeholder for each."""
        column, parameters = self.process_lhs(compiler, connection)
        slot, field = self.rhs, self.lhs.output_field
        if connection.vendor == "postgresql":
            return f"{column} = ANY(%s)", (*parameters, _Array(slot.number, field))
        marks = ", ".join(["%s"] * slot.room)
        elements = (_Element(slot.number, field, place) for place in range(slot.room))
        return f"{column} IN ({marks})", (*parameters, *elements)


@dataclass(frozen=True, slots=True)
class _Array:
    """All values of a slot."""

    number: int
    field: Any

    def value(self, values: Values, connection: Any) -> Any:
        return array([self.field.get_db_prep_value(v, connection) for v in values[self.number]])


@dataclass(frozen=True, slots=True)
class _Element:
    """One of the values of a slot; the last one again where there are not so many."""

    number: int
    field: Any
    place: int

    def value(self, values: Values, connection: Any) -> Any:
        found = values[self.number]
        return self.field.get_db_prep_value(found[min(self.place, len(found) - 1)], connection)


@dataclass(frozen=True, slots=True)
class _Constant:
    """What Django put there itself."""

    constant: Any

    def value(self, values: Values, connection: Any) -> Any:
        return self.constant


@dataclass(frozen=True, slots=True)
class _Compiled:
    """The SQL, what stands at its placeholders, and how columns of its answer are converted."""

    sql: str
    parameters: tuple[Any, ...]
    converters: Converters

    def converted(
        self, rows: Sequence[tuple[Any, ...]], connection: Any
    ) -> Iterator[tuple[Any, ...]]:
        for row in rows:
            columns = list(row)
            for place, functions, expression in self.converters:
                for function in functions:
                    columns[place] = function(columns[place], expression, connection)
            yield tuple(columns)


def _room(count: int) -> int:
    """Few sizes, of which each is compiled once: the powers of two."""
    return 1 << (count - 1).bit_length()


def _compiled(rows: Any, using: str) -> _Compiled:
    compiler = rows.query.get_compiler(using)
    sql, parameters = compiler.as_sql()
    columns = [column for column, _, _ in compiler.select[: compiler.col_count]]
    found = compiler.get_converters(columns)
    return _Compiled(
        sql,
        tuple(p if isinstance(p, (Slot, _Array, _Element)) else _Constant(p) for p in parameters),
        tuple((place, functions, column) for place, (functions, column) in found.items()),
    )
