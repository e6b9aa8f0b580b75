"""Emptying the tables between tests, which would otherwise take most of a run.

Django's `flush` empties every table there is, and TRUNCATE of two hundred tables takes PostgreSQL
a good part of a second. A test fills a few: those are asked for in one query, and emptied with
DELETE, in one transaction. What `migrate` made (content types, the register of names) is made
again only where a test changed it; permissions are not: tests that need some make them.
"""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.contenttypes.models import ContentType
from django.core.management.commands import flush
from django.db import connections

from django_pulse import identity
from django_pulse.naming import recording
from django_pulse.tables import Naming

__all__ = ["quick_flushes"]

TABLE = Naming._meta.db_table
SELECTS = 400
"""In one statement: SQLite takes 500 (SQLITE_MAX_COMPOUND_SELECT)."""


def quick_flushes(patch: pytest.MonkeyPatch) -> None:
    """From now on Django's `flush`, and with it the end of a test, does as told above. To be
    called when the databases are as `migrate` left them.
    """
    made = [each.alias for each in connections.all() if TABLE in each.introspection.table_names()]
    recorded = {alias: _recorded(alias) for alias in made}
    stale: set[str] = set()

    def sql_flush(style: Any, connection: Any, **options: Any) -> list[str]:
        names = connection.introspection.django_table_names(only_existing=True, include_views=False)
        kept = {ContentType._meta.db_table}
        if _recorded(connection.alias) == recorded[connection.alias]:
            kept.add(TABLE)
        else:
            stale.add(connection.alias)
        return [f"DELETE FROM {table}" for table in _filled(connection, set(names) - kept)]

    def emit_post_migrate_signal(verbosity: int, interactive: bool, db: str) -> None:
        identity.after_migrate(using=db)
        if db in stale:
            recording.after_migrate(using=db)
            stale.remove(db)

    patch.setattr(flush, "sql_flush", sql_flush)
    patch.setattr(flush, "emit_post_migrate_signal", emit_post_migrate_signal)


def _recorded(alias: str) -> list[Any]:
    """What the register says, without the ids of its rows."""
    values = ("label", "names", "table", "fields")
    return list(Naming.objects.using(alias).order_by("label").values_list(*values))


def _filled(connection: Any, names: set[str]) -> list[str]:
    """The tables among these that hold something, quoted."""
    tables = [connection.ops.quote_name(name) for name in sorted(names)]
    found: list[str] = []
    with connection.cursor() as cursor:
        for begin in range(0, len(tables), SELECTS):
            part = tables[begin : begin + SELECTS]
            asked = (f"SELECT {n} WHERE EXISTS (SELECT 1 FROM {t})" for n, t in enumerate(part))
            cursor.execute(" UNION ALL ".join(asked))
            found.extend(part[number] for (number,) in cursor.fetchall())
    return found
