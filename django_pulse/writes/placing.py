"""Placing: into which scopes a push may put a row.

Whoever pushes has to see the row before (`pushing`) and afterwards, or it could be moved, or made,
where it is none of his business. A move that may not stand is undone like any other field; a new
row has nowhere to go back to.
"""

from __future__ import annotations

from collections.abc import Container

from crdt.update import Push

from .. import scopes
from ..audience import audience_of
from .merging import Merged, Reverts

__all__ = ["MisplacedError", "moved_back"]

_MESSAGE = "There is no such row, or you may not see it."
"""The same whether or not there is something to refer to."""


class MisplacedError(Exception):
    """A new row would be in no scope that its writer sees."""


def moved_back(merged: Merged, push: Push, visible: Container[str], using: str) -> Reverts:
    """Undo a move of the row out of what its writer sees; returns what that was.

    Raises `MisplacedError` for a new row. To be called once the row is projected.
    """
    row = merged.row
    audience = None if row is None or merged.deleted else audience_of(type(row))
    hop = audience.hops[0] if audience is not None and audience.hops else None
    if row is None or hop is None or hop.attname is None:
        return {}
    if any(key in visible for key in scopes.of_row(row, using)):
        return {}
    if merged.inserted:
        merged.held.row, merged.inserted = None, False
        raise MisplacedError(_MESSAGE)
    wire = merged.schema.fields[hop.field.name].wire
    moves = [entry for entry in push.entries if entry.field == wire]
    if not moves:
        return {}
    merged.revert(moves)
    merged.project()
    return {wire: {"value": moves[-1].value, "code": "forbidden", "message": _MESSAGE}}
