"""What every merge rule serves, and what two edits that meet become: one list of declarations.

The laws are tested with these values, the meetings through the real write path, and the table in
the documentation is made of them.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from crdt import (
    AddWinsSet,
    Conflicts,
    Counter,
    DeepMerge,
    First,
    Flag,
    Latest,
    List,
    Max,
    MergeRule,
    Min,
    ServerOnly,
    Text,
)

__all__ = ["RULE_CASES", "Meeting", "RuleCase", "Steps", "meetings_table"]


class Steps(tuple[Any, ...]):
    """Values that one writer sets one after the other, before he hears of anybody."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Meeting:
    """Two edits of `before` whose writers did not know of each other; `yours` is the later one.

    Each is the value that was set, or the `Steps` to it.
    """

    operation: str
    """What the two do, for people."""
    before: Any
    mine: Any
    yours: Any
    becomes: Any


@dataclass(frozen=True, slots=True)
class RuleCase:
    """A rule on a field of one kind.

    `values` are samples that a field can hold. `keeps` says that what is there may win over what is
    written, so that a write need not be read.
    """

    rule: MergeRule
    kind: str
    values: Sequence[Any]
    meetings: Sequence[Meeting] = ()
    keeps: bool = False

    def __str__(self) -> str:
        return f"{self.rule!r} of {self.kind}"


_WORDS: Final = ("", "a", "b", "ab", "naïve 😀")
_MOMENT: Final = datetime(2026, 3, 29, 1, 30, tzinfo=UTC)
_SETS: Final[tuple[Any, ...]] = (
    [],
    ["a"],
    ["b"],
    ["a", "b"],
    [1, True, None, "1"],
    [{"x": 1, "y": [2]}, "a"],
)

_LISTS: Final[tuple[Any, ...]] = (
    [],
    ["a"],
    ["a", "b", "c"],
    ["c", "a", "b"],
    ["a", "x", "c"],
    ["a", "a", "b"],
    [{"n": 1}, [1, 2], None, True, 1],
    [[1, 2], {"n": 2}],
)
_TREES: Final[tuple[Any, ...]] = (
    {},
    None,
    5,
    [],
    [1, {"a": 1}],
    {"a": 1},
    {"a": {"b": 1, "c": {"d": None}}},
    {"a": {"b": 2, "c": {}}},
    {"a": [], "b": [1, 2]},
    {"a": [3, 1, {"x": 1}], "b": [2, 1, 1]},
    {"a": {"b": [1]}, "": {"": 0}},
)

_DATES: Final = (None, date(2000, 2, 29), date(2026, 1, 1), date(2026, 7, 1))

_ORDERED: Final[tuple[tuple[str, tuple[Any, ...]], ...]] = (
    ("int", (None, 0, -3, 7, 2**60)),
    ("float", (None, 0.0, -2.5, 1e300)),
    ("decimal", (None, Decimal("1.10"), Decimal("-3"), Decimal("1.1"))),
    ("str", (None, *_WORDS)),
    ("date", _DATES),
    ("time", (None, time(0, 0), time(23, 59, 59, 999999))),
    ("datetime", (None, _MOMENT, _MOMENT + timedelta(hours=1))),
    ("duration", (None, timedelta(0), timedelta(days=-1, microseconds=1))),
)

_OTHERS: Final[tuple[tuple[str, tuple[Any, ...]], ...]] = (
    ("bool", (None, True, False)),
    ("uuid", (None, UUID(int=0), UUID(int=2**128 - 1))),
    ("json", (None, {}, [], {"a": [1]}, "text")),
    ("binary", (None, b"", b"\0\xff")),
)


def _other_kinds(rule: MergeRule, *than: str, keeps: bool = False) -> Iterator[RuleCase]:
    for kind, values in (*_ORDERED, *_OTHERS):
        if kind not in than and (rule.kinds is None or kind in rule.kinds):
            yield RuleCase(rule, kind, values, keeps=keeps)


def _latest(rule: MergeRule) -> Iterator[RuleCase]:
    meetings = (
        Meeting("both set it", "Graz", "Linz", "Wels", "Wels"),
        Meeting("both set it to the same", "Graz", "Linz", "Linz", "Linz"),
    )
    yield RuleCase(rule, "str", (None, *_WORDS), meetings)
    yield from _other_kinds(rule, "str")


RULE_CASES: Final[tuple[RuleCase, ...]] = (
    *_latest(Latest()),
    *_latest(Conflicts()),
    *_latest(ServerOnly()),
    RuleCase(
        First(),
        "str",
        (None, *_WORDS),
        (
            Meeting("both claim it", "", "Ana", "Ben", "Ana"),
            Meeting("both change what is taken", "Ana", "Ben", "Eve", "Ana"),
            Meeting("one empties, one changes what is taken", "Ana", "", "Ben", "Ana"),
        ),
        keeps=True,
    ),
    *_other_kinds(First(), "str", keeps=True),
    RuleCase(
        Max(),
        "int",
        _ORDERED[0][1],
        (
            Meeting("both raise it", 10, 30, 20, 30),
            Meeting("one raises, one lowers it", 10, 20, 5, 20),
        ),
        keeps=True,
    ),
    RuleCase(
        Max(),
        "date",
        _DATES,
        (
            Meeting("both move it on", _DATES[1], _DATES[3], _DATES[2], _DATES[3]),
            Meeting("one moves it on, one clears it", _DATES[1], _DATES[2], None, _DATES[2]),
            Meeting("both set it first", None, _DATES[2], _DATES[1], _DATES[2]),
        ),
        keeps=True,
    ),
    *_other_kinds(Max(), "int", "date", keeps=True),
    RuleCase(
        Min(),
        "int",
        _ORDERED[0][1],
        (
            Meeting("both lower it", 10, 3, 5, 3),
            Meeting("one raises, one lowers it", 10, 20, 5, 5),
        ),
        keeps=True,
    ),
    *_other_kinds(Min(), "int", keeps=True),
    RuleCase(
        Counter(),
        "int",
        (0, 1, -5, 10**30),
        (
            Meeting("both add to it", 10, 12, 15, 17),
            Meeting("one adds, one takes away", 10, 12, 7, 9),
            Meeting("both set it to the same", 10, 12, 12, 14),
            Meeting("one sets it to nothing, one adds", 10, 0, 12, 2),
        ),
    ),
    RuleCase(
        Counter(),
        "decimal",
        (Decimal(0), Decimal("0.10"), Decimal("-2.5"), Decimal(10**20)),
        (
            Meeting(
                "both add to a decimal",
                Decimal("0.10"),
                Decimal("0.30"),
                Decimal("0.15"),
                Decimal("0.35"),
            ),
        ),
    ),
    RuleCase(
        AddWinsSet(),
        "json",
        _SETS,
        (
            Meeting("both add", ["a"], ["a", "b"], ["a", "c"], ["a", "b", "c"]),
            Meeting("both add the same", ["a"], ["a", "b"], ["a", "b"], ["a", "b"]),
            Meeting("both remove", ["a", "b", "c"], ["b", "c"], ["a", "c"], ["c"]),
            Meeting("one adds anew what the other removes", ["a"], Steps(([], ["a"])), [], ["a"]),
            Meeting("one adds, one removes all", ["a"], ["a", "b"], [], ["b"]),
        ),
    ),
    RuleCase(
        List(),
        "json",
        _LISTS,
        (
            Meeting("both append", ["a"], ["a", "b"], ["a", "c"], ["a", "c", "b"]),
            Meeting(
                "one moves what the other edits",
                [{"n": 1}, "b", "c"],
                ["b", "c", {"n": 1}],
                [{"n": 2}, "b", "c"],
                ["b", "c", {"n": 2}],
            ),
            Meeting(
                "both move it", ["a", "b", "c"], ["b", "a", "c"], ["b", "c", "a"], ["b", "c", "a"]
            ),
            Meeting(
                "both edit it", [{"n": 1}, "b"], [{"n": 2}, "b"], [{"n": 3}, "b"], [{"n": 3}, "b"]
            ),
            Meeting("both remove it", ["a", "b", "c"], ["b", "c"], ["b", "c"], ["b", "c"]),
            Meeting(
                "one removes what the other moves",
                ["a", "b", "c"],
                ["b", "c"],
                ["b", "c", "a"],
                ["b", "c", "a"],
            ),
            Meeting("one removes what the other edits", ["a", "b"], ["b"], ["A", "b"], ["A", "b"]),
            Meeting(
                "one removes what the other leaves", ["a", "b"], ["b"], ["a", "b", "c"], ["b", "c"]
            ),
        ),
    ),
    RuleCase(
        DeepMerge(),
        "json",
        _TREES,
        (
            Meeting("both set other keys", {"a": 1}, {"a": 1, "b": 2}, {"a": 3}, {"a": 3, "b": 2}),
            Meeting("both set the same key", {"a": 1}, {"a": 2}, {"a": 3}, {"a": 3}),
            Meeting(
                "both edit deep inside",
                {"size": {"w": 1, "h": 1}},
                {"size": {"w": 2, "h": 1}},
                {"size": {"w": 1, "h": 3}},
                {"size": {"w": 2, "h": 3}},
            ),
            Meeting(
                "one removes, one edits a key",
                {"a": 1, "b": 2},
                {"b": 2},
                {"a": 5, "b": 2},
                {"a": 5, "b": 2},
            ),
            Meeting(
                "one removes an object, one adds to it",
                {"a": {"x": 1}},
                {},
                {"a": {"x": 1, "y": 2}},
                {"a": {"y": 2}},
            ),
            Meeting(
                "both change one list", {"a": [1]}, {"a": [1, 2]}, {"a": [1, 3]}, {"a": [1, 3]}
            ),
            Meeting(
                "a key becomes an object and a number",
                {"a": 1},
                {"a": {"x": 1}},
                {"a": 2},
                {"a": 2},
            ),
        ),
    ),
    RuleCase(
        DeepMerge(lists="merge"),
        "json",
        _TREES,
        (
            Meeting(
                "both append to one list",
                {"a": [1]},
                {"a": [1, 2]},
                {"a": [1, 3]},
                {"a": [1, 3, 2]},
            ),
            Meeting("both append to a new list", {}, {"a": [1]}, {"a": [2]}, {"a": [2, 1]}),
            Meeting("one removes the list, one appends", {"a": [1]}, {}, {"a": [1, 2]}, {"a": [2]}),
            Meeting(
                "one empties a list, one appends", {"a": [1]}, {"a": []}, {"a": [1, 3]}, {"a": [3]}
            ),
        ),
    ),
    RuleCase(
        Flag(wins=True),
        "bool",
        (True, False),
        (
            Meeting("both set it", False, True, True, True),
            Meeting("one clears it, one sets it anew", True, Steps((False, True)), False, True),
        ),
    ),
    RuleCase(
        Flag(wins=False),
        "bool",
        (True, False),
        (
            Meeting("both clear it", True, False, False, False),
            Meeting("one sets it, one clears it anew", False, Steps((True, False)), True, False),
        ),
    ),
    RuleCase(
        Text(),
        "str",
        ("", "a", "one two", "one big two", "naïve 😀"),
        (
            Meeting("both insert", "Red.", "Old. Red.", "Red. Fast.", "Old. Red. Fast."),
            Meeting("both delete", "one two three", "two three", "one two", "two"),
            Meeting("both delete the same", "one two", "two", "two", "two"),
            Meeting("one deletes what the other edits", "one two", "one", "one twos", "ones"),
            Meeting("one deletes all, one adds", "one", "", "one two", " two"),
        ),
    ),
)
"""Every built-in rule, on every kind of field that it serves."""


def meetings_table(cases: Sequence[RuleCase] = RULE_CASES) -> str:
    """Rule by operation by what it becomes, as a table in Markdown."""
    head = (
        "rule",
        "two who do not know of each other",
        "before",
        "one",
        "the later one",
        "becomes",
    )
    rows: list[tuple[str, ...]] = [head, ("---",) * len(head)]
    for case in cases:
        for meeting in case.meetings:
            edits = (meeting.before, meeting.mine, meeting.yours, meeting.becomes)
            rows.append((f"`{case.rule!r}`", meeting.operation, *map(_shown, edits)))
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _shown(value: Any) -> str:
    if isinstance(value, Steps):
        return ", then ".join(map(_shown, value))
    return f"`{value if isinstance(value, (Decimal, date)) else repr(value)}`"
