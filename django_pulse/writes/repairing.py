"""Repairing: bringing a document to what its row says, whatever is wrong with it.

Laws:

1. The row is right: no column but `version` is changed, and those whose rule says that what was
   there wins.
2. What the feed lost track of is sent whole: nobody may have it.
3. What only devices have, since the document of a row that is parked was lost, they are asked for.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

from crdt.document import Document
from crdt.editing import write_field
from crdt.schema import Schema

from ..broken import BROKEN
from ..upkeep.diagnosis import differences
from .locking import Held
from .merging import Merged
from .pushes import parking
from .pushes.outcomes import Told, store_outcomes

__all__ = ["ask_again", "repaired"]

LOST = "What the server had of this row is broken: it is to be pushed again."


def repaired(
    held: Held, kinds: Collection[str], schema: Schema, replica: int, now_ms: int
) -> Merged:
    """The row with its document put right, to be stored; `kinds` are those of its findings."""
    stored, row = held.document, held.row
    if stored.parked is not None and row is None:
        return _emptied(held, schema, replica, now_ms)
    if stored.pk is None or "unreadable" in kinds:
        merged = Merged.mirrored(held, schema, replica, now_ms)
    else:
        merged = Merged.begin(held, schema, replica, now_ms)
        for name, said, value in _differences(merged):  # of entries that cannot be decoded
            write_field(merged.document, schema.fields[name], said, value, now_ms)
        merged.compact()
        if _differences(merged):
            merged = Merged.mirrored(held, schema, replica, now_ms)
    merged.changed = True
    if row is not None:
        stored.version = max(stored.version, row.version)
    if "feed" in kinds:
        whole = Document(replica=replica)
        whole.apply_update(merged.document.encode())
        merged.document = whole
    return merged


def ask_again(using: str, merges: Iterable[Merged]) -> None:
    """Have devices told, with their next connection, that they are to push these rows again."""
    for merged in merges:
        document = merged.held.document
        if merged.is_empty and document.parked is not None:
            told: Told = (0, document, 0, {}, parking.told(merged))
            store_outcomes(using, document.parked["replica"], [told])


def _emptied(held: Held, schema: Schema, replica: int, now_ms: int) -> Merged:
    merged = Merged.emptied(held, schema, replica, now_ms)
    reason = {"code": BROKEN, "message": LOST, "fields": {}}
    held.document.parked = {**(held.document.parked or {}), **reason}
    return merged


def _differences(merged: Merged) -> list[tuple[str, Any, Any]]:
    if merged.row is None:
        return []
    said = merged.schema.read(merged.document).values
    waiting = merged.held.document.waiting
    found = differences(merged.row, merged.schema, merged.held.keys, said, waiting)
    return [each for each in found if each[0] not in merged.held_back]
