"""Placing: into which scopes a push may put a row.

Whoever pushes has to see the row before (`pushing`) and afterwards, or it could be moved, or made,
where it is none of his business. A move that may not stand is undone like any other field; a new
row has nowhere to go back to.
"""

from __future__ import annotations

from collections.abc import Container
from typing import TYPE_CHECKING

from crdt.update import Push

from ..audience import audience_of
from ..scopes import key_of
from .merging import Merged, Reverts
from .reaching import NO_SUCH_ROW

if TYPE_CHECKING:
    from ..sync_model import SyncModel

__all__ = ["MisplacedError", "Placing"]

_MESSAGE = "There is no such row, or you may not see it."
"""The same whether or not there is something to refer to."""


class MisplacedError(Exception):
    """A new row would be in no scope that its writer sees."""


class Placing:
    """Where one user may put the rows of one model."""

    def __init__(self, model: type[SyncModel], using: str, visible: Container[str]) -> None:
        audience = audience_of(model)
        self._hop = audience.hops[0] if audience is not None and audience.hops else None
        self._attname = None if self._hop is None else self._hop.attname
        self._start = "" if audience is None or self._hop is None else key_of(using, audience, "")
        self._visible = visible

    def moved_back(self, merged: Merged, push: Push) -> Reverts:
        """Undo a move of the row out of what its writer sees; returns what that was.

        Raises `MisplacedError` for a new row. To be called once the row is projected.
        """
        row = merged.row
        if row is None or merged.deleted or self._hop is None or self.sees(row):
            return {}
        if merged.inserted:
            merged.unmake()
            raise MisplacedError(NO_SUCH_ROW)
        wire = merged.schema.fields[self._hop.field.name].wire
        moves = [e for e in (*push.entries, *merged.carried) if e.field == wire]
        if not moves:
            return {}
        merged.revert(moves)
        merged.project()
        return {wire: {"value": moves[-1].value, "code": "forbidden", "message": _MESSAGE}}

    def sees(self, row: SyncModel) -> bool:
        """Does the user see the row, as far as its own columns tell?"""
        if self._attname is None:
            return True
        anchor = None if row.is_local_only else getattr(row, self._attname)
        return anchor is not None and f"{self._start}{anchor}" in self._visible

    def moved(self, before: SyncModel, after: SyncModel) -> str | None:
        """The name of the field that moves the row to where others see it, if it has moved."""
        if self._hop is None or self._attname is None:
            return None
        same = getattr(before, self._attname) == getattr(after, self._attname)
        return None if same else str(self._hop.field.name)
