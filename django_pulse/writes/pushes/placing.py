"""Placing: into which scopes a push may put a row.

Whoever pushes has to see the row before (`pushing`) and afterwards, or it could be moved, or made,
where it is none of his business. A move that may not stand is undone like any other field; a new
row has nowhere to go back to.

Where a many-to-many field says in which scopes a row is, it is put into those only that its writer
reads. Users may be added freely: that is sharing. To take a row out of scopes is to leave it to the
others, as long as there are any. The same goes for what a function says, which can be asked of rows
that are stored only: where it says no, the push is tried once more, without what it said.

Where other rows say who sees a row, nobody sees a new one. Only a model whose `can_sync` says so
has devices make such rows: then its own code shows them to somebody.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Container, Iterable
from typing import TYPE_CHECKING, Any

from crdt.entry import Entry
from crdt.sameness import canonical
from crdt.update import Push

from ...mapping.columns import sets_of
from ...mapping.relations import Members
from ...permissions import is_asked
from ...visibility.audience import audience_of
from ...visibility.scopes import key_of, of_row
from ..merging import Merged, Reverts
from .reaching import NO_SUCH_ROW
from .undoing import undo, value_of

if TYPE_CHECKING:
    from uuid import UUID

    from ...sync_model import SyncModel

__all__ = ["AwaitedError", "MisplacedError", "Placing", "UnseenError"]

_MESSAGE = "There is no such row, or you may not see it."
"""The same whether or not there is something to refer to."""

_UNSEEN = (
    "A device may make no rows of %s: nobody would see them. Where it should, say so in the "
    "model's can_sync, and show them to somebody in a receiver of rows_synced."
)

_GONE = "You would not see this row any more."


logger = logging.getLogger("django_pulse")


class MisplacedError(Exception):
    """A new row would be in no scope that its writer sees."""


class AwaitedError(MisplacedError):
    """It may be in one, once a row that it refers to has come."""


class UnseenError(Exception):
    """A row that was stored would be where its writer may not put it."""


class Placing:
    """Where one user may put the rows of one model.

    He may put them beside what he `founded`, by its keys, as well as where he reads.
    `unseen` says that the push was stored before, and had to be taken back for that reason.
    """

    def __init__(
        self,
        model: type[SyncModel],
        using: str,
        visible: Container[str],
        founded: Container[Any] = (),
        *,
        unseen: bool = False,
    ) -> None:
        audience = audience_of(model)
        self._model, self._unseen = model, unseen
        self._function = None if audience is None else audience.function
        self._everybody = audience is not None and audience.is_everybody
        self._before: dict[UUID, list[str]] = {}
        self._hop = audience.hops[0] if audience is not None and audience.hops else None
        self._attname = None if self._hop is None else self._hop.attname
        self._start = "" if audience is None or self._hop is None else key_of(using, audience, "")
        self.shares = audience is not None and not audience.rest
        """Is to be put somewhere to be shared with somebody?"""
        self._founded = founded
        self._set = None if self._hop is None else sets_of(model).get(self._hop.name)
        self._visible = visible

    def moved_back(self, merged: Merged, push: Push) -> Reverts:
        """Undo a move of the row out of what its writer sees; returns what that was.

        Raises `MisplacedError` for a new row. To be called once the row is projected.
        """
        row = merged.row
        if row is None or merged.deleted or self._everybody:
            return {}
        if self._function is not None:
            return self._moved_back_by_function(merged, push)
        if self._set is not None:
            return self._set_moved_back(merged, push, self._set)
        if self._is_elsewhere and not (merged.inserted and self._hides_new_rows):
            return {}
        if not self._is_elsewhere and self._sees_column_of(row):
            return {}
        if merged.inserted:
            if self._is_elsewhere:
                logger.warning(_UNSEEN, self._model._meta.label)
            merged.unmake()
            raise MisplacedError(NO_SUCH_ROW)
        assert self._hop is not None, "it is a column of the row"
        moves = _pushed(merged, push, self._hop.field.name)
        return _undone(merged, self._hop.field.name, moves) if moves else {}

    def keeps(self, merged: Merged) -> bool:
        """May the row that is there be where it will be, once it is projected?"""
        if self._set is not None:
            move = _Move(self, merged, self._set)
            return not move.foreign and move.may_be
        if merged.row is None or self._function is None:
            return merged.row is None or self._sees_column_of(merged.row)
        return self._may_be(merged, of_row(merged.row, merged.held.keys.using))

    def check(self, batch: Iterable[Merged]) -> None:
        """Ask of rows that are stored what could not be asked before; raises `UnseenError`."""
        for merged in batch if self._function is not None else ():
            there = merged.row is not None and not merged.deleted
            if there and not self._may_be(merged, merged.held.document.scopes):
                raise UnseenError

    def moved(self, before: SyncModel, after: SyncModel) -> str | None:
        """The name of the field that moves the row to where others see it, if it has moved."""
        if self._hop is None or self._attname is None:
            return None
        same = getattr(before, self._attname) == getattr(after, self._attname)
        return None if same else str(self._hop.field.name)

    def sees_any(self, anchors: Iterable[Any]) -> bool:
        """Does the user read what belongs to one of these?"""
        return any(f"{self._start}{anchor}" in self._visible for anchor in anchors)

    def _sees_column_of(self, row: SyncModel) -> bool:
        if self._attname is None:
            return True
        anchor = getattr(row, self._attname)
        return not row.is_local_only and (anchor in self._founded or self.sees_any([anchor]))

    @property
    def _is_elsewhere(self) -> bool:
        """Do other rows say who sees those of the model, or nobody?"""
        return self._attname is None and self._set is None and self._function is None

    @property
    def _hides_new_rows(self) -> bool:
        """May devices make no row that nobody sees?"""
        return not is_asked(self._model) or (self._hop is None and self._function is None)

    def _may_be(self, merged: Merged, after: Collection[str]) -> bool:
        """May a row be in these scopes, by what a function says?"""
        if any(scope in self._visible for scope in after):
            return True
        if merged.inserted:
            return not after and not self._hides_new_rows
        before = self._before.get(merged.held.sync_id, merged.held.document.scopes)
        return set(after) == set(before) or (bool(after) and set(after) <= set(before))

    def _moved_back_by_function(self, merged: Merged, push: Push) -> Reverts:
        self._before[merged.held.sync_id] = merged.held.document.scopes
        if not self._unseen:
            return {}
        if merged.inserted:
            merged.unmake()
            raise MisplacedError(NO_SUCH_ROW)
        reverts = undo(merged, push, (), {"code": "forbidden", "message": _GONE})
        merged.project()
        return reverts

    def _set_moved_back(self, merged: Merged, push: Push, column: Members) -> Reverts:
        move = _Move(self, merged, column)
        if merged.inserted and not self.sees_any(move.after):  # with all that its document says
            awaits = bool(merged.withheld.get(column.name))
            merged.unmake()
            raise AwaitedError(NO_SUCH_ROW) if awaits else MisplacedError(NO_SUCH_ROW)
        reverts: Reverts = {}
        if move.foreign:
            reverts = _undone(merged, column.name, _naming(merged, column.name, move.foreign))
        moves = _pushed(merged, push, column.name)
        if moves and not move.may_be:
            reverts = _undone(merged, column.name, moves)
        return reverts


class _Move:
    """What becomes of a many-to-many field that says in which scopes a row is.

    Its rows are told by primary key, as scopes call them.
    """

    def __init__(self, places: Placing, merged: Merged, column: Members) -> None:
        self._merged = merged
        self._column = column
        self._places = places
        edit = merged.sets.get(column.name, {})
        linked = {} if merged.row is None else self._linked(merged.row)
        kept = linked | {text: key for text, (key, added) in edit.items() if added}
        kept = {text: key for text, key in kept.items() if edit.get(text, (key, True))[1]}
        self.foreign = [] if places.shares else self._foreign(edit.values())
        """The elements that would be added, and whose scopes the user does not read."""
        self.before = self._anchors(linked.values())
        self.after = self._anchors(kept.values()) - self._anchors(self.foreign)

    @property
    def may_be(self) -> bool:
        """Does the user see the row afterwards, or leave it to others who see it already?"""
        leaves = not self._merged.inserted and bool(self.after) and self.after <= self.before
        unmoved = self.after == self.before
        return leaves or unmoved or self._places.sees_any(self.after)

    def _linked(self, row: SyncModel) -> dict[str, Any]:
        keys = self._column.read(row.__dict__, self._merged.held.keys)
        return {canonical(key): key for key in keys}

    def _foreign(self, edit: Iterable[tuple[Any, bool]]) -> list[Any]:
        added = [key for key, is_added in edit if is_added]
        return [key for key in added if not self._places.sees_any(self._anchors([key]))]

    def _anchors(self, wires: Iterable[Any]) -> set[Any]:
        """What these elements, as they travel, stand for."""
        target, keys = self._column.target, self._merged.held.keys
        assert target is not None
        found = {keys.value(target, target.from_wire(wire)) for wire in wires}
        if target.attname == target.model._meta.pk.attname or not found:
            return found
        rows = target.model._base_manager.using(keys.using)
        named = rows.filter(**{f"{target.attname}__in": found})
        return set(named.values_list("pk", flat=True))


def _pushed(merged: Merged, push: Push, name: str) -> list[Entry]:
    wire = merged.schema.fields[name].wire
    return [each for each in (*push.entries, *merged.carried) if each.field == wire]


def _naming(merged: Merged, name: str, elements: Iterable[Any]) -> list[Entry]:
    """The entries that put these elements into a set."""
    known, texts = merged.schema.fields[name], set(map(canonical, elements))
    return [
        entry
        for entry in merged.document.entries.values()
        if entry.field == known.wire
        for live in known.live([entry])
        if live.value is not None and canonical(live.value[0]) in texts
    ]


def _undone(merged: Merged, name: str, entries: list[Entry]) -> Reverts:
    known = merged.schema.fields[name]
    merged.revert(entries)
    merged.project()
    told = {"value": value_of(entries, known), "code": "forbidden", "message": _MESSAGE}
    return {known.wire: told}
