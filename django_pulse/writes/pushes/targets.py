"""Targets: the rows that pushed references name, and which of them the pusher may refer to.

They are looked up once for a whole batch, in a few queries per field. Whoever pushes learns the
same about a row that he may not see as about one that does not exist. Anybody may refer to rows of
models that do not sync; where the audience begins, only to those by which he sees rows. Besides
what he sees he may refer to what he founded (`founding`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence, Set
from typing import TYPE_CHECKING, Any, cast
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db import models

from crdt.entry import Entry
from crdt.schema import MISSING, Schema
from crdt.update import Push

from ...mapping.codecs import Column, Reference
from ...mapping.columns import columns_of
from ...mapping.keys import By, Keys, Target
from ...mapping.options import SyncOptions
from ...mapping.relations import Members
from ...mapping.schema import schema_of
from ...tables import Document
from ...visibility import scopes
from ...visibility.audience import audience_of
from ..locking import busy_targets
from ..merging import Merged
from .founding import founded

if TYPE_CHECKING:
    from django.contrib.auth.base_user import AbstractBaseUser

    from ...sync_model import SyncModel

__all__ = ["Targets"]

Named = dict[str, tuple[Any, set[int]]]
"""By a key's text: the key, and the places of the pushes that name it."""


class Targets:
    """What the pushes of one user to one model refer to."""

    def __init__(self, user: AbstractBaseUser, model: type[SyncModel], using: str) -> None:
        self._user = user
        self._using = using
        self._owner = scopes.owner_field(model)
        self._columns = {
            name: column
            for name, column in columns_of(model).items()
            if column.refers and column.field != self._owner
        }
        fields = schema_of(model).fields
        self._wires = {name: fields[name].wire for name in self._columns}
        self._awaited_wires = {
            self._wires[name]
            for name, column in self._columns.items()
            if column.target is None or column.target.syncs
        }
        audience = audience_of(model)
        self._rest = "" if audience is None else audience.rest
        self._place = audience.hops[0].name if audience is not None and self._rest else None
        self._allowed: dict[str, set[tuple[Target, str]]] = {}
        self._barred: set[tuple[str, Target]] = set()
        self._scopes: Set[str] | None = None
        self.follows = False
        self.founded: set[Any] = set()
        """What rows of the model may be put beside, as what begins their audience: its keys."""

    def look_up(self, pushes: Mapping[int, tuple[Merged, Push]]) -> set[int]:
        """Find out which of the rows named there are.

        Returns the places of the pushes that somebody who holds such a row keeps waiting.
        """
        waiting: set[int] = set()
        new = {place for place, (merged, _) in pushes.items() if merged.row is None}
        if new and self._owner is not None:
            waiting |= new if busy_targets(self._owner, self._using, [self._user.pk]) else set()
        named: dict[tuple[str, Target], Named] = {}
        keys: Keys | None = None
        for place, (merged, push) in pushes.items():
            keys = merged.held.keys
            for name, (target, key) in self._references(merged.schema, self._touched(merged, push)):
                of_target = named.setdefault((name, target), {})
                of_target.setdefault(target.text(key), (key, set()))[1].add(place)
        for (name, target), of_target in named.items():
            assert keys is not None
            waiting |= self._find(self._columns[name], target, of_target, keys)
        return waiting

    def allows(self, name: str, value: Any) -> bool:
        """May a pushed value of this field stand, as far as what it refers to goes?"""
        try:
            reference = self._columns[name].refers_to(value)
        except ValueError:
            return False
        if reference is None:
            return True
        target, key = reference
        return (target, target.text(key)) in self._allowed.get(name, ())

    @property
    def sets(self) -> Set[str]:
        """Those of them that are many-to-many fields; what is judged of these is each element."""
        return {name for name, column in self._columns.items() if column.is_set}

    def linked(self, name: str, merged: Merged) -> list[Any]:
        """The elements of a set that the row is linked to."""
        row = merged.row
        return [] if row is None else self._columns[name].read(row.__dict__, merged.held.keys)

    @property
    def names(self) -> Set[str]:
        """The fields that refer to other rows, whoever owns the row aside."""
        return self._columns.keys()

    def awaited(self, name: str, value: Any) -> tuple[str, str] | None:
        """The row that the value refers to, if it is of a model whose rows may still come."""
        try:
            reference = self._columns[name].refers_to(value)
        except ValueError:
            return None
        if reference is None or not reference[0].syncs or (name, reference[0]) in self._barred:
            return None
        return reference[0].label, str(reference[1])

    def _touched(self, merged: Merged, push: Push) -> Iterable[Entry]:
        """The entries whose references the push may bring to the row."""
        touched = any(entry.field in self._awaited_wires for entry in push.entries)
        waits = merged.row is None or bool(merged.held.document.waiting)
        if not waits and not touched:
            return push.entries
        # Of a row that comes now its links as well, whenever they were said.
        wires = self._wires.values() if waits else self._awaited_wires
        present = merged.document.entries.values()  # undone, the push lets live what it replaced
        return [*push.entries, *(entry for entry in present if entry.field in wires)]

    def _references(
        self, schema: Schema, entries: Iterable[Entry]
    ) -> Iterator[tuple[str, Reference]]:
        """What the entries refer to, as far as it may be asked for, by the field's name."""
        for entry in entries:
            known = schema.get(entry.field)
            column = None if known is None else self._columns.get(known.name)
            if known is None or column is None:
                continue
            for live in known.live([entry]):
                for value in (live.value or ()) if column.is_set else (live.value,):
                    try:
                        reference = column.refers_to(value)
                        if reference is not None:
                            reference[0].validate(reference[1])
                    except (ValueError, ValidationError):
                        continue
                    if reference is not None:
                        yield known.name, reference

    def _find(self, column: Column, target: Target, named: Named, keys: Keys) -> set[int]:
        """Note which of the keys are allowed; returns the places of the busy ones."""
        if target.by is not By.VALUE:
            keys.find(target, [key for key, _ in named.values()])
        if target.by is By.SYNC_ID:
            self._follow(target, [key for key, _ in named.values()], keys)
        held = {
            text: key if target.by is By.VALUE else keys.value(target, key)
            for text, (key, _) in named.items()
        }
        there = self.visible(column, target, set(held.values()) - {MISSING})
        found = {(target, text) for text, value in held.items() if value in there}
        self._allowed.setdefault(column.name, set()).update(found)
        busy = _busy(column, self._using, there)
        return {
            place for text, (_, places) in named.items() if held[text] in busy for place in places
        }

    def _follow(self, target: Target, wanted: Iterable[Any], keys: Keys) -> None:
        """Let keys of rows that others took in stand for those."""
        missing = [key for key in wanted if keys.value(target, key) is MISSING]
        if not missing:
            return
        rows = Document.objects.using(self._using).filter(model=target.label, sync_id__in=missing)
        for key, parked in rows.exclude(parked__isnull=True).values_list("sync_id", "parked"):
            if parked is not None and parked.get("into"):
                self.follows = True
                keys.alias(target, key, UUID(parked["into"]))

    def visible(self, column: Column, target: Target, values: set[Any]) -> set[Any]:
        """Those of the rows with these values that the user may refer to."""
        rows = column.choices(target, self._using)
        if rows is None:
            self._barred.add((column.name, target))
        if rows is None or not values:
            return set()
        rows = rows.filter(**{f"{target.attname}__in": values})
        if not isinstance(getattr(target.model, "_sync", None), SyncOptions):
            if column.name == self._place:  # where others have theirs is nobody else's business
                rows = rows.filter(**{self._rest: self._user.pk})
            return set(rows.values_list(target.attname, flat=True))
        model = cast("type[SyncModel]", target.model)
        audience, owner = audience_of(model), scopes.owner_field(model)
        rows = rows.filter(is_local_only=False)
        if owner is not None:
            rows = rows.filter(**{owner.name: self._user.pk})
        elif audience is None or not audience.is_everybody:
            found = list(rows)
            seen = list(self._read(found))
            own = founded(self._user, self._using, [row for row in found if row not in seen])
            if column.name == self._place:
                self.founded |= {getattr(row, target.attname) for row in own}
            return {getattr(row, target.attname) for row in (*seen, *own)}
        return set(rows.values_list(target.attname, flat=True))

    def _read(self, found: Sequence[SyncModel]) -> Iterator[SyncModel]:
        """Those of the rows that are in a scope which the user reads."""
        if found and self._scopes is None:
            self._scopes = scopes.of_user(self._user).keys()
        for row, keys in zip(found, scopes.of_rows(found, self._using), strict=True):
            if not (self._scopes or set()).isdisjoint(keys):
                yield row


def _busy(column: Column, using: str, values: Collection[Any]) -> Collection[Any]:
    """Only what the database itself checks can be busy."""
    field = column.member if isinstance(column, Members) else column.field
    return busy_targets(field, using, values) if isinstance(field, models.ForeignKey) else ()
