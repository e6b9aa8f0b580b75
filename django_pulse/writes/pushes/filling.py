"""How full a document may be that devices write to.

Laws:

1. A document that has reached a bound can be read, deleted, and written by the server. Devices can
   make it smaller, and take back what was refused.
2. The bounds are looked at with the push merged and the document compacted: what takes the place of
   something else counts once.
"""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

from crdt.compaction import compact
from crdt.document import Document
from crdt.entry import ROW_FIELD
from crdt.update import DEFAULT_LIMITS, Limits, Push

from ...conf import conf
from ..merging import Merged

__all__ = ["limits", "too_full"]


class _Size(NamedTuple):
    bytes: int
    entries: int
    replicas: int


def limits() -> Limits:
    """What one update may hold."""
    return replace(DEFAULT_LIMITS, update=conf.MAX_UPDATE_BYTES)


def too_full(merged: Merged, push: Push) -> str | None:
    """Why a document cannot take this push; None if it can."""
    most = _Size(conf.MAX_DOCUMENT_BYTES, conf.MAX_DOCUMENT_ENTRIES, conf.MAX_DOCUMENT_REPLICAS)
    known = merged.document.loaded
    before = _Size(len(known.data), len(known.entries), len(known.vector))
    brought = _Size(len(push.data), len(push.entries), push.replica not in known.vector)
    if all(has + more <= limit for has, more, limit in zip(before, brought, most, strict=True)):
        return None
    if _only_clears(push):
        return None
    after = _merged(merged, push)
    for name, old, new, limit in zip(_Size._fields, before, after, most, strict=True):
        if new > max(old, limit):
            return (
                f"This row holds as much as a row may: {new} {name} with this edit, of at most "
                f"{limit}. Delete some of it, or the row."
            )
    return None


def _only_clears(push: Push) -> bool:
    """Does it bring nothing but the row's deletion, or clocks that say nothing?"""
    return not push.text_fields and all(
        entry.field == ROW_FIELD and entry.value is True for entry in push.entries
    )


def _merged(merged: Merged, push: Push) -> _Size:
    scratch = Document(merged.document.encode(), merged.document.replica)
    scratch.apply(push)
    compact(scratch, merged.schema)
    data = scratch.encode()
    return _Size(len(data), len(scratch.entries), len(scratch.vector))
