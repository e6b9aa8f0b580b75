"""Moments in which several things go wrong at once: chance alone brings them about too seldom."""

from __future__ import annotations

from typing import Any, Final

from . import device_acts, network_acts, server_acts
from .scenery import MEMO, Scenery

__all__ = ["correct_clock", "forget", "lapse"]

LONG_MS: Final = 120_000
"""Milliseconds after which what was deleted is forgotten."""

FRAMES: Final = 10
"""Frames between a device and the server that pass in one go, either way."""

EDITS: Final = 3
"""Edits of a row that its device has just sent."""


def forget(scenery: Scenery, device: Any) -> None:
    """A row is deleted, and forgotten, while a device is away; it edits the row in the middle of
    what it is told when it is back.
    """
    row = device_acts.row_on(scenery, device)
    model = scenery.bank.memo if row is not None and row.model == MEMO else scenery.bank.account
    found = None if row is None else model.objects.filter(sync_id=row.id).first()
    if row is None or found is None:
        return
    network_acts.give_up(scenery, device)
    server_acts.delete(scenery, found)
    scenery.clock.advance(LONG_MS)
    server_acts.purge(scenery)
    network_acts.connect(scenery, device)
    _talk(scenery, device, scenery.random.randint(1, FRAMES))
    device_acts.edit_row(scenery, device, device.replica.get(row.model, row.id))


def lapse(scenery: Scenery, device: Any) -> None:
    """A user who is pushing loses access to the row by mistake; his connection breaks, and he has
    access again, and reads, before what he sent over it arrives.
    """
    if device.line is None or device.line.is_closed:
        network_acts.connect(scenery, device)
    _talk(scenery, device, FRAMES)
    here = device_acts.row_on(scenery, device)
    seen = scenery.bank.account.objects.filter(branch__members=device.user)
    row = None if here is None else seen.filter(sync_id=here.id).first()
    if here is None or row is None:
        return
    for _ in range(EDITS):
        device_acts.edit_row(scenery, device, device.replica.get(here.model, here.id))
    network_acts.flush(scenery, device)
    row.branch.members.remove(device.user)
    scenery.counts["access revoked"] += 1
    while network_acts.deliver_down(scenery, device):
        pass
    network_acts.give_up(scenery, device, 1)
    row.branch.members.add(device.user)
    network_acts.connect(scenery, device)
    _talk(scenery, device, FRAMES)
    for _ in range(FRAMES):
        network_acts.deliver_late(scenery)


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
    _talk(scenery, device, FRAMES)
    newest = scenery.newest.get(device.number)
    for _ in range(EDITS):
        row = None if newest is None else device.replica.get(*newest)
        device_acts.edit_row(scenery, device, row)
    network_acts.give_up(scenery, device)


def _talk(scenery: Scenery, device: Any, frames: int) -> None:
    for _ in range(frames):
        network_acts.flush(scenery, device)
        network_acts.deliver_up(scenery, device)
        network_acts.deliver_down(scenery, device)
