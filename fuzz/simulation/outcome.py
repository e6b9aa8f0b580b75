"""What became of a simulation, on its way from the process that ran it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

__all__ = ["NETWORK", "OTHERS", "POINTS", "Outcome", "faults"]

SERVER_POINTS: Final = tuple(
    f"{when} {what}"
    for what in ("store", "commit", "stamp", "broadcast", "ack")
    for when in ("before", "after")
)
DEVICE_POINTS: Final = ("before write", "after write", "before send", "after send")

POINTS: Final = (*SERVER_POINTS, *DEVICE_POINTS)
"""The fault points, at which processes are killed: the server's, and those of devices."""

NETWORK: Final = (
    "frame delayed",
    "frame after a break",
    "frame lost",
    "hint reordered",
    "hint doubled",
    "hint lost",
    "call lost",
    "device cut off",
)
"""What the network does wrong. Frames are those of a connection; hints go to all connections."""

OTHERS: Final = ("clock wrong", "clock jump", "access revoked", "release deployed")
"""What else goes wrong."""


@dataclass(slots=True)
class Outcome:
    """What became of one simulation."""

    seed: int
    digest: str
    counts: Counter[str]
    reached: Counter[str]
    struck: Counter[str]
    pairs: set[tuple[str, str]]
    checks: int
    failure: str | None = None
    log: list[str] = field(default_factory=list)


def faults(outcomes: Iterable[Outcome]) -> dict[str, int]:
    """How often each kind of fault was injected; 0 for those that never were."""
    counts = Counter[str]()
    for each in outcomes:
        counts.update(each.counts)
        counts.update({f"killed {point}": times for point, times in each.struck.items()})
    kinds = (*(f"killed {point}" for point in POINTS), *NETWORK, *OTHERS)
    return {kind: counts[kind] for kind in kinds}
