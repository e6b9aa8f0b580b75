"""Noting which rows Django is about to delete; see `deleting`, which writes their tombstones."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from uuid import UUID

if TYPE_CHECKING:
    from ..sync_model import SyncModel

__all__ = ["already_told", "before_delete", "take_noted"]

Noted = dict[tuple[str, type["SyncModel"]], set[UUID]]
"""The rows about to be deleted, by database and model."""


class _Deletions(threading.local):
    """What is being deleted in this thread."""

    def __init__(self) -> None:
        self.origin: Any = None
        self.noted: Noted = {}
        self.told: set[UUID] = set()


_deletions = _Deletions()


@contextmanager
def already_told(ids: set[UUID]) -> Iterator[None]:
    """Delete rows whose documents say so already: a device deleted them."""
    _deletions.told = ids
    try:
        yield
    finally:
        _deletions.told = set()


def before_delete(
    sender: type[SyncModel], instance: SyncModel, using: str, origin: Any = None, **kwargs: Any
) -> None:
    """Note a row that is about to be deleted."""
    if _deletions.origin is not origin:  # an earlier deletion failed between its two signals
        _deletions.origin, _deletions.noted = origin, {}
    if instance.sync_id not in _deletions.told:
        model: Any = instance._meta.concrete_model or sender
        _deletions.noted.setdefault((using, model), set()).add(instance.sync_id)


def take_noted() -> Noted:
    """The rows noted so far; they are not noted any more."""
    noted, _deletions.noted = _deletions.noted, {}
    return noted
