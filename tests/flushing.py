"""Emptying the tables between tests, which would otherwise take most of a run.

Django's own way is the command `flush`: TRUNCATE of two hundred tables takes PostgreSQL a good part
of a second, and a new connection for each test has it read its catalogue again. A test fills a few
tables: those are asked for in one query, and emptied with DELETE, in one transaction, on the
connection that the test had. What `migrate` made (content types, the register of names) is made
again only where a test changed it; permissions are not: tests that need some make them.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

import pytest
from django.contrib.contenttypes.models import ContentType
from django.db import connections, transaction
from django.test import TransactionTestCase

from django_pulse import identity
from django_pulse.naming import recording
from django_pulse.tables import Naming

__all__ = ["quick_flushes"]

TABLE = Naming._meta.db_table
SELECTS = 400
"""In one statement: SQLite takes 500 (SQLITE_MAX_COMPOUND_SELECT)."""


def quick_flushes(patch: pytest.MonkeyPatch) -> None:
    """From now on the end of a test does as told above. To be called when the databases are as
    `migrate` left them.
    """
    made = {
        each.alias: Made(each.alias)
        for each in connections.all()
        if TABLE in each.introspection.table_names()
    }

    def teardown(test: Any) -> None:
        for alias in test._databases_names(include_mirrors=False):
            made[alias].restore()

    patch.setattr(TransactionTestCase, "_fixture_teardown", teardown)
    patch.setattr(TransactionTestCase, "_should_reload_connections", lambda test: False)


@dataclass(slots=True)
class Made:
    """A database as `migrate` left it."""

    alias: str
    tables: list[str] = field(init=False)
    recorded: list[Any] = field(init=False)

    def __post_init__(self) -> None:
        connection: Any = connections[self.alias]
        names = connection.introspection.django_table_names(only_existing=True, include_views=False)
        kept = {ContentType._meta.db_table, TABLE}
        quote = connection.ops.quote_name
        self.tables = [quote(name) for name in sorted(set(names) - kept)]
        self.recorded = self._recorded()

    def restore(self) -> None:
        """Make it so again."""
        connection: Any = connections[self.alias]
        if connection.errors_occurred or connection.in_atomic_block:
            connection.close()
        stale = not self._is_recorded()
        emptied = self._filled() + ([connection.ops.quote_name(TABLE)] if stale else [])
        with transaction.atomic(using=self.alias), connection.cursor() as cursor:
            for table in emptied:
                cursor.execute(f"DELETE FROM {table}")
        identity.after_migrate(using=self.alias)
        if stale:
            recording.after_migrate(using=self.alias)

    def _is_recorded(self) -> bool:
        """Does the register say what it said, however its JSON is written?"""
        recorded = self._recorded()
        if recorded != self.recorded:
            if _read(recorded) != _read(self.recorded):
                return False
            self.recorded = recorded
        return True

    def _recorded(self) -> list[Any]:
        """What the register says, without the ids of its rows."""
        quote = connections[self.alias].ops.quote_name
        names = ", ".join(quote(name) for name in ("label", "names", "table", "fields"))
        with connections[self.alias].cursor() as cursor:
            cursor.execute(f"SELECT {names} FROM {quote(TABLE)} ORDER BY label")
            return list(cursor.fetchall())

    def _filled(self) -> list[str]:
        """The tables that hold something."""
        found: list[str] = []
        with connections[self.alias].cursor() as cursor:
            for begin in range(0, len(self.tables), SELECTS):
                part = self.tables[begin : begin + SELECTS]
                asked = (f"SELECT {n} WHERE EXISTS (SELECT 1 FROM {t})" for n, t in enumerate(part))
                cursor.execute(" UNION ALL ".join(asked))
                found.extend(part[number] for (number,) in cursor.fetchall())
        return found


def _read(recorded: list[Any]) -> list[Any]:
    return [
        (label, table, json.loads(names), json.loads(fields))
        for label, names, table, fields in recorded
    ]
