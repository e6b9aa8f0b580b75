"""Text: offsets in three currencies, and the difference between two strings.

Python counts code points, pycrdt's `Text` counts UTF-8 bytes, and Yjs counts UTF-16 units on the
wire. An index inside a character corrupts a document without a word, so no other module converts.

An edit is `(index, deleted, inserted)`: at code point `index`, `deleted` code points give way to
the string `inserted`.
"""

from collections.abc import Iterator
from difflib import SequenceMatcher
from typing import Final, NamedTuple

__all__ = ["TextEdit", "difference", "rebase", "utf8_length", "utf16_length"]

MATCHED_CHARACTERS: Final = 4_000
"""Beyond this many changed characters the middle is replaced as one piece: the matcher takes
quadratic time, and an edit that large is a paste, not typing."""


class TextEdit(NamedTuple):
    """At code point `index`, `deleted` code points give way to `inserted`."""

    index: int
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

    Applied in this order no edit moves the index of the next. Common ends are cut off first; what
    is left is matched after Ratcliff and Obershelp (`difflib`).
    """
    start = _common_prefix(old, new)
    end = _common_prefix(old[start:][::-1], new[start:][::-1])
    old_middle, new_middle = old[start : len(old) - end], new[start : len(new) - end]
    return [
        TextEdit(start + index, deleted, inserted)
        for index, deleted, inserted in reversed(list(_matched(old_middle, new_middle)))
    ]


def rebase(base: str, new: str, current: str) -> list[TextEdit]:
    """The edits from `base` to `new` as edits of `current`, which also came from `base`.

    From the last to the first, indices into `current`. What `current` deleted stays deleted, what
    it inserted stays, and what the edits inserted stands where its neighbours are now.
    """
    edits = difference(base, new)
    if base == current:
        return edits
    kept = _kept_positions(base, current)
    return [piece for edit in edits for piece in _rebased(kept, edit)]


def _common_prefix(one: str, other: str) -> int:
    """The length of the longest common prefix, by halving: comparing slices is fast, looping not."""
    low, high = 0, min(len(one), len(other))
    while low < high:
        middle = (low + high + 1) // 2
        if one[low:middle] == other[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low


def _matched(old: str, new: str) -> Iterator[tuple[int, int, str]]:
    if not old and not new:
        return
    if not old or not new or len(old) + len(new) > MATCHED_CHARACTERS:
        yield 0, len(old), new
        return
    matcher = SequenceMatcher(None, old, new, autojunk=False)
    for tag, old_start, old_end, new_start, new_end in matcher.get_opcodes():
        if tag != "equal":
            yield old_start, old_end - old_start, new[new_start:new_end]


def _kept_positions(base: str, current: str) -> list[int | None]:
    """For each code point of `base`, where it stands in `current`, or None if it is gone."""
    kept: list[int | None] = []
    shift = 0
    for edit in reversed(difference(base, current)):
        kept.extend(range(len(kept) + shift, edit.index + shift))
        kept.extend([None] * edit.deleted)
        shift += len(edit.inserted) - edit.deleted
    kept.extend(range(len(kept) + shift, len(base) + shift))
    return kept


def _index_in_current(kept: list[int | None], index: int) -> int:
    """Right behind the nearest kept character before `index`; the start if there is none."""
    for before in range(index - 1, -1, -1):
        position = kept[before]
        if position is not None:
            return position + 1
    return 0


def _rebased(kept: list[int | None], edit: TextEdit) -> Iterator[TextEdit]:
    """One edit per run of deleted characters that still stand together, from the last to the
    first; the first takes the insertion."""
    runs: list[list[int]] = []
    for position in kept[edit.index : edit.index + edit.deleted]:
        if position is None:
            continue
        if runs and sum(runs[-1]) == position:
            runs[-1][1] += 1
        else:
            runs.append([position, 1])
    for start, count in reversed(runs[1:]):
        yield TextEdit(start, count, "")
    if runs:
        yield TextEdit(runs[0][0], runs[0][1], edit.inserted)
    elif edit.inserted:
        yield TextEdit(_index_in_current(kept, edit.index), 0, edit.inserted)
