"""Permissions: what a model's `can_sync` is asked of a device's edit, and what it may answer.

def can_sync(self, user: User, action: SyncAction, changes: SyncChanges) -> SyncAnswer:
    return self.author_id == user.pk or "body" not in changes
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from difflib import get_close_matches
from functools import cache
from typing import TYPE_CHECKING, Any, Literal

from django.core.exceptions import FieldDoesNotExist

from .mapping.columns import columns_of

if TYPE_CHECKING:
    from .sync_model import SyncModel

__all__ = ["SyncAction", "SyncAnswer", "SyncChanges"]

SyncAction = Literal["create", "update", "delete", "undelete"]
"""What a device wants to do with a row."""

SyncAnswer = bool | Collection[str]
"""Yes, no, or the names of those fields that may be written."""


class SyncChanges(Mapping[str, Any]):
    """The fields that a device writes, by name, each with the value it would hold if that stood.

    Values are what an instance's attribute gives: of a foreign key the object, and under its column
    ("project_id") the key; of a many-to-many field, the frozenset of the keys. Asking for what is
    no field that syncs raises `FieldDoesNotExist`: a misspelt name must not let anything in.
    """

    __slots__ = ("_names", "_sets", "after")

    after: Any
    """The row with all of these values, not to be saved."""

    def __init__(
        self, after: SyncModel, names: Collection[str], sets: Mapping[str, frozenset[Any]]
    ) -> None:
        self.after = after
        self._names = frozenset(names)
        self._sets = sets

    def __getitem__(self, name: str) -> Any:
        if name not in self:
            raise KeyError(name)
        return self._sets[name] if name in self._sets else getattr(self.after, name)

    def __contains__(self, name: object) -> bool:
        return name in self._names or field_called(type(self.after), name) in self._names

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self._names))

    def __len__(self) -> int:
        return len(self._names)

    def __repr__(self) -> str:
        return f"SyncChanges({', '.join(self)})"


@cache
def is_asked(model: type[SyncModel]) -> bool:
    """Does the model, or one that it descends from, say who may write its rows?"""
    from .sync_model import SyncModel  # which writes rows, and so imports whoever asks this

    return model.can_sync is not SyncModel.can_sync


def field_called(model: type[SyncModel], name: object) -> str:
    """The field that syncs under this name, or under that of its column or attribute."""
    found = _names(model).get(str(name))
    if found is not None:
        return found
    fields = sorted(set(_names(model).values()))
    close = get_close_matches(str(name), fields, n=1)
    hint = f"Did you mean {close[0]!r}?" if close else f"There are: {', '.join(fields)}."
    raise FieldDoesNotExist(f"{model._meta.label} has no field {name!r} that syncs. {hint}")


@cache
def _names(model: type[SyncModel]) -> Mapping[str, str]:
    """What the fields that sync may be called, and what each of them is called in `columns_of`."""
    columns = columns_of(model).values()
    behind = {each: column.name for column in columns for each in column.concrete}
    names = {called: to for each, to in behind.items() for called in (each.name, each.attname)}
    return names | {column.name: column.name for column in columns}
