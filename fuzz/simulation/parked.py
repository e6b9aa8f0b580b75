"""What waits at the end: a row that is parked, a reference that is not followed, has a reason.
What only ever waited was never there.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from crdt import Document, RowView
from django_pulse.mapping.schema import schema_of
from django_pulse.tables import Document as StoredDocument

from ..bank.memos import denied_to
from .scenery import Violation

__all__ = ["check_marked", "check_parked", "was_there"]


def check_parked(
    model: Any, stored: Mapping[UUID, StoredDocument], documents: Mapping[UUID, Document]
) -> None:
    """Raises `Violation` for what waits although nothing is in its way."""
    for sync_id, row in stored.items():
        waiting = (row.waiting or {}).keys()
        if row.deleted or (row.parked is None and not waiting):
            continue
        values = schema_of(model).read(documents[sync_id]).values
        code, other = values.get("code"), values.get("answers")
        is_there = other is None or model.objects.filter(sync_id=other).exists()
        if row.parked is None:
            if is_there or waiting - {"answers"}:
                raise Violation(f"{row} waits for what is there: {row.waiting}")
            continue
        is_taken = code is not None and model.objects.filter(code=code).exists()
        is_barred = denied_to(int(row.parked["user"]), sync_id) == "create"
        if is_there and not is_taken and not is_barred:
            raise Violation(f"{row} waits ({row.parked['code']}), and nothing is in its way")


def check_marked(
    device: Any, rows: Mapping[UUID, RowView], stored: Mapping[UUID, StoredDocument]
) -> None:
    """Raises `Violation` for a row that waits and that its device takes for one that is there, or
    the other way round.
    """
    for sync_id, row in rows.items():
        waits = sync_id in stored and stored[sync_id].parked is not None
        if waits is not (row.parked is not None):
            said = "waits" if row.parked else "is there"
            raise Violation(f"{device.name} says that {row.model} {sync_id.int} {said}")


def was_there(stored: StoredDocument | None) -> bool:
    """Was there ever a row of this document, as far as it is known yet? The tombstone of one stays
    in its scopes; what waited, and was deleted by who had pushed it, is in none.
    """
    if stored is None:
        return False
    return bool(stored.scopes) or (stored.parked is None and not stored.deleted)
