"""Noting which rows Django is about to delete; see `deleting`, which writes their tombstones.

Django's collector sends `pre_delete` for every row before it deletes any. Deletions may nest: a
receiver deletes something else. So notes are kept for each origin, the instance or queryset whose
deletion was asked for, and go with it where a deletion fails between its two signals.
"""

from __future__ import annotations

import threading
import weakref
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from uuid import UUID

if TYPE_CHECKING:
    from ..sync_model import SyncModel

__all__ = ["already_told", "before_delete", "being_deleted", "note_written", "take_noted"]

Noted = dict[tuple[str, type["SyncModel"]], set[UUID]]
"""The rows about to be deleted, by database and by the class that Django deletes them as."""


class _Deletions(threading.local):
    """What is being deleted in this thread."""

    def __init__(self) -> None:
        self.noted: dict[int, tuple[Any, Noted]] = {}
        self.told: set[UUID] = set()
        self.written: set[UUID] = set()


_deletions = _Deletions()


@contextmanager
def already_told(ids: set[UUID]) -> Iterator[set[UUID]]:
    """Delete rows whose documents say so already: a device deleted them. Gives those of them to
    whose documents receivers wrote meanwhile.
    """
    before = _deletions.told, _deletions.written
    _deletions.told, _deletions.written = ids, set()
    try:
        yield _deletions.written
    finally:
        _deletions.told, _deletions.written = before


def note_written(ids: Iterable[UUID]) -> None:
    """These documents are written: of rows that are being deleted by devices, that is noted."""
    if _deletions.told:
        _deletions.written.update(_deletions.told.intersection(ids))


def before_delete(
    sender: type[SyncModel], instance: SyncModel, using: str, origin: Any = None, **kwargs: Any
) -> None:
    """Note a row that is about to be deleted."""
    if instance.sync_id not in _deletions.told:
        _noted(origin).setdefault((using, sender), set()).add(instance.sync_id)


def take_noted(sender: type[SyncModel], using: str, origin: Any) -> set[UUID]:
    """The rows of this class noted so far; they are not noted any more."""
    _, noted = _deletions.noted.get(id(origin), (None, {}))
    return noted.pop((using, sender), set())


def being_deleted(using: str) -> set[UUID]:
    """The rows that this thread is deleting from a database, for the ORM or for a device."""
    # A copy: what is collected meanwhile takes its notes with it.
    noted = [each for _, each in tuple(_deletions.noted.values())]
    ids = {i for each in noted for (alias, _), ids in each.items() if alias == using for i in ids}
    return ids | _deletions.told


def _noted(origin: Any) -> Noted:
    found = _deletions.noted.get(id(origin))
    if found is None:
        found = _deletions.noted[id(origin)] = (_reference(origin), {})
    return found[1]


def _reference(origin: Any) -> Any:
    """What forgets the notes of an origin that is no more, before its id is another's."""
    if origin is None:
        return None
    noted, key = _deletions.noted, id(origin)
    return weakref.ref(origin, lambda _: noted.pop(key, None))
