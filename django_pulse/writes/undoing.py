"""Undoing: taking back the fields of a push that an error is about.

What a push wrote to a text leaves something behind, since other characters may stand beside it:
some forty bytes for each run that was inserted, and everything that was deleted once more. So where
a document is large already, such a push is not undone but refused as a whole: its device withdraws
it, and the document stays as it is.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from crdt.entry import Entry
from crdt.schema import Field
from crdt.update import Push

from .lost import DELETED
from .merging import Merged, Reverts

__all__ = ["MOST_BYTES", "fields_pushed", "reason_to_refuse", "undo", "value_of"]

MOST_BYTES = 16 << 10
"""Bytes of a document in which edits of texts are undone: some hundreds of them, by a device that
does not know better. What was let in may be as large as it likes."""


def undo(merged: Merged, push: Push, named: Collection[str], error: Mapping[str, str]) -> Reverts:
    """Undo the pushed ones among the named fields; all that were pushed, where none of them was.

    `error` is a code and a message. The row is to be projected anew afterwards.
    """
    pushed = fields_pushed(merged, push)
    of_named = {wire: known for wire, known in pushed.items() if known.name in named}
    reverts: Reverts = {}
    for wire, known in (of_named or pushed).items():
        mine = [entry for entry in (*push.entries, *merged.carried) if entry.field == wire]
        merged.revert(mine)
        if mine:
            reverts[wire] = {"value": value_of(mine, known), **error}
        if known.rule.text:
            reverts[wire] = {"value": merged.document.text(wire), **error}
            merged.revert_text(wire)
    return reverts


def reason_to_refuse(merged: Merged, reverts: Reverts) -> Mapping[str, Any] | None:
    """What was undone of a text, if the document is too large for it to be undone there."""
    if len(merged.held.document.state) <= MOST_BYTES:
        return None
    texts = {known.wire for known in merged.schema.fields.values() if known.rule.text}
    undone = (reverts[wire] for wire in reverts.keys() & texts)
    return next((each for each in undone if each["code"] != DELETED), None)


def fields_pushed(merged: Merged, push: Push) -> dict[str, Field]:
    """The fields of the model that the push writes, by their names in documents."""
    written = {entry.field for entry in (*push.entries, *merged.carried)} | set(push.text_fields)
    fields = merged.schema.fields.values()  # neither the row itself nor what is unknown
    return {known.wire: known for known in fields if known.wire in written}


def value_of(entries: Sequence[Entry], known: Field | None) -> Any:
    """What entries that were undone would have said, as it travels."""
    return entries[-1].value if known is None else known.told(entries)
