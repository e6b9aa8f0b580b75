"""Fetch modes (Django 6.1): deferred columns of many instances that are read by one query.

Django reads the column of one instance by its `refresh_from_db`, but that of its peers past them,
so that only the fetch mode sees what was read and is no edit.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db.models.query_utils import DeferredAttribute

from . import seen

try:
    from django.db.models.fetch_modes import FetchPeers
except ImportError:  # Django 5.2 has one mode, which reads one instance
    FetchPeers = object  # type: ignore[assignment,misc]

if TYPE_CHECKING:
    from ...sync_model import SyncModel

__all__ = ["watch_fetches"]


class _WatchedPeers(FetchPeers):
    """Reads as Django's does, and notes on each instance what was read."""

    __slots__ = ()

    def fetch(self, fetcher: Any, instance: Any) -> None:
        if not isinstance(fetcher, DeferredAttribute) or not hasattr(type(instance), "_sync"):
            super().fetch(fetcher, instance)  # a related row, or one that does not sync
            return
        name = fetcher.field.attname
        peers = [peer for reference in instance._state.peers if (peer := reference()) is not None]
        lacking = [peer for peer in peers if name not in peer.__dict__]
        super().fetch(fetcher, instance)
        for peer in lacking:
            if name in peer.__dict__:
                seen.note_refreshed(peer, [name])

    def __reduce__(self) -> str:
        return "_WATCHED_PEERS"


_WATCHED_PEERS = _WatchedPeers()


def watch_fetches(instance: SyncModel) -> None:
    """Have what is read for many instances at once noted on each; to be called when it is loaded.

    Nothing to do, and nothing done, in any other fetch mode.
    """
    state: Any = instance._state
    if state.fetch_mode.track_peers:
        state.fetch_mode = _WATCHED_PEERS
