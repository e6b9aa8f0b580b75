"""One simulation, from its seed: the same seed is the same run, bit for bit."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from contextlib import ExitStack
from random import Random
from typing import Any, Final
from unittest import mock

from ..world import Device
from . import device_acts, moments, network_acts, server_acts
from .faults import Crash, server_is_up
from .final import check, exchange, settle
from .outcome import DEVICE_POINTS, Outcome
from .project import begin_anew
from .scenery import Scenery, Violation

__all__ = ["simulate"]

FIRST_ROWS: Final = 4
"""Rows that a run begins with."""

PANIC: Final = "PanicException"
"""What pycrdt raises where its own code fails: no `Exception`."""

LOG_LINES: Final = 25
"""Lines of the log that a failure shows: what happened last."""


def simulate(seed: int, clients: int, steps: int) -> Outcome:
    """Run the simulation that `seed` stands for; `project.set_up` comes first."""
    from django.contrib.auth import get_user_model

    bank = begin_anew()
    users = list(get_user_model().objects.order_by("pk"))
    scenery = Scenery(seed, clients, bank, users)
    failure = None
    with ExitStack() as stack:
        stack.enter_context(scenery.clock.ruling())
        stack.enter_context(mock.patch.object(time, "sleep", _sleeper(scenery)))
        stack.enter_context(mock.patch.object(time, "monotonic", _seconds(scenery)))
        # What nobody is to guess may come from the seed here: the ids of outcomes.
        drawn = Random(f"secrets/{seed}")
        stack.enter_context(mock.patch.object(secrets, "randbits", drawn.getrandbits))
        stack.enter_context(scenery.server.serving())
        stack.enter_context(scenery.faults.on_the_server())
        stack.enter_context(scenery.observer.watching())
        try:
            _begin(scenery)
            _run(scenery, steps)
            settle(scenery)
            check(scenery)
        except Violation as violation:
            failure = str(violation)
        except BaseException as error:  # whatever it is, it was not to happen
            if not (isinstance(error, Exception) or type(error).__name__ == PANIC):
                raise
            failure = f"{type(error).__name__}: {error}"
            scenery.log += _trace(error)
    return Outcome(
        seed,
        scenery.digest.hexdigest(),
        scenery.counts,
        scenery.faults.reached,
        scenery.faults.struck,
        scenery.pairs,
        scenery.observer.checks,
        failure,
        scenery.log[-LOG_LINES:] if failure else [],
    )


def _begin(scenery: Scenery) -> None:
    """There are rows, and most devices have them."""
    for _ in range(FIRST_ROWS):
        server_acts.make(scenery)
    for device in scenery.devices[1:]:
        device.connect(scenery.server)
        exchange(scenery, device)


def _run(scenery: Scenery, steps: int) -> None:
    deploys = scenery.random.randrange(steps * 2)
    for scenery.step in range(1, steps + 1):
        scenery.clock.advance(scenery.random.choice((0, 1, 20, 500, 4_000)))
        scenery.note_what_waits()
        if scenery.step == deploys:
            scenery.tell("release")
            scenery.counts["release deployed"] += 1
            with scenery.faults.resting():
                for device in scenery.devices:  # some of it arrives when the names are others
                    device_acts.write_what_changes(scenery, device)
                    scenery.clock.advance(1)
            _server_ends(scenery)
            with scenery.faults.resting():
                server_acts.release(scenery)
            continue
        name, act = scenery.random.choices(_ACTS, _WEIGHTS)[0]
        device = scenery.random.choice(scenery.devices)
        scenery.tell(name, device.name)
        try:
            act(scenery, device)
        except Crash as crash:
            scenery.tell(f"crash {crash}", device.name)
            if str(crash) in DEVICE_POINTS:
                _device_dies(scenery, device)
            else:
                _server_dies(scenery)


# Chance


def _network(scenery: Scenery, device: Device) -> None:
    """Whatever waits for this device, or for the server from it, passes: some of it."""
    acts = (
        network_acts.deliver_up,
        network_acts.deliver_up,
        network_acts.deliver_down,
        network_acts.deliver_down,
        network_acts.deliver_hint,
    )
    reachable = scenery.reachable()
    if device not in reachable:
        return
    if device.line is None:
        network_acts.connect(scenery, device)
    for _ in range(scenery.random.randint(2, 8)):
        if not scenery.random.choice(acts)(scenery, device):
            network_acts.flush(scenery, device)


def _late(scenery: Scenery, device: Device) -> None:
    network_acts.deliver_late(scenery)


def _of_server(act: Callable[[Scenery], Any]) -> Callable[[Scenery, Device], None]:
    def acting(scenery: Scenery, device: Device) -> None:
        act(scenery)

    return acting


def _arm_device(scenery: Scenery, device: Device) -> None:
    point = scenery.random.choice(DEVICE_POINTS)
    scenery.faults.arm(point, scenery.random.randint(0, 3))


def _jump(scenery: Scenery, device: Device) -> None:
    """Everybody sleeps for a while."""
    scenery.counts["clock jump"] += 1
    scenery.clock.advance(scenery.random.choice((60_000, 3_600_000)))


def _observe(scenery: Scenery, device: Device) -> None:
    for wrong in (
        scenery.observer.caught_up(device),
        scenery.observer.acked(scenery.devices),
    ):
        if wrong is not None:
            raise Violation(wrong)


def _restart(scenery: Scenery, device: Device) -> None:
    _device_dies(scenery, device)


_TABLE: Final[tuple[tuple[int, str, Callable[[Scenery, Any], Any]], ...]] = (
    (70, "network", _network),
    (30, "edit", device_acts.edit),
    (8, "create", device_acts.create),
    (2, "delete", device_acts.delete),
    (6, "flush", network_acts.flush),
    (5, "ping", network_acts.ping),
    (3, "cut", network_acts.cut),
    (5, "late", _late),
    (1, "partition", _of_server(network_acts.partition)),
    (3, "save", _of_server(server_acts.save)),
    (3, "save stale", _of_server(server_acts.save_stale)),
    (2, "update", _of_server(server_acts.update)),
    (2, "make", _of_server(server_acts.make)),
    (1, "remove", _of_server(server_acts.remove)),
    (5, "join or leave", _of_server(server_acts.join_or_leave)),
    (2, "subscribe", device_acts.subscribe),
    (2, "hang", _of_server(server_acts.hang)),
    (4, "free", _of_server(server_acts.free)),
    (1, "forget", moments.forget),
    (1, "lapse", moments.lapse),
    (1, "correct clock", moments.correct_clock),
    (1, "purge", _of_server(server_acts.purge)),
    (3, "arm server", _of_server(server_acts.arm)),
    (4, "arm device", _arm_device),
    (1, "restart", _restart),
    (2, "set clock", device_acts.set_clock),
    (1, "jump", _jump),
    (3, "observe", _observe),
)
_WEIGHTS: Final = tuple(weight for weight, _, _ in _TABLE)
_ACTS: Final = tuple((name, act) for _, name, act in _TABLE)


# Deaths


def _device_dies(scenery: Scenery, device: Device) -> None:
    line = device.line
    with scenery.faults.resting():  # who starts does not die at once
        device.restart()
    if line is not None:
        scenery.server.lines.discard(line)
    wrong = scenery.observer.restarted(device)
    if wrong is not None:
        raise Violation(wrong)


def _server_dies(scenery: Scenery) -> None:
    server_is_up()
    _server_ends(scenery)
    wrong = scenery.observer.acked(scenery.devices)
    if wrong is not None:
        raise Violation(wrong)


def _server_ends(scenery: Scenery) -> None:
    """Every connection ends; what was on its way to a device may still arrive there."""
    for line in tuple(scenery.server.lines):
        scenery.server.lines.discard(line)
    scenery.ghosts.clear()
    for device in scenery.devices:
        if device.line is None:
            continue
        with scenery.faults.resting():
            while device.line.down and scenery.random.random() < 0.5:
                network_acts.deliver_down(scenery, device)
        scenery.lost(device.cut())


def _sleeper(scenery: Scenery) -> Callable[[float], None]:
    def sleep(seconds: float) -> None:
        scenery.clock.advance(int(seconds * 1_000))

    return sleep


def _seconds(scenery: Scenery) -> Callable[[], float]:
    def monotonic() -> float:
        return scenery.clock.now_ms / 1_000

    return monotonic


def _trace(error: BaseException) -> list[str]:
    import traceback

    return traceback.format_exception(error)[-6:]
