"""Renames: what the migrations that were just run call differently."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from django.db.migrations.operations import RenameField, RenameModel, SeparateDatabaseAndState

from .names import KnownField, KnownModel, called_last

__all__ = ["Rename", "renamed", "renames_of"]


@dataclass(frozen=True, slots=True)
class Rename:
    """`label` is the model's at the time; without a field it is the model that was renamed."""

    label: str
    field: str | None
    new: str


def renames_of(plan: Iterable[tuple[Any, bool]]) -> list[Rename]:
    """The renames in a plan as `post_migrate` gives it: and whether each was undone."""
    return [
        rename
        for migration, undone in plan
        for rename in _of_operations(migration.app_label, migration.operations, undone)
    ]


def renamed(known: Sequence[KnownModel], renames: Iterable[Rename]) -> list[KnownModel]:
    """What is known after the renames; those of what is not known mean nothing."""
    found = list(known)
    for rename in renames:
        if rename.field is None:
            found = _called(found, rename.label, rename.new)
            continue
        for place, model in enumerate(found):
            if model.names[-1] == rename.label:
                fields = tuple(_called(model.fields, rename.field, rename.new))
                found[place] = replace(model, fields=fields)
    return found


def _of_operations(app: str, operations: Sequence[Any], undone: bool) -> Iterator[Rename]:
    for operation in reversed(operations) if undone else operations:
        if isinstance(operation, SeparateDatabaseAndState):
            yield from _of_operations(app, operation.state_operations, undone)
        elif isinstance(operation, RenameModel):
            old, new = operation.old_name_lower, operation.new_name_lower
            old, new = (new, old) if undone else (old, new)
            yield Rename(f"{app}.{old}", None, f"{app}.{new}")
        elif isinstance(operation, RenameField):
            old, new = operation.old_name, operation.new_name
            old, new = (new, old) if undone else (old, new)
            yield Rename(f"{app}.{operation.model_name_lower}", old, new)


K = TypeVar("K", KnownField, KnownModel)


def _called(known: Iterable[K], old: str, new: str) -> list[K]:
    """What was called `old` is called `new`, and nothing else is."""
    known = list(known)
    if all(each.names[-1] != old for each in known):
        return known
    return [replace(each, names=_after(each.names, old, new)) for each in known]


def _after(names: tuple[str, ...], old: str, new: str) -> tuple[str, ...]:
    if names[-1] == old:
        return called_last(names, new)
    return (*names, "") if names[-1] == new else names
