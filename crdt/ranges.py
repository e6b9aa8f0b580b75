"""Ranges of clocks, as delete sets hold them: `(clock, length)`, sorted, none touching another."""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, MutableMapping, Sequence

from .entry import Dot, Entry
from .lib0 import write_varuint

__all__ = ["Range", "forget_deleted", "merge_ranges", "outside", "write_ranges"]

Range = tuple[int, int]

_AFTER_ALL = 1 << 53
"""Longer than any range, so that a search finds the last one that starts at a clock."""


def merge_ranges(ranges: Iterable[Range]) -> list[Range]:
    """The same clocks, sorted, in as few ranges as they need."""
    merged: list[Range] = []
    for start, length in sorted(ranges):
        if not length:
            continue
        if merged and start <= merged[-1][0] + merged[-1][1]:
            first, before = merged[-1]
            merged[-1] = (first, max(before, start + length - first))
        else:
            merged.append((start, length))
    return merged


def outside(start: int, end: int, ranges: Sequence[Range]) -> Iterator[Range]:
    """What of the clocks from `start` to `end` lies in none of the sorted `ranges`, as
    `(start, end)`.
    """
    index = max(bisect_right(ranges, (start, _AFTER_ALL)) - 1, 0)
    while start < end and index < len(ranges):
        first, length = ranges[index]
        if first >= end:
            break
        if first > start:
            yield start, first
        start = max(start, first + length)
        index += 1
    if start < end:
        yield start, end


def forget_deleted(
    entries: MutableMapping[Dot, Entry], deleted: Mapping[int, Sequence[Range]]
) -> None:
    """Take the entries out that lie in a delete set."""
    gone = []
    for dot in entries:
        ranges = deleted.get(dot[0])
        if ranges is None:
            continue
        clock = dot[1]
        if len(ranges) == 1:
            start, length = ranges[0]
        else:
            start, length = ranges[bisect_right(ranges, (clock, _AFTER_ALL)) - 1]
        if start <= clock < start + length:
            gone.append(dot)
    for dot in gone:
        del entries[dot]


def write_ranges(deleted: Mapping[int, Sequence[Range]]) -> bytes:
    """A delete set as it ends an update: by replica, whose sorted ranges these are."""
    named = sorted(replica for replica, ranges in deleted.items() if ranges)
    parts = [write_varuint(len(named))]
    for replica in named:
        ranges = deleted[replica]
        parts += (write_varuint(replica), write_varuint(len(ranges)))
        for start, length in ranges:
            parts += (write_varuint(start), write_varuint(length))
    return b"".join(parts)
