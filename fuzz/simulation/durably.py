"""Edits on devices, each noted as soon as it is in its device's store."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from crdt.messages import Key

from .scenery import Scenery

__all__ = ["Noted", "durably", "write"]

Noted = Callable[[], None]
"""What the ledger says once an edit is durable."""


def durably(scenery: Scenery, device: Any, act: Callable[[], Any], note: Noted) -> None:
    """Do it, and note it as soon as it is in the store: also if the device dies just then."""
    before = device.store.writes
    try:
        act()
    finally:
        if device.store.writes > before:
            note()
            if device.skew_ms + (device.replica._shelf.standing.offset or 0):
                scenery.ledger.clock_is_wrong(device.replica._shelf.pending)


def write(scenery: Scenery, device: Any, key: Key, values: dict[str, Any], note: Noted) -> None:
    """Write fields of a row."""
    durably(scenery, device, lambda: device.replica.set(key.model, key.id, **values), note)
