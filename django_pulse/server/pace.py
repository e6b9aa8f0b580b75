"""How fast one socket is served: a token bucket (Turner, "New directions in communications", 1986).

The answer to a socket that sends too fast is to read it more slowly, which TCP passes on to the
sender. Nobody is refused, and a burst after a long time offline is served at once.
"""

from __future__ import annotations

__all__ = ["BURST_SECONDS", "Pace"]

# Seconds' worth of frames that may come at once: a client that reconnects sends its pulls, acks
# and first pushes together.
BURST_SECONDS = 2


class Pace:
    """A bucket of `rate` tokens a second that holds `BURST_SECONDS` of them, at least one."""

    __slots__ = ("_capacity", "_rate", "_seen", "_tokens")

    def __init__(self, rate: float, now: float) -> None:
        self._rate = rate
        self._capacity = max(1.0, rate * BURST_SECONDS)
        self._tokens = self._capacity
        self._seen = now

    def delay(self, now: float) -> float:
        """Take one token; the seconds to wait before acting on it (0 while the burst lasts)."""
        elapsed = max(0.0, now - self._seen)
        self._seen = now
        self._tokens = min(self._capacity, self._tokens + elapsed * self._rate) - 1.0
        return max(0.0, -self._tokens / self._rate)
