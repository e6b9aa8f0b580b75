"""Text: offsets in three currencies, and the difference between two strings.

Python counts code points, pycrdt's `Text` counts UTF-8 bytes, and Yjs counts UTF-16 units on the
wire. An index inside a character corrupts a document without a word, so no other module converts.

An edit is `(index, deleted, inserted)`: at code point `index`, `deleted` code points give way to
the string `inserted`.
"""

from bisect import bisect_left
from collections.abc import Iterator
from itertools import pairwise
from typing import Final, NamedTuple

__all__ = ["TextEdit", "difference", "rebase", "utf8_length", "utf16_length"]

ANCHOR: Final = 24
"""Code points of a passage by which two texts are aligned: long enough to be found once, short
enough to stand between two edits."""

MAX_CHANGES: Final = 120
"""Between two anchors, texts that differ in more code points are replaced as one piece: matching
takes the square of it, and letters of an unrelated text mean nothing."""


class TextEdit(NamedTuple):
    """At code point `index`, `deleted` code points give way to `inserted`."""

    index: int  # type: ignore[assignment]  # the name is worth more than the tuple's method
    deleted: int
    inserted: str


def utf8_length(text: str) -> int:
    """How many UTF-8 bytes `text` takes: an offset as pycrdt counts."""
    return len(text) if text.isascii() else len(text.encode())


def utf16_length(text: str) -> int:
    """How many UTF-16 units `text` takes: a length as Yjs counts on the wire."""
    return len(text) if text.isascii() else len(text.encode("utf-16-le")) // 2


def difference(old: str, new: str) -> list[TextEdit]:
    """The edits that turn `old` into `new`, indices into `old`, from the last to the first.

    Applied in this order no edit moves the index of the next. The texts are aligned by passages
    that occur once in each; between those the shortest script is found after Myers, *An O(ND)
    Difference Algorithm and Its Variations* (1986). Scattered edits of a long text stay scattered,
    in nearly linear time.
    """
    edits: list[TextEdit] = []
    for old_start, old_end, new_start, new_end in _unlike(old, new):
        for index, deleted, start, end in _script(old[old_start:old_end], new[new_start:new_end]):
            inserted = new[new_start + start : new_start + end]
            edits.append(TextEdit(old_start + index, deleted, inserted))
    edits.reverse()
    return edits


def rebase(base: str, new: str, current: str) -> list[TextEdit]:
    """The edits from `base` to `new` as edits of `current`, which also came from `base`.

    From the last to the first, indices into `current`. What `current` deleted stays deleted, what
    it inserted stays, and what the edits inserted stands where its neighbours are now.
    """
    edits = difference(base, new)
    if base == current or not edits:
        return edits
    kept, behind = _places(base, current)
    return [piece for edit in edits for piece in _rebased(kept, behind, edit)]


def _unlike(old: str, new: str) -> Iterator[tuple[int, int, int, int]]:
    """The stretches of `old` and `new` that differ, in order, with their common ends cut off."""
    size = ANCHOR
    anchors = _anchors(old, new) if min(len(old), len(new)) > size else []
    fixed = [(-size, -size), *anchors, (len(old), len(new))]
    for (old_anchor, new_anchor), (old_end, new_end) in pairwise(fixed):
        old_start, new_start = max(old_anchor + size, 0), max(new_anchor + size, 0)
        one, other = old[old_start:old_end], new[new_start:new_end]
        if one == other:
            continue
        head = _common_prefix(one, other)
        tail = _common_prefix(one[head:][::-1], other[head:][::-1])
        yield old_start + head, old_end - tail, new_start + head, new_end - tail


def _anchors(old: str, new: str) -> list[tuple[int, int]]:
    """Where passages stand that occur once in `new`, in both texts; both ascend, none overlap.

    The passages are cut from `old` side by side; of those that moved the most that keep their order
    are taken, by the longest ascending subsequence.
    """
    size = ANCHOR
    starts = range(0, len(old) - size + 1, size)
    wanted = {old[start : start + size] for start in starts}
    places: dict[str, int] = {}
    for place in range(len(new) - size + 1):
        passage = new[place : place + size]
        if passage in wanted:
            places[passage] = -1 if passage in places else place
    pairs = [
        (start, place)
        for start in starts
        if (place := places.get(old[start : start + size], -1)) >= 0
    ]
    return _apart(_ascending(pairs), size)


def _ascending(pairs: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """The most pairs whose second numbers ascend as the first ones do."""
    ends: list[int] = []
    last: list[int] = []
    before: list[int] = []
    for index, (_, place) in enumerate(pairs):
        at = bisect_left(ends, place)
        before.append(last[at - 1] if at else -1)
        ends[at : at + 1] = [place]
        last[at : at + 1] = [index]
    found = []
    index = last[-1] if last else -1
    while index >= 0:
        found.append(pairs[index])
        index = before[index]
    return found[::-1]


def _apart(pairs: list[tuple[int, int]], size: int) -> list[tuple[int, int]]:
    found: list[tuple[int, int]] = []
    for pair in pairs:
        if not found or pair[1] >= found[-1][1] + size:
            found.append(pair)
    return found


def _script(old: str, new: str) -> list[tuple[int, int, int, int]]:
    """Edits `(index, deleted, start, end)`: what they delete of `old`, and insert of `new`."""
    whole = [(0, len(old), 0, len(new))]
    if not old or not new:
        return whole
    trace = _reached(old, new)
    if trace is None:
        return whole
    edits: list[tuple[int, int, int, int]] = []
    x, y = len(old), len(new)
    for step in range(len(trace) - 1, 0, -1):
        before = trace[step - 1]
        diagonal = x - y
        down, right = before.get(diagonal + 1, -1), before.get(diagonal - 1, -1)
        inserts = down > right
        x, y = (down, down - diagonal - 1) if inserts else (right, right - diagonal + 1)
        index, deleted, start, end = (x, 0, y, y + 1) if inserts else (x, 1, y, y)
        if edits and edits[-1][0] == index + deleted and edits[-1][2] == end:
            _, more, _, end = edits.pop()
            deleted += more
        edits.append((index, deleted, start, end))
    return edits[::-1]


def _reached(old: str, new: str) -> list[dict[int, int]] | None:
    """For each number of changes, how far into `old` they lead on each diagonal (index in `old`
    minus index in `new`); None if it takes more than `MAX_CHANGES`.
    """
    rows, columns = len(old), len(new)
    trace: list[dict[int, int]] = []
    before: dict[int, int] = {1: 0}
    for changes in range(min(rows + columns, MAX_CHANGES) + 1):
        reached: dict[int, int] = {}
        for diagonal in range(-changes, changes + 1, 2):
            down, right = before.get(diagonal + 1, -1), before.get(diagonal - 1, -1)
            x = down if down > right else right + 1
            y = x - diagonal
            if x > rows or y > columns or y < 0:
                continue
            while x < rows and y < columns and old[x] == new[y]:
                x += 1
                y += 1
            reached[diagonal] = x
            if x == rows and y == columns:
                return [*trace, reached]
        trace.append(reached)
        before = reached
    return None


def _common_prefix(one: str, other: str) -> int:
    """The length of the longest common prefix, by halving: slices compare fast, loops do not."""
    low, high = 0, min(len(one), len(other))
    while low < high:
        middle = (low + high + 1) // 2
        if one[low:middle] == other[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low


def _places(base: str, current: str) -> tuple[list[int], list[int]]:
    """For each code point of `base`: where it stands in `current`, or -1 if it is gone; and, for
    each index, the place right behind the nearest one before it that is still there.
    """
    kept: list[int] = []
    shift = 0
    for edit in reversed(difference(base, current)):
        kept.extend(range(len(kept) + shift, edit.index + shift))
        kept.extend([-1] * edit.deleted)
        shift += len(edit.inserted) - edit.deleted
    kept.extend(range(len(kept) + shift, len(base) + shift))
    behind = [0]
    for place in kept:
        behind.append(place + 1 if place >= 0 else behind[-1])
    return kept, behind


def _rebased(kept: list[int], behind: list[int], edit: TextEdit) -> Iterator[TextEdit]:
    """One edit per run of deleted characters that still stand together, from the last to the
    first; the first takes the insertion.
    """
    runs: list[list[int]] = []
    for place in kept[edit.index : edit.index + edit.deleted]:
        if place < 0:
            continue
        if runs and sum(runs[-1]) == place:
            runs[-1][1] += 1
        else:
            runs.append([place, 1])
    for start, count in reversed(runs[1:]):
        yield TextEdit(start, count, "")
    if runs:
        yield TextEdit(runs[0][0], runs[0][1], edit.inserted)
    elif edit.inserted:
        yield TextEdit(behind[edit.index], 0, edit.inserted)
