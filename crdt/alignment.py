"""Alignment: which items of one list are those of another.

Laws:

1. Each item is the same as at most one other.
2. Equal items are found wherever they went; what has changed in place is the same item still, as
   far as what is said of it leaves no doubt.
3. `kept_in_order` leaves out as few as can be: to move the others is the least there is to do.
"""

from bisect import bisect_left
from collections.abc import Sequence, Set
from itertools import pairwise

__all__ = ["align", "kept_in_order"]


def align(
    old: Sequence[str], new: Sequence[str], changed: Set[int] | None = None
) -> list[int | None]:
    """For each item of `new` the index in `old` of the item that it is; `None` for a new one.

    Items are given as text that is equal where they are. `changed` are the indices in `old` of
    those that are known to have had another text: then no other takes the place of what is gone,
    and these only where as many are as are missing.
    """
    head = _common(old, new)
    tail = _common(old[head:][::-1], new[head:][::-1])
    ends = len(old) - tail, len(new) - tail
    sources: list[int | None] = [
        *range(head),
        *[None] * (ends[1] - head),
        *range(ends[0], len(old)),
    ]
    places: dict[str, list[int]] = {}
    for index in range(ends[0] - 1, head - 1, -1):
        places.setdefault(old[index], []).append(index)
    for index in range(head, ends[1]):
        if places.get(new[index]):
            sources[index] = places[new[index]].pop()
    _pair_changed(sources, len(old), head, ends[1], changed)
    return sources


def kept_in_order(sources: Sequence[int | None]) -> set[int]:
    """The places in `sources` of the most items that keep their order, by the longest ascending
    subsequence.
    """
    ends: list[int] = []
    last: list[int] = []
    before: dict[int, int] = {}
    for place, source in enumerate(sources):
        if source is not None:
            at = bisect_left(ends, source)
            before[place] = last[at - 1] if at else -1
            ends[at : at + 1] = [source]
            last[at : at + 1] = [place]
    kept = set()
    place = last[-1] if last else -1
    while place >= 0:
        kept.add(place)
        place = before[place]
    return kept


def _common(one: Sequence[str], other: Sequence[str]) -> int:
    """How many items two lists begin with alike."""
    for index, (a, b) in enumerate(zip(one, other, strict=False)):
        if a != b:
            return index
    return min(len(one), len(other))


def _pair_changed(
    sources: list[int | None], count: int, start: int, end: int, changed: Set[int] | None
) -> None:
    """Between two items that stayed, what is new took the place of what is gone, in their order."""
    used = {source for source in sources if source is not None}
    kept = sorted(kept_in_order(sources))
    bounds = [(-1, -1), *((place, sources[place] or 0) for place in kept), (len(sources), count)]
    for (place, source), (next_place, next_source) in pairwise(bounds):
        if next_place <= start or place >= end:
            continue
        gone = [index for index in range(source + 1, next_source) if index not in used]
        fresh = [index for index in range(place + 1, next_place) if sources[index] is None]
        if changed is not None:
            gone = [index for index in gone if index in changed]
            if len(gone) != len(fresh):
                continue
        for index, old in zip(fresh, gone, strict=False):
            sources[index] = old
