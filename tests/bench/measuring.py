"""Measuring: contestants take turns within one run; what is told are medians and ratios."""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

__all__ = ["Contestant", "Options", "Report", "Table", "Timing", "interleaved", "take_turns"]

Contestant = Callable[[], Callable[[], object]]
"""Prepares a round, untimed, and returns what is to be timed."""


@dataclass(frozen=True, slots=True)
class Options:
    """`rounds` of every measurement; `scale` is the fraction of the usual rows that is used."""

    rounds: int = 5
    scale: float = 1.0

    def rows(self, usual: int) -> int:
        """How many rows to use instead of the `usual` number."""
        return max(2, round(usual * self.scale))


@dataclass(frozen=True, slots=True)
class Timing:
    """What the rounds of one contestant took, in seconds."""

    seconds: tuple[float, ...]

    @property
    def median(self) -> float:
        """The middle round."""
        return statistics.median(self.seconds)

    @property
    def spread(self) -> float:
        """The noise: from the fastest round to the slowest, as a part of the median."""
        return (max(self.seconds) - min(self.seconds)) / self.median

    def ratio_to(self, other: Timing) -> float:
        """How many times as long as `other`."""
        return round(self.median / other.median, 2)


@dataclass(frozen=True, slots=True)
class Table:
    """Lines of cells under a heading."""

    title: str
    columns: tuple[str, ...]
    lines: Sequence[Sequence[object]]
    note: str = ""

    def __str__(self) -> str:
        cells = [list(self.columns), *([_cell(value) for value in line] for line in self.lines)]
        widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
        printed = [
            "  ".join(
                cell.rjust(width) if place else cell.ljust(width)
                for place, (cell, width) in enumerate(zip(line, widths, strict=True))
            ).rstrip()
            for line in cells
        ]
        rule = "-" * max(map(len, printed))
        end = [f"({self.note})"] if self.note else []
        return "\n".join([self.title, rule, printed[0], rule, *printed[1:], *end])


@dataclass(slots=True)
class Report:
    """What one benchmark found: figures for machines, tables for people."""

    figures: dict[str, Any] = field(default_factory=dict)
    tables: list[Table] = field(default_factory=list)


def interleaved(contestants: Mapping[str, Contestant], rounds: int) -> dict[str, Timing]:
    """Time every contestant once per round, each time another one first; the first round, in which
    caches fill, does not count.
    """
    names = list(contestants)
    seconds: dict[str, list[float]] = {name: [] for name in names}
    for turn in range(rounds + 1):
        first = turn % len(names)
        for name in names[first:] + names[:first]:
            work = contestants[name]()
            gc.collect()
            start = time.perf_counter()
            work()
            took = time.perf_counter() - start
            if turn:
                seconds[name].append(took)
    return {name: Timing(tuple(found)) for name, found in seconds.items()}


def take_turns(steps: Mapping[str, Callable[[int], object]], count: int) -> dict[str, Timing]:
    """Time single steps: `count` calls of each, with its number, in turns."""
    seconds: dict[str, list[float]] = {name: [] for name in steps}
    for number in range(count):
        for name, step in steps.items():
            start = time.perf_counter()
            step(number)
            seconds[name].append(time.perf_counter() - start)
    return {name: Timing(tuple(found)) for name, found in seconds.items()}


def _cell(value: object) -> str:
    if isinstance(value, float):
        return f"{value:,.2f}" if abs(value) < 100 else f"{value:,.0f}"
    return f"{value:,}" if isinstance(value, int) else str(value)
