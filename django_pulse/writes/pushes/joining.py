"""Joining: a new row is taken in by the row that has its unique values already (`on_unique`).

Laws:

1. What the new row says is merged into the other one field by field, each by its rule, as edits of
   the user who pushed it: only into a row that he sees, and still sees then, only what devices may
   write, and only if the model's `can_sync` allows all of it. What it refers to, and he may not
   see, waits.
2. The new row's document is closed: it never gets a row, knows which row took it in, and what is
   still pushed to it goes the same way. What refers to it refers to the other row.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from django.core.exceptions import ValidationError

from crdt.editing import touch_text, write_field
from crdt.entry import Entry
from crdt.schema import MISSING, Field
from crdt.update import Push

from ... import identity
from ...visibility import scopes
from ..locking import hold
from ..merging import Merged
from ..storing import store_documents, store_rows
from .judging import Judge
from .parking import Waits
from .permitting import Permits
from .placing import Placing
from .reaching import NO_SUCH_ROW

if TYPE_CHECKING:
    from .batches import Batch

__all__ = ["MERGED", "NOT_TAKEN", "BusyError", "into_of", "join"]

MERGED = "merged"
"""The code under which a document is closed."""


NOT_TAKEN: Final = {"code": "forbidden", "message": NO_SUCH_ROW}
"""What is said of edits that the row which took theirs in does not take."""


class BusyError(Exception):
    """Somebody holds the row that would take the new one in."""


def into_of(merged: Merged) -> UUID | None:
    """The row that took this one in, if one did."""
    parked = merged.held.document.parked or {}
    return UUID(parked["into"]) if parked.get("code") == MERGED else None


def join(
    batch: Batch,
    merged: Merged,
    row: UUID,
    entries: Iterable[Entry],
    before: Mapping[str, Any],
) -> bool:
    """Merge these entries into the row, from a document that said `before` without them.

    Says whether that could be done. Raises `BusyError`.
    """
    held = hold(batch.model, batch.using, [row], wait=False).get(row)
    if held is None:
        raise BusyError
    visible = scopes.of_user(batch.user)
    if held.row is None or not any(k in visible for k in scopes.of_row(held.row, batch.using)):
        return False
    before_row, places = copy.copy(held.row), Placing(batch.model, batch.using, visible)
    now_ms = time.time_ns() // 1_000_000
    other = Merged.begin(held, merged.schema, identity.replica_id(batch.using), now_ms)
    by_field: dict[str, list[Entry]] = {}
    for entry in entries:
        by_field.setdefault(entry.field, []).append(entry)
    for known in merged.schema.fields.values():
        if known.rule.client_writes and not known.options.get("read_only"):
            _carry(merged, other, known, by_field.get(known.wire, []), before)
    _hold_back(batch, other)
    other.project()
    permits = Permits(batch.user, batch.model, batch.using, places)
    if not (places.keeps(other) and permits.allow(other, before_row)):
        return False
    try:
        held.row.clean()
    except ValidationError:
        return False
    other.absorb(0)
    other.compact()
    store_rows(batch.model, batch.using, [other])
    store_documents(batch.using, [other])
    Waits.of(batch.using, batch.user, [held], look=False).write([other])
    return True


def _hold_back(batch: Batch, other: Merged) -> None:
    """What the user may not refer to waits, as if he had pushed it to the row itself."""
    document = other.document
    start = document.loaded.vector.get(document.replica, 0)
    entries = document.entries.values()
    mine = [e for e in entries if e.dot.replica == document.replica and e.dot.clock >= start]
    pushed = Push(0, 0, 0, tuple(mine), frozenset(), {}, True, b"")
    judge = Judge(batch.user, batch.model, batch.using)
    if judge.look_up({0: (other, pushed)}):
        raise BusyError
    judge.hold_back(other, pushed)


def _carry(
    merged: Merged, other: Merged, known: Field, entries: list[Entry], before: Mapping[str, Any]
) -> None:
    """Write into `other` what these entries of one field changed."""
    document = other.document
    old, new = before.get(known.name, MISSING), known.read(merged.document)
    if new is MISSING or new == old:
        return
    if new == known.read(document) and not known.rule.joins:  # what adds up adds up to more
        return
    if known.rule.text:
        there = document.text(known.wire)
        if old is MISSING:
            document.edit_text(known.wire, len(there), 0, f"\n{new}" if there else new)
        else:
            document.merge_text(known.wire, old, new)
        touch_text(document, known, other.now_ms)
    elif known.rule.whole:
        present = merged.document.entries
        for entry in entries:
            if entry.dot in present:
                document.append(known.wire, entry.stamp, entry.value)
    else:
        write_field(document, known, old, new, other.now_ms)
