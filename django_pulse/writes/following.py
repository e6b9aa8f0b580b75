"""Following: what is written to some rows changes who reads others.

The models between rows and their users may sync themselves. Then devices write to them, and all
writers go through documents: what a document said of a relation, and what its row says now, tells
what became of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from django.db import models

from crdt.document import Document
from crdt.sameness import canonical
from crdt.schema import MISSING

from ..mapping.columns import columns_of, sets_of
from ..mapping.keys import Keys
from ..mapping.relations import Members
from ..visibility import paths
from ..visibility.paths import Link, LinkColumn
from .merging import Merged

if TYPE_CHECKING:
    from ..sync_model import SyncModel

__all__ = ["Turned", "follow", "turned", "turned_by_new"]

Turned = dict[int, tuple[Link, set[Any], set[Any]]]
"""Relations that were made or ended, by the link's identity: the link, and what stands at both of
its sides, by primary key."""


def turned(batch: Sequence[Merged]) -> Turned:
    """What writing these rows, all of one model, makes or ends; to be called before their
    documents are written.
    """
    model = type(_row(batch[0])) if batch else None
    columns, sets = (_columns(model), _sets(model)) if model is not None else ([], [])
    found: Turned = {}
    for merged in batch if columns or sets else ():
        old = _old(merged)
        for column in columns:
            names = paths.attnames(column)
            before = _attributes(merged, old, names)
            after = {name: getattr(_row(merged), name) for name in names}
            if before != after:
                _add(found, column.link, *paths.ends(column, _row(merged).pk, (before, after)))
        for link, members in sets:
            values = _values(merged, members, old)
            if values:
                forward = isinstance(link.hop.field, models.ManyToManyField)
                _add(found, link, *(({_row(merged).pk}, values)[:: 1 if forward else -1]))
    return found


def turned_by_new(model: type[SyncModel], rows: Iterable[SyncModel]) -> Turned:
    """The same of rows that were inserted and are linked to nothing yet."""
    found: Turned = {}
    for column in _columns(model):
        for row in rows:
            here = {name: getattr(row, name) for name in paths.attnames(column)}
            _add(found, column.link, *paths.ends(column, row.pk, (here,)))
    return found


def follow(using: str, found: Turned) -> None:
    """Note it, once everything is written."""
    for link, begins, ends in found.values():
        paths.changed(link, using, begins, ends)


def _columns(model: type[SyncModel]) -> list[LinkColumn]:
    return list(paths.of(paths.columns, model))


def _sets(model: type[SyncModel]) -> list[tuple[Link, Members]]:
    return [
        (link, members)
        for members in sets_of(model).values()
        for link in paths.through.get(members.through, ())
    ]


def _old(merged: Merged) -> Mapping[str, Any]:
    """What the document said of the row; nothing, if there was none that could be read."""
    stored = merged.held.document
    if not stored.state or merged.rebuilt or stored.was_deleted or stored.was_parked:
        return {}
    return merged.schema.read(Document(bytes(stored.state))).values


def _attributes(merged: Merged, old: Mapping[str, Any], names: Iterable[str]) -> dict[str, Any]:
    """What the columns held; None where that is not there any more."""
    found: dict[str, Any] = {}
    for column in columns_of(type(_row(merged))).values():
        if column.attname in names and old.get(column.name) is not None:
            column.write(found, old[column.name], merged.held.keys)
    return {name: found.get(name) for name in names}


def _values(merged: Merged, members: Members, old: Mapping[str, Any]) -> set[Any]:
    """What was linked to the row, or is not any more."""
    known, target, keys = merged.schema.fields[members.name], members.target, merged.held.keys
    assert target is not None
    before = {canonical(key): key for key in old.get(members.name) or ()}
    new = known.read(merged.document)
    after = {canonical(key): key for key in (() if new is MISSING else new)}
    wires = {
        text: key for text, key in (before | after).items() if (text in before) != (text in after)
    }
    wires |= {text: key for text, (key, _) in merged.sets.get(members.name, {}).items()}
    return _found(keys, target, wires.values())


def _found(keys: Keys, target: Any, wires: Iterable[Any]) -> set[Any]:
    named = [target.from_wire(wire) for wire in wires]
    keys.find(target, named)
    return {keys.value(target, key) for key in named} - {MISSING}


def _row(merged: Merged) -> SyncModel:
    assert merged.row is not None, "whoever asks has a row"
    return merged.row


def _add(found: Turned, link: Link, begins: Iterable[Any], ends: Iterable[Any]) -> None:
    _, from_here, to_here = found.setdefault(id(link), (link, set(), set()))
    from_here.update(begins)
    to_here.update(ends)
