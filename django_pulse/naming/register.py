"""The register: what a database remembers of the names in its documents (see `names`).

Read once per process and database. Read again when a model is not in it as this process has it, and
after every `migrate`. What is missing is added: by `migrate`, and by whoever finds it missing where
there was none, as after a change of merge rules.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.db import DatabaseError, IntegrityError, connections, transaction

from .. import identity
from ..tables import Naming
from .names import (
    KnownField,
    KnownModel,
    ModelNow,
    Names,
    Shape,
    find_model,
    names_of,
    plain_names,
    with_model,
)
from .renames import Rename, renamed

__all__ = ["forget", "names", "record", "remember"]

_remembered: dict[str, Sequence[KnownModel]] = {}
"""What this process knows to be in the register of each database."""


def names(
    using: str, now: ModelNow, installed: Collection[str], *, again: bool = False
) -> tuple[Names, bool]:
    """What documents call a model and its fields, and whether that is certain.

    It is not before `migrate` has made our tables and the model's, and where there is no database
    to ask. `again`: what another process may have added meanwhile is wanted.
    """
    found = None if again else _names(now, _remembered.get(using, ()), installed)
    if found is not None:
        return found, True
    known = _read(using)
    if known is None:
        return plain_names(now), False
    found = _names(now, known, installed)
    if found is None:
        if not _is_migrated(now, using):
            return plain_names(now), False
        known = record(using, [now], installed)
        found = _names(now, known, installed)
        assert found is not None, "it was just written down"
    if not connections[using].in_atomic_block:  # what a transaction saw may be rolled back
        remember(using, known)
    return found, True


def record(
    using: str,
    models: Iterable[ModelNow],
    installed: Collection[str],
    renames: Iterable[Rename] = (),
    *,
    settled: bool = False,
) -> Sequence[KnownModel]:
    """Write down what is new of these models; returns everything that is known then."""
    models = list(models)
    try:
        return _recorded(using, models, installed, renames, settled=settled)
    except IntegrityError:  # another process was first
        return _recorded(using, models, installed, renames, settled=settled)


def remember(using: str, known: Sequence[KnownModel]) -> None:
    """This is in the register now."""
    _remembered[using] = known


def forget() -> None:
    """What is in the databases may be something else now."""
    _remembered.clear()


def _recorded(
    using: str,
    models: Iterable[ModelNow],
    installed: Collection[str],
    renames: Iterable[Rename],
    *,
    settled: bool,
) -> Sequence[KnownModel]:
    with transaction.atomic(using=using):
        identity.take_write_lock(using)
        rows = {row.label: row for row in Naming.objects.using(using).select_for_update()}
        before = {label: _known(*_values(row)) for label, row in rows.items()}
        after = {each.label: each for each in renamed(list(before.values()), renames)}
        for now in models:
            known = with_model(now, list(after.values()), installed, settled=settled)
            after[known.label] = known
        _write(using, [each for label, each in after.items() if each != before.get(label)], rows)
    return list(after.values())


def _write(using: str, changed: Iterable[KnownModel], rows: dict[str, Naming]) -> None:
    new = []
    for known in changed:
        row = rows.get(known.label) or Naming(label=known.label)
        row.names, row.table = list(known.names), known.table
        row.fields = [
            [each.names, each.column, [[s.wire, s.kind, s.rule, s.form] for s in each.shapes]]
            for each in known.fields
        ]
        if row._state.adding:
            new.append(row)
        else:
            row.save(using=using)
    Naming.objects.using(using).bulk_create(new)


def _names(now: ModelNow, known: Sequence[KnownModel], installed: Collection[str]) -> Names | None:
    found = find_model(now, known, installed)
    return None if found is None else names_of(now, found)


def _read(using: str) -> Sequence[KnownModel] | None:
    """Everything in the register; None where there is none."""
    try:
        with transaction.atomic(using=using):
            rows = list(Naming.objects.using(using).order_by("pk"))
    except DatabaseError:
        with connections[using].cursor() as cursor:
            if Naming._meta.db_table in connections[using].introspection.table_names(cursor):
                raise
        return None
    except (AssertionError, ImproperlyConfigured, RuntimeError):
        return None  # no database is configured, or a test that may not use any
    return [_known(*_values(row)) for row in rows]


def _values(row: Naming) -> tuple[Any, ...]:
    return row.label, row.names, row.table, row.fields


def _known(label: str, called: Sequence[str], table: str, fields: Iterable[Any]) -> KnownModel:
    return KnownModel(
        label,
        tuple(called),
        table,
        tuple(
            KnownField(tuple(each), column, tuple(Shape(*shape) for shape in shapes))
            for each, column, shapes in fields
        ),
    )


def _is_migrated(now: ModelNow, using: str) -> bool:
    """Has the table every column that the code knows? Before that, `migrate` has yet to tell which
    of them were renamed.
    """
    connection = connections[using]
    with connection.cursor() as cursor:
        if now.table not in connection.introspection.table_names(cursor):
            return False
        described = connection.introspection.get_table_description(cursor, now.table)
    columns = {each.name for each in described}
    return all(each.column is None or each.column in columns for each in now.fields.values())
