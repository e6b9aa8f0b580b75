"""Positions: where an item stands in a list, as text that sorts as the items do.

Laws:

1. `between(left, right, dot)` sorts behind `left` and before `right`.
2. No two dots make the same position, whatever they put it between.
3. What one writer puts side by side, in whatever order he does so, nobody else's items come between
   who did not see them.
4. A position does not grow by the number of items: who appends, or prepends, item after item takes
   the same few characters for each, also where several take turns.

A position is a path in a tree: each step goes to the left (`<`) or to the right (`>`) of a place,
to the item that a writer put there at a clock of his. A place sorts behind its left steps and
before its right ones. Of the positions that a writer's own run can go on with, and of those on the
way to a neighbour, the shortest is taken. After Weidner and Kleppmann, *The Art of the Fugue:
Minimizing Interleaving in Collaborative Text Editing* (2023).
"""

from collections.abc import Iterator
from typing import Final, NamedTuple

from .entry import Dot

__all__ = ["MAX_POSITION", "between", "is_made_by", "is_position", "sort_key"]

MAX_POSITION: Final = 2000
"""Characters of a position: some 120 steps. Only who takes turns with a hundred others, or means
harm, comes near it. Where nothing shorter lies between two neighbours, an item goes behind them."""

_DIGITS: Final = "-0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz"
"""In the order of their code points, so that text sorts as numbers do."""

_LEFT, _PLACE, _RIGHT = "<", "=", ">"

_REPLICA_DIGITS: Final = 9
"""64**9 is above every replica's id, 64**6 above every clock."""

_CLOCK_DIGITS: Final = 6

_VALUE: Final = {digit: value for value, digit in enumerate(_DIGITS)}
_TURNED: Final = str.maketrans(_DIGITS, _DIGITS[::-1])


class _Step(NamedTuple):
    """A position's last step: where it starts, to which side it goes, and its clock as text."""

    start: int
    side: str
    clock: str


def sort_key(position: str) -> str:
    """By what positions are sorted."""
    return position + _PLACE


def is_position(value: object) -> bool:
    """Is this a position that `between` might have made?"""
    return isinstance(value, str) and 0 < len(value) <= MAX_POSITION and bool(_ends(value))


def is_made_by(dot: Dot, position: str) -> bool:
    """Is it the position that `between` made for this dot?"""
    return position.endswith((_step(_LEFT, dot), _step(_RIGHT, dot)))


def between(left: str | None, right: str | None, dot: Dot) -> str:
    """The position that the writer of `dot` gives to an item between two others; `None` stands for
    the list's end.
    """
    for position in _options(left, right, dot):
        if len(position) <= MAX_POSITION and _lies_between(left, position, right):
            return position
    behind = (prefix + _step(_RIGHT, dot) for prefix in _prefixes(left))
    fitting = (one for one in behind if len(one) <= MAX_POSITION and _lies_between(left, one, None))
    return next(fitting, _step(_RIGHT, dot))


def _options(left: str | None, right: str | None, dot: Dot) -> Iterator[str]:
    """Where to put an item, the best place first: beside what its writer put there last, so that
    his run stays together; then as a step to the right of `left`, unless `right` is one already.
    """
    is_under = right is not None and (left is None or right.startswith(left))
    behind, before = _own(left, dot), _own(right, dot)
    if left is not None and behind and (before is None or behind.clock > before.clock):
        yield from _behind_own(left, behind, dot, is_under)
        behind = None
    if right is not None and before:
        yield from _before_own(right, before, dot)
    if left is not None and behind:
        yield from _behind_own(left, behind, dot, is_under)
    side, neighbour = (_LEFT, right) if is_under else (_RIGHT, left)
    yield from (prefix + _step(side, dot) for prefix in _prefixes(neighbour))


def _behind_own(left: str, last: _Step, dot: Dot, is_under: bool) -> Iterator[str]:
    if last.side == _RIGHT:
        yield left[: last.start] + _step(_RIGHT, dot)
    if not is_under:
        yield left + _step(_RIGHT, dot)


def _before_own(right: str, last: _Step, dot: Dot) -> Iterator[str]:
    if last.side == _LEFT:
        yield right[: last.start] + _step(_LEFT, dot)
    yield right + _step(_LEFT, dot)


def _lies_between(left: str | None, position: str, right: str | None) -> bool:
    key = sort_key(position)
    return (left is None or sort_key(left) < key) and (right is None or key < sort_key(right))


def _step(side: str, dot: Dot) -> str:
    """One more step to the right sorts behind earlier ones, one to the left before them."""
    clock = _number(dot.clock)
    return side + _number(dot.replica) + (clock.translate(_TURNED) if side == _LEFT else clock)


def _number(value: int) -> str:
    """Digits behind their count, so that shorter numbers sort before longer ones."""
    digits = ""
    while value or not digits:
        value, digit = divmod(value, 64)
        digits = _DIGITS[digit] + digits
    return _DIGITS[len(digits)] + digits


def _own(position: str | None, dot: Dot) -> _Step | None:
    """The position's last step, if the writer of `dot` made it."""
    if position is None:
        return None
    ends = _ends(position)
    start, replica = ends[-2] if len(ends) > 1 else 0, _number(dot.replica)
    if not position.startswith(replica, start + 1):
        return None
    side, clock = position[start], position[start + 1 + len(replica) :]
    return _Step(start, side, clock.translate(_TURNED) if side == _LEFT else clock)


def _prefixes(position: str | None) -> Iterator[str]:
    """The places on the way to a position, itself included, the shortest path first."""
    yield ""
    if position is not None:
        for end in _ends(position):
            yield position[:end]


def _ends(position: str) -> list[int]:
    """Where the steps of a position end; nothing if it is none."""
    ends = []
    at = 0
    while at < len(position):
        side = position[at]
        if side not in {_LEFT, _RIGHT}:
            return []
        at = _after_number(position, at + 1, _REPLICA_DIGITS, turned=False)
        at = _after_number(position, at, _CLOCK_DIGITS, turned=side == _LEFT) if at else 0
        if not at:
            return []
        ends.append(at)
    return ends


def _after_number(position: str, at: int, most: int, *, turned: bool) -> int:
    """The index behind the number at `at`; 0 if there is none."""
    count = _VALUE.get(position[at : at + 1], 0)
    count = 63 - count if turned else count
    digits = position[at + 1 : at + 1 + count]
    if not 1 <= count <= most or len(digits) < count or not _VALUE.keys() >= set(digits):
        return 0
    return at + 1 + count
