"""Undoing: taking back the fields of a push that an error is about."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from crdt.entry import Entry
from crdt.schema import Field
from crdt.update import Push

from .merging import Merged, Reverts

__all__ = ["fields_pushed", "undo", "value_of"]


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


def fields_pushed(merged: Merged, push: Push) -> dict[str, Field]:
    """The fields of the model that the push writes, by their names in documents."""
    written = {entry.field for entry in (*push.entries, *merged.carried)} | set(push.text_fields)
    fields = merged.schema.fields.values()  # neither the row itself nor what is unknown
    return {known.wire: known for known in fields if known.wire in written}


def value_of(entries: Sequence[Entry], known: Field | None) -> Any:
    """What entries that were undone would have said, as it travels."""
    return entries[-1].value if known is None else known.told(entries)
