"""Time that moves when told to."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Final
from unittest import mock

from django.utils import timezone

__all__ = ["BEGIN_MS", "Clock"]

BEGIN_MS: Final = 1_767_261_600_000
"""Milliseconds since 1970 at which every history begins: 10:00 UTC on New Year's Day, 2026."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class Clock:
    """The server's clock, in milliseconds since 1970."""

    def __init__(self, now_ms: int = BEGIN_MS) -> None:
        self.now_ms = now_ms

    def advance(self, milliseconds: int) -> None:
        """So much time passes."""
        self.now_ms += milliseconds

    def moment(self) -> datetime:
        """The time as Django sees it."""
        return _EPOCH + timedelta(milliseconds=self.now_ms)

    def _nanoseconds(self) -> int:
        return self.now_ms * 1_000_000

    def _seconds(self) -> float:
        return self.now_ms / 1_000

    @contextmanager
    def ruling(self) -> Iterator[None]:
        """The write path and the feed go by this clock, what Django writes itself, and a merge rule
        that asks one: so its wrong is done again when a history is played again.
        """
        with (
            mock.patch.object(time, "time", self._seconds),
            mock.patch.object(time, "time_ns", self._nanoseconds),
            mock.patch.object(timezone, "now", self.moment),
        ):
            yield
