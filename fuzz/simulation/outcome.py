"""What became of a simulation, on its way from the process that ran it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

__all__ = ["Outcome"]


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
