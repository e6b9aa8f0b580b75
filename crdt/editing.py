"""Editing: a field's new value becomes entries, by the field's rule.

Laws:

1. Entries that were never sent may be rewritten by their writer; what was sent, never.
2. A replica holds at most one unsent entry per field, whatever it is edited to meanwhile.
"""

from collections.abc import Iterable
from typing import Any

from .document import Document
from .entry import ROW_FIELD, Dot, Entry
from .errors import LocalFault
from .schema import MISSING, Field, Schema

__all__ = ["check_field", "delete_row", "touch_text", "write_field", "write_row"]


def write_field(
    document: Document,
    field: Field,
    old: Any,
    new: Any,
    now_ms: int,
    unsent_from: int | None = None,
    *,
    stamp: int | None = None,
) -> list[Entry]:
    """Write `new` to `field` as somebody who saw `old`; returns the entries appended.

    Values are Python values; `old` may be `MISSING`. Own entries from clock `unsent_from` on were
    never sent: those that the new ones replace or add to are folded into them. `None` folds
    nothing. `stamp` is for what is no edit, and may be earlier. Raises `ValueError` for a value
    that the field's kind cannot hold.
    """
    if new is None and not field.rule.nullable:
        raise ValueError(f"{field.name}: a {field.rule.name} cannot be null.")
    if field.rule.text:
        field.encode(new)
        document.merge_text(field.wire, "" if old is MISSING or old is None else old, new)
        return touch_text(document, field, now_ms, unsent_from, stamp=stamp)
    live = field.live(document.live(field.wire))
    writes = field.rule.write(live, None if old is MISSING else old, new)
    stamp = document.next_stamp(now_ms) if stamp is None else stamp
    return [
        _append(document, field, stamp, write.value, write.replaces, unsent_from)
        for write in writes
    ]


def write_row(document: Document, values: Iterable[tuple[Field, Any]], now_ms: int) -> None:
    """Write a new row, field by field, into a document in which nobody has written anything.

    The same as `write_field` for each, but for the stamp, which is one for all of them. Raises
    `ValueError` alike.
    """
    texts: dict[str, str] = {}
    writes: list[tuple[str, int, Any]] = []
    stamp = document.next_stamp(now_ms)
    for field, value in values:
        if value is None and not field.rule.nullable:
            raise ValueError(f"{field.name}: a {field.rule.name} cannot be null.")
        if field.rule.text:
            texts[field.wire] = field.encode(value)
            writes.append((field.wire, stamp, None))
            continue
        wrote = field.rule.write((), None, value)
        writes += [(field.wire, stamp, field.encode(write.value)) for write in wrote]
    document.write_first(texts, writes)


def touch_text(
    document: Document,
    field: Field,
    now_ms: int,
    unsent_from: int | None = None,
    *,
    stamp: int | None = None,
) -> list[Entry]:
    """Append the entry that tells that a text was edited, and when."""
    live = tuple(entry.dot for entry in document.live(field.wire))
    stamp = document.next_stamp(now_ms) if stamp is None else stamp
    return [_append(document, field, stamp, None, live, unsent_from)]


def delete_row(
    document: Document,
    schema: Schema,
    now_ms: int,
    unsent_from: int | None = None,
    *,
    deleted: bool = True,
) -> list[Entry]:
    """Write that the row is deleted, or that it is there again."""
    marker = schema.marker
    return write_field(document, marker, marker.read(document), deleted, now_ms, unsent_from)


def check_field(schema: Schema, name: str) -> Field:
    """The field that is called so, or was; raises `LocalFault` naming those there are."""
    field = schema.named(name)
    if field is None or name == ROW_FIELD:
        known = ", ".join(schema.fields)
        raise LocalFault(f"{schema.name} has no field {name!r}. Its fields are: {known}.")
    return field


def _append(
    document: Document,
    field: Field,
    stamp: int,
    value: Any,
    replaces: tuple[Dot, ...],
    unsent_from: int | None,
) -> Entry:
    unsent = [] if unsent_from is None else _unsent(document, field, replaces, unsent_from)
    for earlier in reversed(field.live(unsent)):
        value = field.rule.combine(earlier.value, value)
    gone = {entry.dot for entry in unsent}
    inherited = (dot for entry in unsent for dot in entry.replaces)
    named = dict.fromkeys(dot for dot in (*replaces, *inherited) if dot not in gone)
    wire = field.encode(value)
    document.delete(gone)
    return document.append(field.wire, stamp, wire, tuple(named))


def _unsent(
    document: Document, field: Field, replaces: tuple[Dot, ...], unsent_from: int
) -> list[Entry]:
    """Own entries of this field that were never sent and that the new entry takes the place of."""
    return [
        entry
        for dot, entry in document.entries.items()
        if dot.replica == document.replica
        and dot.clock >= unsent_from
        and entry.field == field.wire
        and (dot in replaces or field.rule.additive)
    ]
