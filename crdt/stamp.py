"""Hybrid logical clock readings: one integer below 2**53.

Laws:

1. A stamp is greater than every stamp its writer had seen in the document it writes to, until
   `MAX_STAMP` is reached; from then on replica and clock decide.
2. Apart from that it is the writer's wall clock, so that "latest" means what people mean by it.
3. What nobody wrote, a default say that is filled in, is earlier than all that anybody wrote.

After Kulkarni, Demirbas, Madappa, Avva, Leone: *Logical Physical Clocks and Consistent Snapshots
in Globally Distributed Databases* (2014). Milliseconds and counter share one integer here, so
that a counter which overflows carries into the milliseconds.
"""

from typing import Final

__all__ = ["COUNTER_BITS", "FILLED", "MAX_STAMP", "next_stamp", "stamp_ms"]

COUNTER_BITS: Final = 11
"""2,048 stamps per millisecond; the 42 bits that are left for milliseconds last until 2109."""

MAX_STAMP: Final = 2**53 - 1
"""The greatest integer that survives a float64, which is what documents hold."""


FILLED: Final = 0
"""The stamp of what was filled in: nobody's edit, however old, loses to it."""


def next_stamp(now_ms: int, latest_seen: int = -1) -> int:
    """The stamp for a write at wall clock `now_ms` by somebody who saw stamp `latest_seen`."""
    return min(max(now_ms << COUNTER_BITS, latest_seen + 1), MAX_STAMP)


def stamp_ms(stamp: int) -> int:
    """The milliseconds since 1970 that `stamp` tells."""
    return stamp >> COUNTER_BITS
