"""What the network does: it delivers, late and in another order, twice or never."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from crdt import RemoteFault
from crdt.frames import decode
from crdt.messages import Key, Push

from .faults import Crash
from .scenery import Scenery, Violation

__all__ = ["connect", "cut", "deliver_down", "deliver_hint", "deliver_late", "deliver_up", "flush"]
__all__ += ["give_up", "outlived", "partition", "ping"]


def connect(scenery: Scenery, device: Any) -> None:
    """Open a connection; what the server does not know to be broken stays as it is."""
    give_up(scenery, device)
    device.connect(scenery.server)
    scenery.faults.reach("after send")


def cut(scenery: Scenery, device: Any) -> None:
    """The connection breaks off, with all that is on its way down; often just as it is used."""
    if scenery.random.random() < 0.5:
        flush(scenery, device)
    give_up(scenery, device)


def flush(scenery: Scenery, device: Any) -> None:
    """The device sends what it has to say."""
    if device.line is not None:
        scenery.faults.reach("before send")
        device.say()
        scenery.faults.reach("after send")


def ping(scenery: Scenery, device: Any) -> None:
    """The timer of the device rings: it asks whether there is news, and tries again."""
    if device.line is not None and device.replica.schemas:
        device.replica.retry()
        device.line.up.append(device.replica.ping())


def deliver_up(scenery: Scenery, device: Any) -> bool:
    """A frame reaches the server."""
    line = device.line
    if line is None or not line.up:
        return False
    if line.is_closed:
        give_up(scenery, device)
        return True
    frame = line.up.popleft()
    scenery.passed(frame, line.up)
    line.take(frame)
    return True


def deliver_down(scenery: Scenery, device: Any) -> bool:
    """A frame reaches the device."""
    line = device.line
    if line is None or not line.down:
        return False
    frame = line.down.popleft()
    scenery.passed(frame, line.down)
    hear(scenery, device, frame)
    return True


def hear(scenery: Scenery, device: Any, frame: bytes) -> None:
    """The device takes a frame, and is watched at it."""
    try:
        events = device.replica.receive(frame)
    except Crash:
        scenery.observer.interrupted(device)
        raise
    except RemoteFault as fault:
        raise Violation(f"{device.name} cannot use what the server sent: {fault}") from fault
    wrong = scenery.observer.heard(device, events)
    if wrong is not None:
        raise Violation(wrong)


def deliver_hint(scenery: Scenery, device: Any) -> bool:
    """A hint reaches the session: any of those that wait, twice perhaps, or it is lost."""
    line = device.line
    if line is None or not line.hints or line.is_closed:
        return False
    place = scenery.random.randrange(len(line.hints))
    fate = scenery.random.random()
    if place:
        scenery.counts["hint reordered"] += 1
    if fate < 0.15:
        scenery.counts["hint lost"] += 1
        del line.hints[place]
    elif fate < 0.3:
        scenery.counts["hint doubled"] += 1
        line.relay(line.hints[place])
    else:
        hint = line.hints[place]
        del line.hints[place]
        line.relay(hint)
    return True


def deliver_late(scenery: Scenery) -> bool:
    """What a device sent over a connection that it gave up reaches the server after all: unless
    that was too long ago.
    """
    if not scenery.ghosts:
        return False
    place = scenery.random.randrange(len(scenery.ghosts))
    line = scenery.ghosts[place]
    if not line.up or line.is_closed or outlived(line.up[0], scenery.forgotten):
        scenery.server.lines.discard(line)
        del scenery.ghosts[place]
        return False
    scenery.counts["frame after a break"] += 1
    frame = line.up.popleft()
    scenery.passed(frame)
    line.take(frame)
    return True


def outlived(frame: bytes, forgotten: Collection[Key]) -> bool:
    """Is a frame later than any network is? It is the first push of a row, and the row was taken
    from another, deleted and forgotten since, which takes months.

    Such a push says that its device heard nothing of the row: nobody could tell it from a new one.
    Whatever its device sends again says more.
    """
    message = decode(frame)
    items = message.items if isinstance(message, Push) else ()
    return any(item.seen is None and item.key in forgotten for item in items)


def partition(scenery: Scenery) -> None:
    """Some devices are not reached for a while."""
    for number in range(len(scenery.devices)):
        if scenery.random.random() < 0.4:
            scenery.counts["device cut off"] += 1
            scenery.partitioned[number] = scenery.step + scenery.random.randint(3, 20)


def give_up(scenery: Scenery, device: Any, chance: float = 0.6) -> None:
    """The device gives up its connection; so probably the network does not, of what is on its way
    to the server.
    """
    line = device.cut()
    if line is None:
        return
    goes_on = bool(line.up) and not line.is_closed and scenery.random.random() < chance
    scenery.lost(line, goes_on=goes_on)
    if goes_on:
        scenery.ghosts.append(line)
    else:
        scenery.server.lines.discard(line)
