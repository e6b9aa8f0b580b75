"""The mirror and the projection: Django columns into a document, and back.

Laws:

1. A field without entries leaves its column alone. A field with entries and a column that differs
   from them was written behind our back: that becomes a server entry before anything is merged.
2. Only fields that a merge changed are projected.
3. A column that waits, because what its entries refer to has not come, may lag behind them: it
   was written behind our back where it holds something else than when it began to wait.
4. What refers to a row that is not there has no value, and is left alone in both directions.
   Elements of a set that wait for their rows are noted one by one: whatever else is not linked was
   taken out of the set.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from crdt.document import Document
from crdt.editing import delete_row, write_field, write_missing, write_row
from crdt.sameness import canonical
from crdt.schema import MISSING, Field, Schema
from crdt.stamp import FILLED
from crdt.values import decode

from ..mapping.columns import columns_of, sets_of
from ..mapping.keys import Keys
from ..mapping.schema import schema_of

if TYPE_CHECKING:
    from ..sync_model import SyncModel

__all__ = ["absorb", "awaited_elements", "concrete_names", "fits", "mirror", "project", "values_of"]

logger = logging.getLogger("django_pulse")


def values_of(row: SyncModel, keys: Keys, names: Iterable[str] | None = None) -> dict[str, Any]:
    """The row's columns as document values, by field name; deferred ones are left out."""
    columns = columns_of(type(row))
    loaded = row.__dict__
    return {
        name: value
        for name in (columns if names is None else names)
        if (value := columns[name].read(loaded, keys)) is not MISSING
    }


def mirror(
    document: Document,
    schema: Schema,
    row: SyncModel,
    keys: Keys,
    now_ms: int,
    *,
    as_it_is: bool = False,
    stamp: int = FILLED,
) -> bool:
    """Write every field of `row` that has no entry yet; says whether there was any.

    What a document gets so that nothing is missing in it is nobody's edit: it beats none, be it of
    a device that was offline when the field came, and does not count as an action. In place of a
    document that was lost it was somebody's, as old as `stamp`.

    Raises `ValueError` for what a field's rule cannot hold. Of a row `as_it_is` in its table, where
    only raw SQL can have put that, the field stays without entries instead.
    """
    if not document.vector:
        values = values_of(row, keys, schema.fields)
        fields = _with_fields(schema, values)
        write_row(document, _fitting(fields) if as_it_is else fields, now_ms)
        return bool(schema.fields)
    there = document.fields()
    missing = [name for name, known in schema.fields.items() if known.wire not in there]
    if not missing:
        return False
    fields = _with_fields(schema, values_of(row, keys, missing))
    written = list(_fitting(fields) if as_it_is else fields)
    for known, value in written:
        write_missing(document, known, value, stamp)
    return bool(written)


def fits(known: Field, value: Any) -> bool:
    """Can a document hold the value in this field?"""
    try:
        known.check(value)
        known.encode(value)
    except ValueError as error:
        logger.warning("A column holds what its merge rule cannot: %s", error)
        return False
    return True


def _fitting(fields: Iterable[tuple[Field, Any]]) -> Iterator[tuple[Field, Any]]:
    return (each for each in fields if fits(*each))


def _with_fields(schema: Schema, values: Mapping[str, Any]) -> Iterator[tuple[Field, Any]]:
    for name, value in values.items():
        known = schema.fields[name]
        if value is not None or known.rule.nullable:
            yield known, value


def absorb(
    document: Document,
    schema: Schema,
    row: SyncModel | None,
    keys: Keys,
    now_ms: int,
    waiting: dict[str, Any] | None = None,
    outvoted: set[str] | None = None,
    *,
    stored: bool = True,
) -> bool:
    """Take what was written to the row behind our back into the document; says whether any was.

    A row that is gone was deleted, and one that is there although the document says deleted was
    inserted again. Columns that were written do not wait any more: they leave `waiting`. Those
    whose rule says that what is there wins are named in `outvoted`: they are to be written back.
    """
    if row is None:
        if document.loaded.vector and not schema.is_deleted(document):
            delete_row(document, schema, now_ms)
            return True
        return False
    changed = False
    if schema.is_deleted(document):
        delete_row(document, schema, now_ms, deleted=False)
        changed = True
    projected = schema.read(document).values
    sets = sets_of(type(row))
    names = projected if stored else projected.keys() - sets.keys()
    for name, value in values_of(row, keys, names).items():
        known = schema.fields[name]
        if name in sets:
            awaited = awaited_elements(known, value, waiting)
            if waiting and known.wire in waiting:
                _go_on_waiting(waiting, known, awaited)
            value = [*value, *awaited]
            if not known.same(projected[name], value):
                write_field(document, known, projected[name], value, now_ms)
                changed = True
            continue
        if waiting and known.wire in waiting:
            if known.encode(value) == waiting[known.wire]:
                continue
            del waiting[known.wire]
        if not known.same(projected[name], value):
            if not _write(document, known, projected[name], value, now_ms) and outvoted is not None:
                outvoted.add(name)
            changed = True
    return mirror(document, schema, row, keys, now_ms, as_it_is=stored) or changed


def awaited_elements(
    known: Field, linked: Iterable[Any], waiting: Mapping[str, Any] | None
) -> list[Any]:
    """The elements of a set that are not linked because what they name is not there."""
    if not waiting or known.wire not in waiting:
        return []
    there = set(map(canonical, linked))
    noted = decode(known.kind, waiting[known.wire])
    return [key for key in noted if canonical(key) not in there]


def _go_on_waiting(waiting: dict[str, Any], known: Field, awaited: list[Any]) -> None:
    """Those that were linked since wait no more."""
    if awaited:
        waiting[known.wire] = known.encode(awaited)
    else:
        del waiting[known.wire]


def project(
    row: SyncModel,
    before: Mapping[str, Any],
    after: Mapping[str, Any],
    keys: Keys,
    held_back: Collection[str] = (),
) -> list[str]:
    """Set the fields whose value differs between `before` and `after`; returns the names of the
    columns that were set.

    Those that are `held_back` are left as they are.
    """
    columns, fields = columns_of(type(row)), schema_of(type(row)).fields
    attributes: dict[str, Any] = {}
    changed = [
        name
        for name, value in after.items()
        if (name not in before or not fields[name].same(before[name], value))
        and name not in held_back
        and columns[name].write(attributes, value, keys)
    ]
    for attname, value in attributes.items():
        setattr(row, attname, value)
    return concrete_names(row, changed)


def concrete_names(row: SyncModel, names: Iterable[str]) -> list[str]:
    """The names of the columns of the table behind these fields."""
    columns = columns_of(type(row))
    return [field.name for name in names for field in columns[name].concrete]


def _write(document: Document, known: Field, old: Any, new: Any, now_ms: int) -> bool:
    """Write what a column holds; says whether that changed the document.

    A value that the rule cannot hold (an object in the column of a set) can only have come past
    every check. It must not keep the row from syncing, and the document stands.
    """
    if not fits(known, new):
        return False
    return bool(write_field(document, known, old, new, now_ms))
