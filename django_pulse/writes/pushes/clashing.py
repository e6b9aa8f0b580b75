"""Clashing: what becomes of a row that the database does not accept as it is.

Laws:

1. A row that is there keeps what it had: the fields of the push that break a constraint are undone.
2. A new row is never dropped: it is parked with the reason, renamed, or taken in by the row that
   has its values, as its model says.
3. Where nothing can be found wrong, although the database found something twice, all of the push
   is to blame.
4. What lives again once a value is undone is projected as ever: it may be what waits for a row that
   is not there, or not for the user.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from django.db.models import ProtectedError, RestrictedError

from crdt.entry import ROW_FIELD
from crdt.update import Push

from ...awaiting import ANY
from ..merging import Merged, Reverts
from .constraints import Violation, violated
from .joining import MERGED, join
from .parking import Reason
from .renaming import rename
from .undoing import fields_pushed, undo

if TYPE_CHECKING:
    from ...sync_model import SyncModel
    from .batches import Batch

__all__ = ["CLASHES", "reason_against", "undone"]

CLASHES = frozenset({"unique", "check", "constraint"})
"""The codes of reasons why the database would not have a row."""

UNKNOWN = {
    "code": "constraint",
    "message": "The database's constraints do not allow this row.",
}
PROTECTED = "Other rows that may not be deleted with it refer to this row."


def reason_against(batch: Batch, merged: Merged, row: SyncModel) -> Reason | None:
    """Why a new row cannot be inserted, if it was turned down before and still would be."""
    parked = merged.held.document.parked
    if not batch.tries and (parked is None or parked["code"] not in CLASHES):
        return None
    found = violated(row, batch.using)
    policy = type(row)._sync.on_unique
    if policy == "rename":
        for each in found:
            rename(merged, row, each, batch.using)
        found = violated(row, batch.using) if found else found
    if policy == "merge" and batch.tries < 2 and (taken := _taken_in(batch, merged, found)):
        return taken
    if found:
        return _reason(merged, found)
    return Reason(UNKNOWN["code"], UNKNOWN["message"]) if batch.tries > 1 else None


def undone(batch: Batch, merged: Merged, push: Push, again: Callable[[], None]) -> Reverts:
    """Undo what the database would not accept of a push to a row that is there; `again` projects
    what is left.
    """
    if not batch.tries or merged.row is None or merged.inserted:
        return {}
    reverts: Reverts = {}
    if merged.deleted and isinstance(batch.cause, (ProtectedError, RestrictedError)):
        mine = [entry for entry in push.entries if entry.field == ROW_FIELD]
        merged.revert(mine)
        again()
        reverts = {ROW_FIELD: {"value": True, "code": "protected", "message": PROTECTED}}
    while not merged.deleted and (found := _blamed(merged, push, batch.using, reverts)):
        for each in found:
            error = {"code": each.code, "message": each.message}
            reverts |= undo(merged, push, each.fields, error)
        again()
    if not reverts and batch.tries > 1:
        reverts = undo(merged, push, (), UNKNOWN)
        again()
    return reverts


def _taken_in(batch: Batch, merged: Merged, found: Sequence[Violation]) -> Reason | None:
    """Have the row taken in by the one that has its values, if there is one that the user sees."""
    holders = {sync_id for each in found for sync_id in each.held_by or (None,)}
    if len(holders) != 1 or merged.had_row or any(each.code != "unique" for each in found):
        return None
    (holder,) = holders
    entries = [entry for live in merged.document.fields().values() for entry in live]
    if holder is None or not join(batch, merged, holder, entries, {}):
        return None
    return Reason(MERGED, found[0].message, into=holder)


def _blamed(merged: Merged, push: Push, using: str, reverts: Reverts) -> list[Violation]:
    """What the push breaks: not what was broken before, and not by what is undone already."""
    assert merged.row is not None, "it is there"
    pushed = fields_pushed(merged, push).items()
    names = {known.name for wire, known in pushed if wire not in reverts}
    return [each for each in violated(merged.row, using) if each.fields & names]


def _reason(merged: Merged, found: Sequence[Violation]) -> Reason:
    fields = {}
    awaits = set()
    label = merged.held.document.model
    for each in found:
        for name in each.fields & merged.schema.fields.keys():
            known = merged.schema.fields[name]
            live = merged.document.live(known.wire)
            if live:  # the others hold their defaults, which nobody wrote
                error = {"code": each.code, "message": each.message}
                fields[known.wire] = {"value": known.told(live), **error}
        if each.held_by is None:
            awaits.add((label, ANY))
        awaits |= {(label, str(sync_id)) for sync_id in each.held_by or ()}
    message = " ".join(dict.fromkeys(each.message for each in found))
    return Reason(found[0].code, message, fields, sorted(awaits))
