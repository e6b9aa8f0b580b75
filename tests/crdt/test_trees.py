"""`DeepMerge`: which leaves are written, and what is read where writers disagree on the shape."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crdt import MISSING, DeepMerge, Document, Dot, Field, Live, LocalFault, Pushed, write_field
from crdt.entry import Entry
from crdt.rules import rule_from_description

LEAVES = Field("meta", "json", DeepMerge())
ITEMS = Field("meta", "json", DeepMerge(lists="merge"))
both = pytest.mark.parametrize("field", [LEAVES, ITEMS], ids=["leaf", "merge"])
NOW = 1_700_000_000_000
ONE, TWO = ">00-0-", ">00-0--"

scalars = st.sampled_from([None, True, 1, "a", 2.5])
trees = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("ab"), inner),
    max_leaves=8,
)


def write(document: Document, field: Field, value: Any, now: int = NOW) -> list[Entry]:
    return write_field(document, field, field.read(document), value, now)


@both
@settings(max_examples=60)
@given(st.lists(trees, max_size=5))
def test_a_tree_is_what_was_last_written(field: Field, values: list[Any]) -> None:
    document = Document(replica=1)
    for value in values:
        write(document, field, value)
        assert field.same(field.read(document), value)


@both
@settings(max_examples=60)
@given(st.lists(st.tuples(st.integers(0, 2), trees, st.booleans()), max_size=8), trees)
def test_after_any_disagreement_on_the_shape_a_write_is_read(
    field: Field, steps: list[tuple[int, Any, bool]], last: Any
) -> None:
    documents = [Document(replica=number) for number in (1, 2, 3)]
    for now, (who, value, heard) in enumerate(steps):
        write(documents[who], field, value, NOW + now)
        if heard:
            other = documents[(who + 1) % 3]
            other.apply_update(documents[who].diff(other.vector))
    for document in documents[1:]:
        documents[0].apply_update(document.diff(documents[0].vector))
    write(documents[0], field, last)
    assert field.same(field.read(documents[0]), last)
    edited = {"new": last}
    write(documents[0], field, edited)
    assert field.same(field.read(documents[0]), edited)


@both
@settings(max_examples=40)
@given(trees, trees)
def test_who_saw_an_older_tree_takes_nothing_back(field: Field, base: Any, theirs: Any) -> None:
    document = Document(replica=1)
    write(document, field, base)
    write(document, field, theirs)
    write_field(document, field, base, base, NOW)
    assert field.same(field.read(document), theirs)


def test_a_stale_removal_leaves_what_it_did_not_see() -> None:
    document = Document(replica=1)
    write(document, LEAVES, {"a": {"x": 1}, "b": 1})
    write(document, LEAVES, {"a": {"x": 1, "y": 2}, "b": 1})
    write_field(document, LEAVES, {"a": {"x": 1}, "b": 1}, {"b": 5}, NOW)
    assert LEAVES.read(document) == {"a": {"y": 2}, "b": 5}


@pytest.mark.parametrize("base", [{}, {"a": 5}])
@pytest.mark.parametrize("mine", [[2], []])
def test_a_list_that_is_begun_takes_no_items_that_its_writer_did_not_see(
    base: dict[str, Any], mine: list[int]
) -> None:
    document = Document(replica=1)
    write(document, ITEMS, base)
    write(document, ITEMS, {"a": [1]})
    write_field(document, ITEMS, base, {"a": mine}, NOW)
    assert sorted(ITEMS.read(document)["a"]) == [1, *mine]


@pytest.mark.parametrize("theirs", [{"a": []}, {}, {"a": 5}])
def test_who_adds_to_a_list_that_was_emptied_brings_nothing_back(theirs: dict[str, Any]) -> None:
    document = Document(replica=1)
    write(document, ITEMS, {"a": [1]})
    write(document, ITEMS, theirs)
    write_field(document, ITEMS, {"a": [1]}, {"a": [1, 2]}, NOW)
    assert ITEMS.read(document) == {"a": [2]}


def test_only_leaves_that_changed_are_written() -> None:
    document = Document(replica=1)
    write(document, LEAVES, {"a": {"x": 1, "y": [1, 2]}, "b": {}})
    (edited,) = write(document, LEAVES, {"a": {"x": 1, "y": [1, 2, 3]}, "b": {}})
    assert edited.value == '[["a","y"],[1,2,3]]'
    (added,) = write(document, LEAVES, {"a": {"x": 1, "y": [1, 2, 3]}, "b": {"z": None}})
    assert (added.value, added.replaces) == ('[["b","z"],null]', ())
    (removed,) = write(document, LEAVES, {"a": {"x": 1, "y": [1, 2, 3]}})
    assert removed.value is None
    assert added.dot in removed.replaces


def test_items_of_a_list_that_merges_are_entries_of_their_own() -> None:
    document = Document(replica=1)
    write(document, ITEMS, {"a": [1, 2]})
    (added,) = write(document, ITEMS, {"a": [1, 2, 3]})
    assert added.value.startswith('[["a"],">')
    write(document, ITEMS, {"a": []})
    assert ITEMS.read(document) == {"a": []}
    assert ITEMS.read(Document(document.encode(), 2)) == {"a": []}


@pytest.mark.parametrize(("writes", "reads"), [(LEAVES, ITEMS), (ITEMS, LEAVES)])
def test_how_lists_merge_may_change_without_losing_what_there_is(
    writes: Field, reads: Field
) -> None:
    document = Document(replica=1)
    write(document, writes, {"a": [1, {"x": [2]}], "b": []})
    assert reads.read(document) == {"a": [1, {"x": [2]}], "b": []}
    write(document, reads, {"a": [1, 5], "b": [0]})
    assert reads.read(document) == {"a": [1, 5], "b": [0]}


def part(*value: Any, clock: int = 0) -> Live:
    return Live(Dot(1, clock), 5, list(value))


@pytest.mark.parametrize(
    ("entry", "other", "fits"),
    [
        (part(["a"], 1), part(["a"], 2), True),
        (part(["a"], 1), part(["a", "b"], 2), True),
        (part(["a", "b"], 1), part([], 2), True),
        (part(["a"], 1), part(["b"], 2), False),
        (part(["a", "b"], 1), part(["a", "c"], 2), False),
        (part(["a"], ONE, 1), part(["a"], ONE, 2), True),
        (part(["a"], ONE, 1), part(["a"], TWO, 2), False),
        (part(["a"], ONE, 1), part(["a"], 2), True),
        (part(["a"], 1), Live(Dot(1, 1), 5, None), False),
        (Live(Dot(1, 1), 5, None), part(["b"], 2), True),
    ],
)
def test_a_leaf_replaces_only_what_is_on_its_way(entry: Live, other: Live, fits: bool) -> None:
    refusal = DeepMerge().refuses(Pushed(entry, (), [other], ()))
    assert (refusal is None) == fits


@pytest.mark.parametrize(
    "wire",
    [
        *("5", "[]", '["a",1]', '[["a"]]', "[[1],1]", '[["a"],{"b":1}]', '[["a"],"x",1]'),
        f"[{['k'] * 200},[1]]".replace("'", '"'),
    ],
)
def test_what_is_no_leaf_is_left_out(wire: str) -> None:
    document = Document(replica=1)
    document.append("meta", 1, wire)
    assert LEAVES.read(document) is MISSING


def test_the_deepest_tree_that_json_allows_is_read_and_written() -> None:
    deep: Any = {}
    for _ in range(199):
        deep = {"k": deep}
    for field in (LEAVES, ITEMS):
        document = Document(replica=1)
        write(document, field, deep)
        assert field.read(document) == deep


def test_a_tree_says_how_its_lists_merge() -> None:
    with pytest.raises(LocalFault, match='lists="merge"'):
        DeepMerge(lists="both")  # type: ignore[arg-type]
    assert rule_from_description({"name": "deep_merge", "lists": "merge"}) == ITEMS.rule
    assert ITEMS.rule != LEAVES.rule
