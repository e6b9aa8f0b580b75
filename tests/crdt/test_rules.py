"""Merge rules: the laws that every rule keeps, the built-in ones, and one of a user's own."""

import random
from collections.abc import Sequence
from decimal import Decimal, localcontext
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crdt import (
    Counter,
    DeleteWins,
    Dot,
    Field,
    LastActionWins,
    Latest,
    Live,
    LocalFault,
    MergeRule,
    ServerOnly,
    Text,
    Write,
)
from crdt.rules import BUILT_IN, check_name, rule_from_description


class Longest(MergeRule):
    """The longest value wins, the alphabetically first of those that are equally long."""

    name = "longest"
    kinds = frozenset({"str"})

    def read(self, live: Sequence[Live]) -> Any:
        return min((entry.value for entry in live), key=lambda text: (-len(text), text))


class AtMost(Latest):
    """A rule with an argument of its own."""

    name = "at_most"

    def __init__(self, bound: int) -> None:
        self.bound = bound

    def describe(self) -> dict[str, Any]:
        return {"name": self.name, "bound": self.bound}


words = st.text(st.sampled_from("abc"), max_size=4)
decimals = st.decimals(-(10**40), 10**40, places=20) | st.decimals(-5, 5, places=2)
RULES: list[tuple[MergeRule, st.SearchStrategy[Any]]] = [
    (Latest(), words),
    (ServerOnly(), words),
    (Counter(), st.integers(-(10**30), 10**30)),
    (Counter(), decimals),
    (DeleteWins(), st.booleans()),
    (LastActionWins(), st.booleans()),
    (Longest(), words),
]
each_rule = pytest.mark.parametrize(("rule", "values"), RULES, ids=lambda each: str(each)[:20])


def lives(values: st.SearchStrategy[Any]) -> st.SearchStrategy[list[Live]]:
    dots = st.builds(Dot, st.integers(0, 5), st.integers(0, 5))
    return st.lists(
        st.builds(Live, dots, st.integers(0, 3), values), max_size=6, unique_by=lambda one: one.dot
    )


def after(live: Sequence[Live], writes: Sequence[Write]) -> list[Live]:
    """The live entries once a new replica has appended what a rule wrote."""
    gone = {dot for write in writes for dot in write.replaces}
    stamp = max((entry.stamp for entry in live), default=-1) + 1
    new = [Live(Dot(9, clock), stamp, write.value) for clock, write in enumerate(writes)]
    return [entry for entry in live if entry.dot not in gone] + new


@each_rule
@given(data=st.data())
def test_what_is_read_depends_on_no_order(
    rule: MergeRule, values: st.SearchStrategy[Any], data: st.DataObject
) -> None:
    live = data.draw(lives(values).filter(bool))
    shuffled = data.draw(st.permutations(live))
    assert rule.read(shuffled) == rule.read(live)


@each_rule
@given(data=st.data())
def test_what_was_written_is_read(
    rule: MergeRule, values: st.SearchStrategy[Any], data: st.DataObject
) -> None:
    live, new = data.draw(lives(values)), data.draw(values)
    old = rule.read(live) if live else None
    writes = rule.write(live, old, new)
    assert rule.read(after(live, writes)) == new
    assert {dot for write in writes for dot in write.replaces} <= {entry.dot for entry in live}


@each_rule
@given(data=st.data())
def test_a_fold_changes_nothing_now_nor_later(
    rule: MergeRule, values: st.SearchStrategy[Any], data: st.DataObject
) -> None:
    found = data.draw(lives(values).filter(bool))
    cut = data.draw(st.integers(1, len(found)))
    live, later = found[:cut], found[cut:]
    folded = rule.fold(live)
    if folded is None:
        return
    stamp = max(entry.stamp for entry in live)
    left = [entry for entry in live if entry.dot not in folded.replaces]
    compact = [*left, Live(Dot(8, 0), stamp, folded.value)]
    assert rule.read(compact) == rule.read(live)
    assert rule.read([*compact, *later]) == rule.read(found)


@each_rule
@given(data=st.data())
def test_what_is_combined_reads_as_both(
    rule: MergeRule, values: st.SearchStrategy[Any], data: st.DataObject
) -> None:
    if not rule.additive:
        return
    earlier, later, others = data.draw(values), data.draw(values), data.draw(lives(values))
    combined = Live(Dot(7, 2), 9, rule.combine(earlier, later))
    apart = [Live(Dot(7, 0), 8, earlier), Live(Dot(7, 1), 9, later)]
    assert rule.read([*others, combined]) == rule.read([*others, *apart])


# Built-in rules


def test_latest_is_by_stamp_then_replica_then_clock() -> None:
    live = [Live(Dot(1, 9), 5, "a"), Live(Dot(2, 0), 5, "b"), Live(Dot(2, 1), 5, "c")]
    assert Latest().read(live) == "c"
    assert Latest().read([*live, Live(Dot(0, 0), 6, "d")]) == "d"


def test_a_counter_loses_nobodys_difference() -> None:
    rule = Counter()
    assert rule.write([], 3, 5) == [Write(2)]
    assert rule.write([], None, 5) == [Write(5)]
    assert rule.write([], Decimal("1.10"), Decimal("1.25")) == [Write(Decimal("0.15"))]
    assert (
        rule.read([Live(Dot(1, 0), 0, 2), Live(Dot(2, 0), 0, -5), Live(Dot(3, 0), 0, None)]) == -3
    )


@given(st.lists(decimals, min_size=1, max_size=6), st.randoms(use_true_random=False))
def test_decimals_are_summed_exactly_whatever_the_apps_context(
    values: list[Decimal], chance: random.Random
) -> None:
    shuffled = values[:]
    chance.shuffle(shuffled)
    rule = Counter()
    one = rule.read([Live(Dot(index, 0), 0, value) for index, value in enumerate(values)])
    with localcontext() as context:
        context.prec = 3
        other = rule.read([Live(Dot(index, 0), 0, value) for index, value in enumerate(shuffled)])
        step = rule.write([], values[0], one)[0].value
    assert other == one
    assert rule.combine(values[0], step) == one


def test_a_row_is_deleted_until_somebody_who_saw_it_undeletes() -> None:
    rule = DeleteWins()
    gone, here = Live(Dot(1, 0), 1, True), Live(Dot(2, 0), 9, False)
    assert rule.read([gone, here]) is True
    (undelete,) = rule.write([gone, here], True, False)
    assert rule.read(after([gone, here], [undelete])) is False


def test_under_last_action_wins_an_action_as_late_as_the_deletion_keeps_the_row() -> None:
    rule = LastActionWins()
    first, last = Live(Dot(1, 0), 5, True), Live(Dot(2, 0), 9, True)
    assert rule.is_deleted([first, last], 8)
    assert not rule.is_deleted([first, last], 9)
    assert rule.is_deleted([first, last, Live(Dot(3, 0), 8, False)], -1)
    assert not rule.is_deleted([first, last, Live(Dot(3, 0), 9, False)], -1)
    assert not rule.is_deleted([Live(Dot(3, 0), 9, False)], -1)


def test_a_text_is_not_read_from_its_entries() -> None:
    with pytest.raises(LocalFault, match="characters"):
        Text().read([])


# A rule of one's own


def test_a_rule_of_ones_own_travels_by_its_name() -> None:
    assert rule_from_description(Longest().describe(), [Longest()]) == Longest()
    found = rule_from_description({"name": "at_most", "bound": 5}, [AtMost(3), AtMost(5)])
    assert found == AtMost(5)
    assert found != AtMost(3)
    assert len({AtMost(5), AtMost(5)}) == 1


def test_every_built_in_rule_is_found_by_its_description() -> None:
    for name, rule in BUILT_IN.items():
        assert rule.name == name
        assert rule_from_description(rule.describe()) is rule


@pytest.mark.parametrize("description", [{"name": "longest"}, {"name": "at_most", "bound": 9}, {}])
def test_a_rule_that_the_client_does_not_know_reads_as_latest_and_refuses_to_write(
    description: dict[str, Any],
) -> None:
    rule = rule_from_description(description, [AtMost(3)])
    live = [Live(Dot(1, 0), 1, "long value"), Live(Dot(1, 1), 2, "new")]
    assert rule.read(live) == "new"
    assert rule.describe() == description
    assert rule.fold(live) is None
    with pytest.raises(LocalFault, match=r"rules=\[YourRule\(\)\]"):
        rule.write(live, "new", "newer")


def test_a_rule_without_a_name_is_refused_with_what_to_write() -> None:
    class Nameless(MergeRule):
        def read(self, live: Sequence[Live]) -> Any:
            return None

    with pytest.raises(LocalFault, match='write name = "nameless" in the class'):
        Field("title", "str", Nameless())


def test_a_rule_that_borrows_anothers_name_is_refused() -> None:
    """Clients would read its fields by the rule that has the name."""

    class Inherits(Latest):
        pass

    class Steals(MergeRule):
        name = "latest"

    wrong: list[MergeRule] = [Inherits(), Steals()]
    for rule in wrong:
        with pytest.raises(LocalFault, match="a name of its own"):
            check_name(rule)
    for rule in (Longest(), AtMost(2), *BUILT_IN.values()):
        check_name(rule)


def test_a_rule_that_does_not_read_says_so() -> None:
    class Unread(MergeRule):
        name = "unread"

    with pytest.raises(NotImplementedError, match="Unread does not say how to read"):
        Unread().read([])
