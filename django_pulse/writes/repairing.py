"""Repairing: bringing a document to what its row says, whatever is wrong with it.

Laws:

1. The row is right: no column but `version` is changed, and those whose rule says that what was
   there wins.
2. What the feed lost track of is sent whole: nobody may have it.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from crdt.document import Document
from crdt.editing import write_field
from crdt.schema import Schema

from ..diagnosis import differences
from .locking import Held
from .merging import Merged

__all__ = ["repaired"]


def repaired(
    held: Held, kinds: Collection[str], schema: Schema, replica: int, now_ms: int
) -> Merged:
    """The row with its document put right, to be stored; `kinds` are those of its findings."""
    stored, row = held.document, held.row
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


def _differences(merged: Merged) -> list[tuple[str, Any, Any]]:
    if merged.row is None:
        return []
    said = merged.schema.read(merged.document).values
    waiting = merged.held.document.waiting
    found = differences(merged.row, merged.schema, merged.held.keys, said, waiting)
    return [each for each in found if each[0] not in merged.held_back]
