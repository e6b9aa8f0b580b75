"""Moments in which several things go wrong at once: chance alone brings them about too seldom."""

from __future__ import annotations

from typing import Any, Final

from . import device_acts, network_acts, server_acts
from .scenery import ACCOUNT, Scenery

__all__ = ["correct_clock", "forget", "lapse"]

LONG_MS: Final = 120_000
"""Milliseconds after which what was deleted is forgotten."""

FRAMES: Final = 10
"""Frames between a device and the server that pass in one go, either way."""

EDITS: Final = 3
"""Edits of a row that its device has just sent."""


def forget(scenery: Scenery, device: Any) -> None:
    """Delete a row of which a device has edits that wait, and forget it before it tells them."""
    waiting = [key.id for key in device.replica._shelf.pending]
    for model in (scenery.bank.account, scenery.bank.memo) if waiting else ():
        row = model.objects.filter(sync_id__in=waiting).order_by("sync_id").first()
        if row is not None:
            server_acts.delete(scenery, row)
            scenery.clock.advance(LONG_MS)
            server_acts.purge(scenery)
            return


def lapse(scenery: Scenery, device: Any) -> None:
    """A user who is pushing loses access to the row by mistake; his connection breaks, and he has
    access again before what he sent over it arrives.
    """
    waiting = [key.id for key in device.replica._shelf.pending if key.model == ACCOUNT]
    seen = scenery.bank.account.objects.filter(branch__members=device.user, sync_id__in=waiting)
    row = seen.order_by("sync_id").first() if waiting and device.line is not None else None
    if row is None:
        return
    network_acts.flush(scenery, device)
    row.branch.members.remove(device.user)
    scenery.counts["access revoked"] += 1
    for _ in range(FRAMES):
        network_acts.deliver_down(scenery, device)
    network_acts.give_up(scenery, device, 1)
    row.branch.members.add(device.user)


def correct_clock(scenery: Scenery, device: Any) -> None:
    """A device whose clock is ahead sends a row, edits it further, and is told the time only then:
    when it connects again.
    """
    if device.line is None:
        return
    scenery.ledger.clock_is_wrong(device.replica._shelf.pending)
    scenery.counts["clock wrong"] += 1
    device.skew_ms = 3_600_000
    device_acts.create(scenery, device)
    _talk(scenery, device)
    newest = scenery.newest.get(device.number)
    for _ in range(EDITS):
        row = None if newest is None else device.replica.get(*newest)
        device_acts.edit_row(scenery, device, row)
    network_acts.give_up(scenery, device)


def _talk(scenery: Scenery, device: Any) -> None:
    network_acts.flush(scenery, device)
    for _ in range(FRAMES):
        network_acts.deliver_up(scenery, device)
        network_acts.deliver_down(scenery, device)
