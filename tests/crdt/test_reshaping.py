"""Reshaping: small edits of sets, lists and trees, here and where they meet."""

from itertools import count
from typing import Any
from uuid import UUID

import pytest

from crdt import (
    AddWinsSet,
    DeepMerge,
    Document,
    Field,
    List,
    LocalFault,
    MemoryStore,
    Replica,
    Schema,
)
from crdt.reshaping import (
    inserted_at,
    moved_at,
    removed_at,
    set_at,
    with_elements,
    without_elements,
)

FIELDS = {
    "tags": Field("tags", "json", AddWinsSet(), default="[]"),
    "stops": Field("stops", "json", List(), default='["start"]'),
    "plan": Field("plan", "json", DeepMerge(lists="merge"), default="{}"),
}
SCHEMA = Schema("rules.trip", FIELDS)
TREE = {"a": {"b": [1, 2, 3]}, "c": None}


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (with_elements(["a"], ["b", "a"]), ["a", "b"]),
        (with_elements([1], [True]), [1, True]),
        (without_elements(["a", "b"], ["b", "c"]), ["a"]),
        (set_at(TREE, ["c"], 5), {"a": {"b": [1, 2, 3]}, "c": 5}),
        (set_at(TREE, ["a", "b", 1], 5), {"a": {"b": [1, 5, 3]}, "c": None}),
        (set_at({}, ["a", "b"], 5), {"a": {"b": 5}}),
        (set_at([1, 2], [-1], 5), [1, 5]),
        (removed_at(TREE, ["a", "b", 0]), {"a": {"b": [2, 3]}, "c": None}),
        (removed_at(TREE, ["a"]), {"c": None}),
        (inserted_at([1], [1], [2, 3]), [1, 2, 3]),
        (inserted_at(TREE, ["a", "b", 0], [0]), {"a": {"b": [0, 1, 2, 3]}, "c": None}),
        (moved_at(TREE, ["a", "b", 0], 2), {"a": {"b": [2, 3, 1]}, "c": None}),
        (moved_at([1, 2, 3], [2], 0), [3, 1, 2]),
    ],
)
def test_an_edit_gives_a_new_value_and_leaves_the_old_one_alone(found: Any, expected: Any) -> None:
    assert found == expected
    assert TREE == {"a": {"b": [1, 2, 3]}, "c": None}


@pytest.mark.parametrize(
    "edit",
    [
        lambda: set_at(TREE, [], 5),
        lambda: set_at(TREE, ["c", "d"], 5),
        lambda: set_at(TREE, ["a", "b", 3], 5),
        lambda: removed_at(TREE, ["x"]),
        lambda: removed_at(TREE, ["a", "b", True]),
        lambda: inserted_at(TREE, ["a", 0], [1]),
        lambda: inserted_at([1], [2], [1]),
        lambda: moved_at([1, 2], [0], 5),
        lambda: with_elements({}, ["a"]),
    ],
)
def test_a_path_that_leads_nowhere_is_told(edit: Any) -> None:
    with pytest.raises(LocalFault):
        edit()


def replica(number: int) -> Replica:
    ids = count(number << 64)
    return Replica(
        MemoryStore(), lambda: 1_700_000_000_000, lambda: UUID(int=next(ids)), lambda: number, (),
        [SCHEMA],
    )  # fmt: skip


def test_edits_start_from_the_default_and_are_merged_part_by_part() -> None:
    mine = replica(7)
    row = mine.create(SCHEMA.label, {})
    mine.change(SCHEMA.label, row, "tags", lambda old: with_elements(old, ["a", "b"]))
    mine.change(SCHEMA.label, row, "stops", lambda old: inserted_at(old, [1], ["end"]))
    mine.change(SCHEMA.label, row, "plan", lambda old: set_at(old, ["by", "car"], True))
    view = mine.get(SCHEMA.label, row)
    assert view is not None
    assert dict(view.values) == {
        "tags": ["a", "b"],
        "stops": ["start", "end"],
        "plan": {"by": {"car": True}},
    }
    (state,) = (state for _, state in mine.states(SCHEMA.label))
    assert len(Document(state).entries) == 5


def test_what_is_too_large_or_no_value_of_the_rule_changes_nothing() -> None:
    mine = replica(7)
    row = mine.create(SCHEMA.label, {"tags": ["a"]})
    with pytest.raises(ValueError, match="a value takes at most"):
        mine.change(SCHEMA.label, row, "tags", lambda old: with_elements(old, ["x" * 140_000]))
    with pytest.raises(ValueError, match="tags: the rule add_wins_set holds lists, not dict"):
        mine.set(SCHEMA.label, row, tags={"a": 1})
    view = mine.get(SCHEMA.label, row)
    assert view is not None
    assert view["tags"] == ["a"]
    mine.set(SCHEMA.label, row, stops=["x" * 100_000, "y" * 100_000])
