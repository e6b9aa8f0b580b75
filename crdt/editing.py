"""Editing: a field's new value becomes entries, by the field's rule.

Laws:

1. Entries that were never sent may be rewritten by their writer; what was sent, never.
2. A replica holds at most one unsent entry for each thing that the field's rule writes apart (the
   field, an element, a leaf), whatever it is edited to meanwhile; and none of what it added and
   removed again.
"""

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any

from .document import Document
from .entry import ROW_FIELD, Dot, Entry, Write
from .errors import LocalFault
from .schema import MISSING, Field, Schema
from .values import decode

__all__ = ["check_field", "delete_row", "touch_text", "write_field", "write_missing", "write_row"]


def write_field(
    document: Document,
    field: Field,
    old: Any,
    new: Any,
    now_ms: int,
    unsent_from: int | None = None,
    *,
    stamp: int | None = None,
    seen: Callable[[Dot], bool] | None = None,
) -> list[Entry]:
    """Write `new` to `field` as somebody who saw `old`; returns the entries appended.

    Values are Python values; `old` may be `MISSING`. Own entries from clock `unsent_from` on were
    never sent: those that the new ones replace or add to are folded into them. `None` folds
    nothing. `stamp` is for what is no edit, and may be earlier; nothing in the entries is later
    then. `seen` is for a writer who has not seen all that is in the document: other entries are not
    replaced. Raises `ValueError` for a value that the field's kind cannot hold.
    """
    field.check(new)
    if field.rule.text:
        field.encode(new)
        document.merge_text(field.wire, "" if old is MISSING or old is None else old, new)
        return touch_text(document, field, now_ms, unsent_from, stamp=stamp)
    new = _plain(field, new)
    entries = document.live(field.wire)
    if seen is not None:
        entries = tuple(entry for entry in entries if seen(entry.stands_for or entry.dot))
    live = field.live(entries)
    dot = Dot(document.replica, document.clock(document.replica))
    writes = field.rule.write_at(dot, live, None if old is MISSING else old, new)
    if stamp is None:
        return _append(document, field, document.next_stamp(now_ms), writes, unsent_from)
    writes = [
        Write(field.rule.restamped(value, partial(min, stamp)), replaces)
        for value, replaces in writes
    ]
    return _append(document, field, stamp, writes, unsent_from)


def write_row(document: Document, values: Iterable[tuple[Field, Any]], now_ms: int) -> None:
    """Write a new row, field by field, into a document in which nobody has written anything.

    The same as `write_field` for each, but for the stamp, which is one for all of them. Raises
    `ValueError` alike.
    """
    texts: dict[str, str] = {}
    writes: list[tuple[str, int, Any]] = []
    stamp = document.next_stamp(now_ms)
    for field, value in values:
        field.check(value)
        if field.rule.text:
            texts[field.wire] = field.encode(value)
            writes.append((field.wire, stamp, None))
            continue
        value = _plain(field, value)
        dot = Dot(document.replica, len(writes))  # never used for anything else
        wrote = field.rule.write_at(dot, (), None, value)
        writes += [(field.wire, stamp, field.encode_entry(write.value)) for write in wrote]
    document.write_first(texts, writes)


def write_missing(document: Document, field: Field, value: Any, stamp: int) -> None:
    """Write a field that has no entry, as `write_field` would.

    Raises `ValueError` for a value that the field cannot hold.
    """
    field.check(value)
    if field.rule.text:  # of which there may be characters already
        write_field(document, field, document.text(field.wire), value, 0, stamp=stamp)
        return
    dot = Dot(document.replica, document.clock(document.replica))
    wrote = field.rule.write_at(dot, (), None, _plain(field, value))
    for wire in [field.encode_entry(write.value) for write in wrote]:
        document.append(field.wire, stamp, wire)


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
    touch = [Write(None, live)]
    stamp = document.next_stamp(now_ms) if stamp is None else stamp
    return _append(document, field, stamp, touch, unsent_from)


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


def _plain(field: Field, value: Any) -> Any:
    """The value; JSON that is taken apart as it will be read, with lists for tuples."""
    if field.rule.whole or field.kind != "json":
        return value
    return decode(field.kind, field.encode(value))


def _append(
    document: Document,
    field: Field,
    stamp: int,
    writes: Sequence[Write],
    unsent_from: int | None,
) -> list[Entry]:
    unsent = {} if unsent_from is None else _unsent(document, field, unsent_from)
    left = len(document.live(field.wire)) if unsent else 1
    folded = [_folded(field, write, unsent) for write in writes]
    wires = [field.encode_entry(write.value) for write, _ in folded]  # raises before any change
    appended = []
    for (write, gone), wire in zip(folded, wires, strict=True):
        document.delete(gone)
        left -= len(gone)
        if gone and wire is None and not write.replaces and left and not field.rule.whole:
            continue  # it removes what nobody else ever saw
        appended.append(document.append(field.wire, stamp, wire, write.replaces))
        left += 1
    return appended


def _folded(field: Field, write: Write, unsent: dict[Dot, Entry]) -> tuple[Write, list[Dot]]:
    """The write together with those of the `unsent` entries whose place it takes; they are taken
    out, and their dots returned.
    """
    gone = [dot for dot in unsent if field.rule.joins or dot in write.replaces]
    if not gone:
        return write, gone
    taken = [unsent.pop(dot) for dot in gone]
    value = write.value
    for earlier in reversed(field.live(taken)):
        value = field.rule.combine(earlier.value, value)
    inherited = (dot for entry in taken for dot in entry.replaces)
    named = dict.fromkeys(dot for dot in (*write.replaces, *inherited) if dot not in gone)
    return Write(value, tuple(named)), gone


def _unsent(document: Document, field: Field, unsent_from: int) -> dict[Dot, Entry]:
    """Own entries of this field that were never sent."""
    return {
        dot: entry
        for dot, entry in document.entries.items()
        if dot.replica == document.replica
        and dot.clock >= unsent_from
        and entry.field == field.wire
    }
