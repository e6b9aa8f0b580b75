"""One line of progress, rewritten in place, for commands that take long."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TextIO

__all__ = ["Progress"]

SECONDS_BETWEEN = 0.2
"""Seconds between two writings of the line: more often nobody can read it."""


class Progress:
    """How far `label` has come, out of `total`; says nothing where nobody looks (no terminal)."""

    def __init__(
        self,
        stream: TextIO,
        label: str,
        total: int,
        *,
        shown: bool = True,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._stream = stream
        self._label = label
        self._total = total
        self._shown = shown and stream.isatty()
        self._now = now
        self._began = now()
        self._written = float("-inf")
        self.done = 0

    @property
    def rate(self) -> float:
        """How many per second, so far."""
        return self.done / max(self._now() - self._began, 1e-6)

    def advance(self, count: int) -> None:
        """So many more are done."""
        self.done += count
        if self._shown and self._now() - self._written >= SECONDS_BETWEEN:
            self._written = self._now()
            self._stream.write(f"\r\x1b[K{self}")
            self._stream.flush()

    def finish(self) -> None:
        """Take the line away: what follows tells more."""
        if self._shown:
            self._stream.write("\r\x1b[K")
            self._stream.flush()

    def __str__(self) -> str:
        share = 100 * self.done // max(self._total, self.done, 1)
        left = max(self._total - self.done, 0) / max(self.rate, 1e-6)
        return (
            f"{self._label}  {self.done:,} of {self._total:,} ({share}%)  "
            f"{self.rate:,.0f}/s  {_clock(left)} left"
        )


def _clock(seconds: float) -> str:
    minutes, seconds = divmod(min(int(seconds), 359_999), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"
