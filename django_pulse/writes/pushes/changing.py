"""Changes: what a push makes of a row, as the model's `can_sync` is shown it."""

from __future__ import annotations

import copy
from collections.abc import Collection, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from crdt.entry import Entry
from crdt.sameness import canonical
from crdt.schema import MISSING, Field
from crdt.update import Push

from ...mapping.columns import Column, columns_of
from ...mapping.keys import By, Keys, Target
from ...permissions import SyncChanges
from ..merging import Merged

if TYPE_CHECKING:
    from ...sync_model import SyncModel

__all__ = ["changes_between", "changes_of", "fields_changed", "look_up_references", "row_of"]


def fields_changed(merged: Merged, push: Push, *, everything: bool = False) -> list[str]:
    """The names of the fields that a push writes: what still stands of it, and waits for nothing.

    With `everything`, of the fields that any device has written. What loses to a value that waits
    is written, too: it would be there if that were undone.
    """
    entries = [entry for entry in (*push.entries, *merged.carried) if merged.has(entry)]
    if everything:
        entries += [each for each in merged.document.entries.values() if _is_devices(merged, each)]
    written = {entry.field for entry in entries}
    ready = {entry.field for entry in entries if entry.dot not in merged.unready}
    return [
        known.name
        for known in merged.schema.fields.values()
        if known.wire in written or (known.wire in push.text_fields and _is_edited(merged, known))
        if known.name not in merged.held_back or known.wire in ready
    ]


def changes_of(merged: Merged, push: Push, row: SyncModel, names: Collection[str]) -> SyncChanges:
    """These fields with the values that they would hold if the push stood, in front of `row`."""
    fields = merged.schema.fields
    return _changes(row, merged, {name: _value(merged, push, fields[name]) for name in names})


def changes_between(row: SyncModel, merged: Merged, names: Collection[str]) -> SyncChanges:
    """These fields with the values that the document says, in front of `row`."""
    fields, document = merged.schema.fields, merged.document
    return _changes(row, merged, {name: fields[name].read(document) for name in names})


def row_of(model: type[SyncModel], merged: Merged) -> SyncModel:
    """A row that is not there any more, as its document had it before the push."""
    columns = columns_of(model)
    attributes: dict[str, Any] = {}
    for name, value in merged.before.values.items():
        columns[name].write(attributes, value, merged.held.keys)
    return model(sync_id=merged.held.sync_id, **attributes)


def look_up_references(model: type[SyncModel], merges: Iterable[Merged]) -> None:
    """Look up together what rows that are not there any more referred to."""
    columns = {name: column for name, column in columns_of(model).items() if column.looks_up}
    wanted: dict[Target, list[Any]] = {}
    keys: Keys | None = None
    for merged in merges if columns else ():
        keys = merged.held.keys
        for name in columns.keys() & merged.before.values.keys():
            try:
                reference = columns[name].refers_to(merged.before.values[name])
            except ValueError:
                continue
            if reference is not None:
                wanted.setdefault(reference[0], []).append(reference[1])
    for target, each in wanted.items():
        assert keys is not None, "something is wanted"
        keys.find(target, each)


def _changes(row: SyncModel, merged: Merged, values: Mapping[str, Any]) -> SyncChanges:
    columns, keys = columns_of(type(row)), merged.held.keys
    attributes: dict[str, Any] = {}
    sets: dict[str, frozenset[Any]] = {}
    for name, value in values.items():
        if columns[name].is_set:
            sets[name] = _members(columns[name], value, merged.withheld.get(name, {}), keys)
        elif value is not MISSING:
            columns[name].write(attributes, value, keys)
    after = copy.copy(row)
    for attname, value in attributes.items():
        setattr(after, attname, value)
    return SyncChanges(after, values.keys(), sets)


def _value(merged: Merged, push: Push, known: Field) -> Any:
    """What the field would hold: what was pushed, or what its parts make with everybody else's."""
    mine: list[Entry] = []
    if known.rule.whole and not known.rule.text:
        mine = [e for e in (*push.entries, *merged.carried) if e.field == known.wire]
    live = known.live(entry for entry in mine if merged.has(entry))
    return live[-1].value if live else known.read(merged.document)


def _members(column: Column, value: Any, withheld: Mapping[str, Any], keys: Keys) -> frozenset[Any]:
    """The values by which the rows in a set are linked, of those that are there."""
    target = column.target
    assert target is not None, "a set is one of rows of a model"
    there = [key for key in ([] if value is MISSING else value) if canonical(key) not in withheld]
    named = [target.from_wire(key) for key in there]
    if target.by is By.VALUE:
        return frozenset(named)
    keys.find(target, named)
    return frozenset(each for key in named if (each := keys.value(target, key)) is not MISSING)


def _is_devices(merged: Merged, entry: Entry) -> bool:
    """Did a device write it, or the server on behalf of one?"""
    return entry.dot.replica != merged.document.replica or entry.stands_for is not None


def _is_edited(merged: Merged, known: Field) -> bool:
    return bool(merged.document.text(known.wire) != merged.before.values.get(known.name, ""))
