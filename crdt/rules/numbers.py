"""Rules for what can be counted or compared: `Counter`, `Max`, `Min`."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from decimal import Context, Decimal, Inexact
from typing import Any, Final

from ..entry import Dot, Live, Write
from ..values import MAX_DECIMAL_DIGITS
from .base import MergeRule, Pushed, Refusal, latest

__all__ = ["Counter", "Max", "Min"]

_EXACT: Final = Context(prec=3 * MAX_DECIMAL_DIGITS, traps=[Inexact])
"""Sums of decimals are exact, whatever the app made of its own context: a rounded sum depends on
the order of its parts, and so on who computes it."""

_ORDERED: Final = frozenset(
    {"int", "float", "decimal", "date", "time", "datetime", "duration", "str"}
)


class Counter(MergeRule):
    """Every change is a difference, and the differences are summed: nobody's is lost.

    Whole and decimal numbers, exactly. `None` counts as nothing. Only the server folds: a client's
    entry that named others' differences would take them away.
    """

    name = "counter"
    kinds = frozenset({"int", "decimal"})
    whole = False
    joins = True
    nullable = False

    def write(self, live: Sequence[Live], old: Any, new: Any) -> list[Write]:
        return [Write(_sum(new, _negative(old)))]

    def read(self, live: Sequence[Live]) -> Any:
        return _sum(*(entry.value for entry in live))

    def combine(self, earlier: Any, later: Any) -> Any:
        return _sum(earlier, later)

    def refuses(self, pushed: Pushed) -> Refusal | None:
        if pushed.replaces:
            return Refusal("forbidden", "Only the server folds what adds up.")
        if pushed.entry.value is None:
            return Refusal("null", "A difference is no null.")
        return None

    def fold(self, live: Sequence[Live]) -> Write | None:
        if len(live) < 2:
            return None
        return Write(self.read(live), tuple(entry.dot for entry in live))


class Max(MergeRule):
    """The greatest value stands, whoever writes when; `None` counts as nothing.

    Numbers, text (by code points), dates, times and durations. A smaller value changes nothing.
    """

    name = "max"
    kinds = _ORDERED

    def write(self, live: Sequence[Live], old: Any, new: Any) -> list[Write]:
        if live and not self._beats(new, self.read(live)):
            return []
        return super().write(live, old, new)

    def read(self, live: Sequence[Live]) -> Any:
        return self._best(live).value

    def refuses(self, pushed: Pushed) -> Refusal | None:
        value = pushed.entry.value
        if any(self._beats(entry.value, value) for entry in pushed.replaced):
            return Refusal("forbidden", "An entry can only replace what it beats.")
        return None

    def spent(self, live: Sequence[Live]) -> Iterable[Dot]:
        best = self._best(live)
        return [entry.dot for entry in live if entry.dot != best.dot]

    def _best(self, live: Sequence[Live]) -> Live:
        best = live[0]
        for entry in live[1:]:
            if self._beats(entry.value, best.value) or (
                not self._beats(best.value, entry.value) and latest((best, entry)) is entry
            ):
                best = entry
        return best

    def _beats(self, value: Any, other: Any) -> bool:
        if value is None or other is None:
            return value is not None and other is None
        return self._is_beyond(_comparable(value), _comparable(other))

    def _is_beyond(self, value: Any, other: Any) -> bool:
        return bool(value > other)


class Min(Max):
    """The smallest value stands, whoever writes when; otherwise as `Max`."""

    name = "min"

    def _is_beyond(self, value: Any, other: Any) -> bool:
        return bool(value < other)


def _comparable(value: Any) -> Any:
    """Moments with a zone and moments without cannot be compared; a client may send either."""
    if isinstance(value, datetime) and value.tzinfo is None:
        return value.replace(tzinfo=UTC)
    return value


def _sum(*values: Any) -> Any:
    total: Any = 0
    for value in values:
        if isinstance(value, Decimal) or isinstance(total, Decimal):
            total = _EXACT.add(Decimal(total), Decimal(value or 0))
        else:
            total += value or 0
    return total


def _negative(value: Any) -> Any:
    return value.copy_negate() if isinstance(value, Decimal) else -(value or 0)
