"""Merge rules: the laws that every rule keeps, the built-in ones, and one of a user's own."""

import random
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal, localcontext
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crdt import (
    MISSING,
    AddWinsSet,
    Conflicts,
    Counter,
    DeleteWins,
    Document,
    Dot,
    Field,
    First,
    Flag,
    LastActionWins,
    Latest,
    Live,
    LocalFault,
    Max,
    MergeRule,
    Pushed,
    Text,
    Write,
    write_field,
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


decimals = st.decimals(-(10**40), 10**40, places=20) | st.decimals(-5, 5, places=2)


NOW = 1_700_000_000_000


def merged(documents: Sequence[Document]) -> Document:
    together = Document(replica=9)
    for document in documents:
        together.apply_update(document.diff(together.vector))
    return together


# Built-in rules


def after(live: Sequence[Live], writes: Sequence[Write]) -> list[Live]:
    """The live entries once a new replica has appended what a rule wrote."""
    gone = {dot for write in writes for dot in write.replaces}
    stamp = max((entry.stamp for entry in live), default=-1) + 1
    new = [Live(Dot(9, clock), stamp, write.value) for clock, write in enumerate(writes)]
    return [entry for entry in live if entry.dot not in gone] + new


def pushed(value: Any, *replaced: Live, held: Sequence[Live] = ()) -> Pushed:
    dots = [entry.dot for entry in replaced]
    return Pushed(Live(Dot(7, 3), 50, value), dots, replaced, held)


def test_nobody_takes_what_the_server_holds_already() -> None:
    blank, taken = Live(Dot(1, 0), 1, ""), Live(Dot(2, 0), 9, "Ana")
    rule = First()
    assert rule.refuses(pushed("Ben", blank, held=[blank])) is None
    for refused in (pushed("Ben", held=[taken]), pushed("Ben", taken), pushed("", held=[taken])):
        refusal = rule.refuses(refused)
        assert refusal is not None
        assert refusal.code == "taken"
    assert rule.write([taken], "Ana", "Ben") == []
    assert rule.read([blank, taken]) == "Ana"


def test_a_client_replaces_only_what_it_beats() -> None:
    ten, nothing = Live(Dot(1, 0), 1, 10), Live(Dot(2, 0), 9, None)
    assert Max().refuses(pushed(11, ten, nothing)) is None
    assert Max().refuses(pushed(9)) is None
    assert Max().refuses(pushed(9, ten)) is not None
    assert Max().refuses(pushed(None, ten)) is not None


def test_moments_with_and_without_a_zone_do_not_stop_a_field_from_being_read() -> None:
    moments = [datetime(2026, 1, 1, 12), datetime(2026, 1, 1, 11, tzinfo=UTC)]
    live = [Live(Dot(index, 0), 0, moment) for index, moment in enumerate(moments)]
    assert Max().read(live) == moments[0]


def test_nobody_removes_anothers_difference() -> None:
    theirs = Live(Dot(1, 0), 1, 10)
    assert Counter().refuses(pushed(5)) is None
    assert Counter().refuses(pushed(5, theirs)) is not None
    unknown = Pushed(Live(Dot(7, 3), 50, 5), [Dot(1, 0)], [], [])
    assert Counter().refuses(unknown) is not None


def test_an_element_replaces_only_itself_and_a_removal_any() -> None:
    a, b, removal = Live(Dot(1, 0), 1, ["a"]), Live(Dot(1, 1), 1, ["b"]), Live(Dot(1, 2), 1, None)
    rule = AddWinsSet()
    assert rule.refuses(pushed(["a"], a)) is None
    assert rule.refuses(pushed(None, a, b, removal)) is None
    assert rule.refuses(pushed(["a"], a, b)) is not None
    assert rule.refuses(pushed(["a"], removal)) is not None


@pytest.mark.parametrize("wire", ['"a"', "[]", '["a","b"]', "{}", "1", 1, True])
def test_what_is_no_element_is_left_out_of_a_set(wire: Any) -> None:
    field, document = Field("tags", "json", AddWinsSet()), Document(replica=1)
    document.append("tags", 1, wire)
    assert field.live(document.live("tags")) == []


def test_true_is_not_one_and_the_order_of_keys_means_nothing() -> None:
    field, document = Field("tags", "json", AddWinsSet()), Document(replica=1)
    write_field(document, field, MISSING, [1, True, {"a": 1, "b": 2}, 1.0, {"b": 2, "a": 1}], NOW)
    assert field.same(field.read(document), [True, 1, {"b": 2, "a": 1}])
    assert len(document.entries) == 3


def test_an_element_that_was_added_and_removed_before_it_was_sent_leaves_nothing() -> None:
    field, document = Field("tags", "json", AddWinsSet()), Document(replica=1)
    write_field(document, field, MISSING, ["a"], NOW, 0)
    write_field(document, field, ["a"], ["a", "b"], NOW, 1)
    write_field(document, field, ["a", "b"], ["a"], NOW, 1)
    assert [entry.value for entry in document.entries.values()] == ['["a"]']
    write_field(document, field, ["a"], [], NOW, 1)
    (removal,) = document.live("tags")
    assert (removal.value, removal.replaces) == (None, (Dot(1, 0),))


@pytest.mark.parametrize("value", [None, {}, "text", 5])
def test_a_set_holds_lists_only(value: Any) -> None:
    field = Field("tags", "json", AddWinsSet())
    with pytest.raises(
        ValueError,
        match=r"^tags: (the rule add_wins_set holds lists|a add_wins_set cannot be null)",
    ):
        write_field(Document(replica=1), field, MISSING, value, NOW)


def test_conflicts_show_what_was_written_at_the_same_time() -> None:
    live = [Live(Dot(1, 0), 1, "a"), Live(Dot(2, 0), 3, "b"), Live(Dot(3, 0), 2, "c")]
    rule = Conflicts()
    assert rule.read(live) == "b"
    assert [one.value for one in rule.others(live)] == ["c", "a"]


def test_a_flag_says_who_wins() -> None:
    with pytest.raises(LocalFault, match="wins=True"):
        Flag(wins=1)  # type: ignore[arg-type]
    assert repr(Flag()) == "Flag(wins=True)"
    assert rule_from_description({"name": "flag", "wins": False}) == Flag(wins=False)
    assert Flag(wins=False) != Flag()


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
