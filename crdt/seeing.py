"""What the app sees of a document, and the events that tell it what became of that."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from .document import Document
from .events import Changed, Event, Removed
from .messages import Key
from .schema import MISSING, Schema

__all__ = ["Seen", "seen", "told"]


class Seen(NamedTuple):
    """Is there a row, and the values of its fields."""

    is_row: bool
    values: Mapping[str, Any]


def seen(view: Document, schema: Schema | None) -> Seen:
    """What there is to see; without a schema, the live entries stand for values."""
    if schema is None:
        return Seen(bool(view.entries), {name: view.live(name) for name in view.fields()})
    row = schema.read(view)
    return Seen(bool(view.entries) and not row.deleted, row.values)


def told(key: Key, before: Seen, after: Seen) -> list[Event]:
    """What the app is told of a document that was seen as `before` and is as `after` now."""
    if before.is_row and not after.is_row:
        return [Removed(*key)]
    names = {*before.values, *after.values}
    fields = {
        name
        for name in names
        if before.values.get(name, MISSING) != after.values.get(name, MISSING)
    }
    if not after.is_row or not (fields or not before.is_row):
        return []
    return [Changed(*key, frozenset(fields))]
