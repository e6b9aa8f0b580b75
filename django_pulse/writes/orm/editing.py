"""Editing: what instances changed is merged into their rows and documents, many at a time.

What an instance changed is its difference from what it has seen, taken after `pre_save`. So a stale
instance merges with what happened meanwhile instead of writing its old values over it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.db import models

from crdt.editing import write_field
from crdt.schema import MISSING

from ... import identity
from ...mapping.columns import Column, columns_behind
from ..absorbing import begin
from ..locking import Held
from ..merging import Merged
from ..mirror import fits
from ..storing import store_documents, store_rows, update_rows
from . import seen as seen_values

if TYPE_CHECKING:
    from ...sync_model import SyncModel

__all__ = ["Edit", "edit_of", "merge_edits"]

COUNTED = frozenset({"sync_id", "version"})
"""Columns that nobody assigns: an instance that holds others takes those of its row."""


@dataclass(frozen=True, slots=True)
class Edit:
    """What an instance changed: the fields, and what it took its edit from."""

    instance: SyncModel
    fields: list[models.Field[Any, Any]]
    seen: seen_values.Seen


def edit_of(
    instance: SyncModel, using: str, update_fields: Iterable[str] | None, *, prepare: bool = True
) -> Edit:
    """What the instance has to write; `prepare` calls its fields' `pre_save`."""
    seen = seen_values.seen_by(instance, using) or {}
    return Edit(instance, _changed_fields(instance, seen, update_fields, prepare=prepare), seen)


def merge_edits(model: type[SyncModel], using: str, edits: Sequence[tuple[Edit, Held]]) -> None:
    """Merge edits into the rows that are held; several of one row, one after the other."""
    _write_expressions(model, using, edits)
    replica = identity.replica_id(using)
    merges: dict[UUID, Merged] = {}
    plain: dict[UUID, list[str]] = {}
    for edit, held in edits:
        if held.row is not None:
            held.keys.note([held.row, edit.instance])
    for edit, held in edits:
        merged = merges.setdefault(held.sync_id, merges.get(held.sync_id) or begin(held, replica))
        fields = [field for field in edit.fields if not _is_expression(_raw(edit.instance, field))]
        names = _write_changes(merged, edit.instance, fields, edit.seen)
        plain.setdefault(held.sync_id, []).extend(names)
    _store(model, using, merges.values(), plain)
    saved = []
    for edit, held in edits:
        instance, row = edit.instance, held.row
        assert row is not None, "whoever saves has a row"
        instance.version, instance.sync_id = row.version, row.sync_id
        saved.append(
            (instance, [field.attname for field in edit.fields], _column_values(instance, row))
        )
    seen_values.note_all_saved(saved, using)


def _changed_fields(
    instance: SyncModel,
    seen: seen_values.Seen,
    update_fields: Iterable[str] | None,
    *,
    prepare: bool,
) -> list[models.Field[Any, Any]]:
    """The fields to write, after `Field.pre_save`, without those that only follow the others."""
    wanted = None if update_fields is None else set(update_fields)
    columns = columns_behind(type(instance))
    found = []
    for field in instance._meta.concrete_fields:
        if field.primary_key or field.name in COUNTED or getattr(field, "auto_now", False):
            continue
        if wanted is not None and not {field.name, field.attname} & wanted:
            continue
        if field.generated or field.attname not in instance.__dict__:
            continue
        if getattr(field, "auto_now_add", False) and instance.__dict__[field.attname] is None:
            continue
        if prepare and field.name in columns and not _is_expression(_raw(instance, field)):
            setattr(instance, field.attname, field.pre_save(instance, False))
        if seen_values.changed(instance, field, seen):
            found.append(field)
    return found


def _write_changes(
    merged: Merged,
    instance: SyncModel,
    fields: Iterable[models.Field[Any, Any]],
    seen: seen_values.Seen,
) -> list[str]:
    """Write the changed fields into the document; returns the others that were changed."""
    columns = columns_behind(type(instance))
    row = merged.row
    assert row is not None
    plain = []
    edited: dict[str, Column] = {}
    for field in fields:
        value = instance.__dict__[field.attname]
        column = columns.get(field.name)
        if column is not None:
            edited[column.name] = column
        elif getattr(row, field.attname) != value:
            setattr(row, field.attname, value)
            plain.append(field.name)
            merged.changed |= field.name == "is_local_only"  # the row enters or leaves the feed
    for name, column in edited.items():
        known, keys = merged.schema.fields[name], merged.held.keys
        old = column.read(_seen_attributes(column, seen, row), keys)
        attributes = _attributes(column, instance.__dict__, row)
        new = column.read(attributes, keys)
        if new is MISSING:  # it refers to a row that is not there: the database judges that
            row.__dict__.update(attributes)
            plain += [field.name for field in column.concrete]
            continue
        if not (old is MISSING or known.rule.whole or fits(known, old)):
            old = known.read(merged.document)  # raw SQL put that there: it was nobody's edit
        if old is MISSING or not known.same(old, new):
            written = write_field(merged.document, known, old, new, merged.now_ms)
            merged.held_back.discard(name)
            merged.changed |= bool(written)  # or what was there wins
    return plain


def _seen_attributes(column: Column, seen: seen_values.Seen, row: SyncModel) -> dict[str, Any]:
    """What the instance took its edit from; where it never loaded the field, the row as it is."""
    attnames = [field.attname for field in column.concrete]
    thawed = {name: seen_values.thaw(seen[name]) for name in attnames if name in seen}
    return _attributes(column, thawed, row)


def _attributes(column: Column, values: Mapping[str, Any], row: SyncModel) -> dict[str, Any]:
    """Those of the row that the column reads, as far as `values` do not say otherwise."""
    attnames = [field.attname for field in column.concrete]
    return {name: values.get(name, row.__dict__.get(name)) for name in attnames}


def _write_expressions(
    model: type[SyncModel], using: str, edits: Iterable[tuple[Edit, Held]]
) -> None:
    """Have the database write what only it can compute; the rows are read again."""
    groups: dict[tuple[str, ...], dict[Any, tuple[SyncModel, Held]]] = {}
    for edit, held in edits:
        raw = [f.attname for f in edit.fields if _is_expression(_raw(edit.instance, f))]
        if raw:
            assert held.row is not None, "whoever saves has a row"
            groups.setdefault(tuple(raw), {})[held.row.pk] = edit.instance, held
    plain: models.QuerySet[SyncModel] = models.QuerySet(model, using=using)
    for names, group in groups.items():
        if len(group) == 1:
            [(pk, (instance, _))] = group.items()
            plain.filter(pk=pk).update(**{name: instance.__dict__[name] for name in names})
        else:
            plain.bulk_update([instance for instance, _ in group.values()], names)
        rows = model._base_manager.using(using).in_bulk(list(group))
        for pk, (_, held) in group.items():
            held.row = rows[pk]


def _store(
    model: type[SyncModel],
    using: str,
    merges: Collection[Merged],
    plain: Mapping[UUID, Iterable[str]],
) -> None:
    """Compact, project, and write what changed; `plain` columns are in no document."""
    for merged in merges:
        merged.compact()
        merged.project()
        merged.add_columns(plain[merged.held.sync_id])
    changed = [merged for merged in merges if merged.changed]
    store_rows(model, using, changed)
    store_documents(using, changed)
    others = [merged for merged in merges if not merged.changed and merged.columns]
    update_rows(model, using, [(m.row, m.columns) for m in others if m.row is not None])


def _column_values(instance: SyncModel, row: SyncModel) -> dict[str, Any]:
    """What the row's columns hold, to be shown on the instance once that is certain."""
    return {
        field.attname: row.__dict__[field.attname]
        for field in instance._meta.concrete_fields
        if field.attname in row.__dict__ and not field.primary_key and field.name not in COUNTED
    }


def _raw(instance: SyncModel, field: models.Field[Any, Any]) -> Any:
    return instance.__dict__.get(field.attname)


def _is_expression(value: Any) -> bool:
    return hasattr(value, "resolve_expression")
