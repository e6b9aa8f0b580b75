"""Defaults that only the database knows (`db_default`), for rows that devices make.

A document is made before its row is inserted, and holds what the row does. So the database is asked
beforehand what it would give, for all new rows of a batch in one query; plain values are taken as
they are.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from django.db.models import ExpressionWrapper, Value

from ...mapping.columns import columns_of
from ...tables import Clock

if TYPE_CHECKING:
    from ...sync_model import SyncModel

__all__ = ["Defaults"]

ASKED_AT_ONCE = 500
"""Values that one query asks for: PostgreSQL answers with 1,664 columns at most."""


class Defaults:
    """What the database gives to columns of up to `count` new rows of a model."""

    def __init__(self, model: type[SyncModel], using: str, count: int) -> None:
        columns = columns_of(model).values()
        fields = [each for column in columns for each in column.concrete if each.has_db_default()]
        self._fields = {field.attname: field for field in fields}
        self._using = using
        self._count = count
        self._left: dict[str, list[Any]] = {}

    def fill(self, row: SyncModel) -> None:
        """Set the columns that hold a `db_default` to what that is."""
        for attname in self._fields:
            held: Any = row.__dict__.get(attname)
            if hasattr(held, "resolve_expression"):
                setattr(row, attname, self._value(attname, held.expression))

    def _value(self, attname: str, expression: Any) -> Any:
        if isinstance(expression, Value):
            return self._fields[attname].to_python(expression.value)
        if not self._left.get(attname):
            self._left[attname] = list(self._asked(attname, expression))
        return self._left[attname].pop()

    def _asked(self, attname: str, expression: Any) -> Iterator[Any]:
        wrapped = ExpressionWrapper(expression, output_field=self._fields[attname])
        rows = Clock.objects.using(self._using).filter(pk=1)
        left = max(self._count, 1)
        while left > 0:
            names = [f"value_{number}" for number in range(min(left, ASKED_AT_ONCE))]
            yield from rows.annotate(**dict.fromkeys(names, wrapped)).values_list(*names).get()
            left -= len(names)
