"""What an instance has seen: the values it was loaded or last saved with.

Laws:

1. What an instance changed is the difference between its attributes and what it has seen.
2. What it has seen moves on only when the save that wrote it is committed. After a rollback, of the
   transaction or of a savepoint, the same instance's next save writes the same edit again.

A rollback tells nobody. But Django drops the `on_commit` callbacks that were registered inside what
was rolled back: a callback that neither ran nor is waiting belongs to a save that never was.
"""

from __future__ import annotations

import pickle
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, NamedTuple

from django.db import connections, models, router, transaction

from crdt.schema import MISSING

if TYPE_CHECKING:
    from ...sync_model import SyncModel

__all__ = [
    "Seen",
    "changed",
    "forget",
    "freeze",
    "note_all_saved",
    "note_loaded",
    "note_refreshed",
    "note_saved",
    "seen_by",
    "thaw",
    "without_saves",
]

Seen = dict[str, Any]
"""Frozen attribute values by attribute name; what is missing was deferred."""

_LOADED = "_pulse_loaded"
_SAVES = "_pulse_saves"


class _Commit:
    """Whether one save, or those of a whole batch, have been committed yet."""

    def __init__(self, using: str) -> None:
        self.using = using
        self.committed = False
        self.saves: list[_Save] = []
        """Those that have something to show afterwards."""

    def __call__(self) -> None:
        self.committed = True
        for save in self.saves:
            save.show()

    def stands(self) -> bool:
        """Was it committed, or can it still be?"""
        waiting = connections[self.using].run_on_commit
        return self.committed or any(callback is self for _, callback, *_ in waiting)


class _Save:
    """One save that may or may not have been committed yet."""

    __slots__ = ("_instance", "_merged", "commit", "seen")

    def __init__(self, commit: _Commit, instance: SyncModel, seen: Seen, merged: Seen) -> None:
        self.commit = commit
        self.seen = seen
        if merged:
            self._instance = instance
            self._merged = merged
            commit.saves.append(self)

    def show(self) -> None:
        """Committed: show what was merged, where the instance was not edited since."""
        columns = {f.attname: f for f in self._instance._meta.concrete_fields}
        for attname, value in self._merged.items():
            current = freeze(columns[attname], self._instance.__dict__.get(attname))
            if current == self.seen.get(attname):
                setattr(self._instance, attname, value)
                self.seen[attname] = freeze(columns[attname], value)


class _Pickled(NamedTuple):
    """A mutable value, frozen."""

    data: bytes


def freeze(field: models.Field[Any, Any], value: Any) -> Any:
    """A value that later changes of a mutable attribute cannot reach."""
    if isinstance(value, (str, int, float, type(None))):
        return value
    if isinstance(value, (memoryview, bytearray)):
        return bytes(value)
    if isinstance(value, models.fields.files.FieldFile):
        return value.name
    return _Pickled(pickle.dumps(value)) if field.attname in mutable_fields(field.model) else value


def thaw(frozen: Any) -> Any:
    """The value that was frozen."""
    return pickle.loads(frozen.data) if isinstance(frozen, _Pickled) else frozen  # noqa: S301


def note_loaded(instance: SyncModel, names: Iterable[str], values: Iterable[Any]) -> None:
    """The instance came from the database with these values (attribute names)."""
    fields = mutable_fields(type(instance))
    loaded = tuple(values)
    if fields:
        loaded = tuple(
            freeze(fields[name], value) if name in fields else value
            for name, value in zip(names, loaded, strict=True)
        )
    instance.__dict__[_LOADED] = (names, loaded)


def note_refreshed(instance: SyncModel, names: Iterable[str] | None) -> None:
    """These attributes (all, if None) were read from the database again.

    What was read after a save may be rolled back with it, and counts only as long as that stands.
    """
    seen = seen_by(instance) or {}
    read = {
        field.attname: freeze(field, instance.__dict__[field.attname])
        for field in instance._meta.concrete_fields
        if names is None or field.attname in names or field.name in names
        if field.attname in instance.__dict__
    }
    saves: list[_Save] = instance.__dict__.get(_SAVES, [])
    if not saves:
        _settle(instance, seen | read)
        return
    before, values = instance.__dict__.get(_LOADED, ((), ()))
    loaded = read | dict(zip(before, values, strict=True))  # which has what was deferred till now
    instance.__dict__[_LOADED] = (tuple(loaded), tuple(loaded.values()))
    commit = _Commit(saves[-1].commit.using)
    saves.append(_Save(commit, instance, seen | read, {}))
    transaction.on_commit(commit, using=commit.using)


def note_saved(
    instance: SyncModel, written: Iterable[str] | None, merged: Seen, using: str
) -> None:
    """The instance's attributes `written` (all, if None) were saved.

    `merged` is what the row's columns hold now. To be called inside the transaction that saved.
    """
    note_all_saved([(instance, written, merged)], using)


def note_all_saved(
    saved: Iterable[tuple[SyncModel, Iterable[str] | None, Seen]], using: str
) -> None:
    """The same for a batch, whose instances are of one model."""
    commit = _Commit(using)
    columns: dict[str, models.Field[Any, Any]] = {}
    for instance, written, merged in saved:
        columns = columns or {field.attname: field for field in instance._meta.concrete_fields}
        mutable, attributes = mutable_fields(type(instance)), instance.__dict__
        seen = dict(seen_by(instance) or {})
        for attname in columns if written is None else written:
            if attname in attributes:
                value = attributes[attname]
                seen[attname] = freeze(columns[attname], value) if attname in mutable else value
        attributes.setdefault(_SAVES, []).append(_Save(commit, instance, seen, merged))
    if columns:
        transaction.on_commit(commit, using=using)


def seen_by(instance: SyncModel, using: str | None = None) -> Seen | None:
    """What the instance has seen; None if it was neither loaded nor saved.

    What it saw in another database than `using` says nothing about that one, unless the router has
    the model's rows read there: then it is a replica.
    """
    here = instance._state.db
    if using is not None and here not in {None, using, router.db_for_read(type(instance))}:
        return None
    saves: list[_Save] = instance.__dict__.get(_SAVES, [])
    while saves:
        if not saves[-1].commit.stands():
            saves.pop()
            continue
        seen = saves[-1].seen
        if saves[-1].commit.committed:
            _settle(instance, seen)
        return seen
    loaded = instance.__dict__.get(_LOADED)
    if loaded is None:
        return None
    names, values = loaded
    return dict(zip(names, values, strict=True))


def forget(instance: SyncModel) -> None:
    """The instance stands for another row now."""
    instance.__dict__.pop(_LOADED, None)
    instance.__dict__.pop(_SAVES, None)


def without_saves(state: dict[str, Any]) -> dict[str, Any]:
    """An instance's state as it may be pickled: it has seen what it saved last and committed."""
    kept = {name: value for name, value in state.items() if name != _SAVES}
    for save in reversed(state.get(_SAVES, ())):
        if save.commit.committed:
            kept[_LOADED] = (tuple(save.seen), tuple(save.seen.values()))
            break
    return kept


def changed(instance: SyncModel, field: models.Field[Any, Any], seen: Seen) -> bool:
    """Does the attribute differ from what the instance has seen, or may it?"""
    if field.attname not in instance.__dict__:
        return False
    current = freeze(field, instance.__dict__[field.attname])
    before = seen.get(field.attname, MISSING)
    return type(current) is not type(before) or bool(current != before)


def mutable_fields(model: type[models.Model]) -> dict[str, models.Field[Any, Any]]:
    """The fields whose values can be changed in place, by attribute name."""
    found: dict[str, models.Field[Any, Any]] | None = model.__dict__.get("_pulse_mutable")
    if found is None:
        found = {
            field.attname: field
            for field in model._meta.concrete_fields
            if not isinstance(field, _IMMUTABLE)
        }
        model._pulse_mutable = found  # type: ignore[attr-defined]
    return found


_IMMUTABLE = (
    models.AutoField, models.BooleanField, models.CharField, models.DateField,
    models.DecimalField, models.DurationField, models.FloatField, models.ForeignKey,
    models.IntegerField, models.TextField, models.TimeField, models.UUIDField,
    models.GenericIPAddressField,
)  # fmt: skip


def _settle(instance: SyncModel, seen: Seen) -> None:
    instance.__dict__[_LOADED] = (tuple(seen), tuple(seen.values()))
    instance.__dict__.pop(_SAVES, None)
