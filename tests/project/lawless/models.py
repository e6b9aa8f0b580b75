"""Models whose merge rules break a law each, for the kit to find."""

from __future__ import annotations

import random
import time
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db import models

from crdt import Live, MergeRule, Write
from django_pulse.models import SyncModel

__all__ = ["Chance", "Halved", "Judged", "RunningAverage", "ThisHour", "Ticking"]


class AverageSoFar(MergeRule):
    """Remembers what it read before."""

    name = "average-so-far"

    def __init__(self) -> None:
        self.seen: list[int] = []

    def read(self, live: Sequence[Live]) -> Any:
        self.seen += [entry.value for entry in live if entry.value is not None]
        return sum(self.seen) // len(self.seen) if self.seen else None


class RunningAverage(MergeRule):
    """Goes by the order of the entries."""

    name = "running-average"

    def read(self, live: Sequence[Live]) -> Any:
        average: int = live[0].value or 0
        for entry in live[1:]:
            average = (average + (entry.value or 0)) // 2
        return average


class WriteAverage(MergeRule):
    """Writes something else than what it was told to."""

    name = "write-average"

    def write(self, live: Sequence[Live], old: Any, new: Any) -> list[Write]:
        middle = (old + new) // 2 if isinstance(old, int) and isinstance(new, int) else new
        return [Write(middle, tuple(entry.dot for entry in live))]

    def read(self, live: Sequence[Live]) -> Any:
        return max(live, key=lambda entry: (entry.stamp, entry.dot)).value


class EvenSeconds(MergeRule):
    """Asks a clock."""

    name = "even-seconds"

    def read(self, live: Sequence[Live]) -> Any:
        ranked = sorted(live, key=lambda entry: entry.dot)
        return ranked[0 if int(time.time()) % 2 else -1].value


class ThisHour(MergeRule):
    """Asks another clock."""

    name = "this-hour"

    def read(self, live: Sequence[Live]) -> Any:
        ranked = sorted(live, key=lambda entry: entry.dot)
        return ranked[datetime.now().hour % len(ranked)].value  # noqa: DTZ005 - what is wrong with it


class Chance(MergeRule):
    """Throws dice."""

    name = "chance"

    def read(self, live: Sequence[Live]) -> Any:
        return random.choice(sorted(live, key=lambda entry: entry.dot)).value


class Judged(SyncModel):
    score = models.IntegerField(default=0)

    class Sync:
        merge = {"score": AverageSoFar()}

    def __str__(self) -> str:
        return str(self.score)


class Halved(SyncModel):
    score = models.IntegerField(default=0)

    class Sync:
        merge = {"score": WriteAverage()}

    def __str__(self) -> str:
        return str(self.score)


class Ticking(SyncModel):
    score = models.IntegerField(default=0)

    class Sync:
        merge = {"score": EvenSeconds()}

    def __str__(self) -> str:
        return str(self.score)
