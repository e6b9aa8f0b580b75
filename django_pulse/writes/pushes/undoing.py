"""Undoing: taking back the fields of a push that an error is about.

What a push wrote to a text leaves something behind, since other characters may stand beside it:
some forty bytes for each run that was inserted, and everything that was deleted once more. So where
a document is large already, nothing of such a push is taken, and its device is told which texts are
to blame: it takes these edits back itself, and pushes the rest again. For its app that is the same.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from crdt.entry import Entry
from crdt.schema import Field
from crdt.update import Push

from ..merging import Merged, Reverts
from .items import ItemResult
from .lost import DELETED

if TYPE_CHECKING:
    from .batches import Batch

__all__ = ["MOST_BYTES", "LargeError", "fields_pushed", "texts_refused", "undo", "value_of"]

MOST_BYTES = 16 << 10
"""Bytes of a document in which edits of texts are undone: some hundreds of them, by a device that
does not know better. What was let in may be as large as it likes."""


class LargeError(Exception):
    """Texts of an upload that are not to be undone: it has to be merged without them."""

    def __init__(self, texts: Reverts) -> None:
        super().__init__(*texts)
        self.texts = texts


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


def texts_refused(batch: Batch, merged: Merged, reverts: Reverts) -> ItemResult | None:
    """The answer to a push of which texts were undone, if the document is too large for that.

    Raises `LargeError` for an upload: its client cannot take back one field.
    """
    if len(merged.held.document.state) <= MOST_BYTES:
        return None
    texts = {known.wire for known in merged.schema.fields.values() if known.rule.text}
    undone = {wire: reverts[wire] for wire in sorted(reverts.keys() & texts)}
    undone = {wire: told for wire, told in undone.items() if told["code"] != DELETED}
    if undone and batch.is_uploaded:
        raise LargeError(undone)
    first = next(iter(undone.values()), None)
    if first is None:
        return None
    return ItemResult("refused", code=first["code"], message=first["message"], reverted=undone)


def fields_pushed(merged: Merged, push: Push) -> dict[str, Field]:
    """The fields of the model that the push writes, by their names in documents."""
    written = {entry.field for entry in (*push.entries, *merged.carried)} | set(push.text_fields)
    fields = merged.schema.fields.values()  # neither the row itself nor what is unknown
    return {known.wire: known for known in fields if known.wire in written}


def value_of(entries: Sequence[Entry], known: Field | None) -> Any:
    """What entries that were undone would have said, as it travels."""
    return entries[-1].value if known is None else known.told(entries)
