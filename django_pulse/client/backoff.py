"""How long to wait before the next attempt to connect.

Exponential backoff with full jitter (M. Brooker, "Exponential Backoff And Jitter", AWS
Architecture Blog, 2015): the n-th pause is uniform in [0, min(longest, first * 2**n)], so that a
thousand clients cut off by one restart of the server do not all come back in the same instant.
"""

from dataclasses import dataclass
from random import Random

__all__ = ["Backoff"]

# 2.0 ** 1024 overflows a float, and no ratio of longest to first needs more doublings than this.
MAX_DOUBLINGS = 64


@dataclass(frozen=True, slots=True)
class Backoff:
    """`first` and `longest` bound the pauses, in seconds."""

    first: float = 0.5
    longest: float = 30.0

    def __post_init__(self) -> None:
        if not 0 < self.first <= self.longest:
            raise ValueError("Backoff needs 0 < first <= longest (seconds).")

    def pause(self, failures: int, random: Random) -> float:
        """Seconds to wait after that many failures in a row (1 or more)."""
        doublings = min(max(failures - 1, 0), MAX_DOUBLINGS)
        return random.uniform(0, min(self.longest, self.first * 2.0**doublings))
