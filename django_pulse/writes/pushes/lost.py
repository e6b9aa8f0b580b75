"""Edits that came too late: of rows that somebody deleted meanwhile.

They are merged into the row's tombstone, where whoever takes the deletion back finds them, and
their writer is told, so that no edit is lost in silence.
"""

from __future__ import annotations

from typing import Any

from crdt.entry import ROW_FIELD
from crdt.update import Push

from ..merging import Merged, Reverts

__all__ = ["DELETED", "lost_to_deletion"]

DELETED = "deleted"
"""The code of what stands, but in a row that is gone."""


def lost_to_deletion(merged: Merged, push: Push) -> Reverts:
    """What of a merged push does not show, since the row is deleted; by the fields' names in
    documents. Whoever deletes the row himself wants it so.
    """
    if not merged.held.document.deleted or any(map(_deletes, push.entries)):
        return {}
    present = [entry for entry in push.entries if entry.dot in merged.document.entries]
    return {entry.field: _told(merged, entry) for entry in present}


def _deletes(entry: Any) -> bool:
    return entry.field == ROW_FIELD and entry.value is True


def _told(merged: Merged, entry: Any) -> dict[str, Any]:
    known = merged.schema.get(entry.field)
    is_text = known is not None and known.rule.text
    value = merged.document.text(entry.field) if is_text else entry.value
    return {"value": value, "code": DELETED, "message": "The row was deleted before this edit."}
