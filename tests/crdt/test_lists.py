"""`List`: what was done to which item, and what concurrent edits of one become."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crdt import MISSING, Document, Dot, Field, List, Live, Pushed, write_field
from crdt.entry import Entry
from crdt.stamp import MAX_STAMP

STEPS = Field("steps", "json", List())
NOW = 1_700_000_000_000
ONE, TWO = ">00-0-", ">00-0--"
lists = st.lists(st.sampled_from(["a", "b", "c", 1, True, None, ["x"]]), max_size=7)


def write(document: Document, value: Any, now: int = NOW, sent: int | None = None) -> list[Entry]:
    return write_field(document, STEPS, STEPS.read(document), value, now, sent)


def seen_by(server: Document, replica: int) -> Document:
    return Document(server.encode(), replica)


def together(server: Document, *others: Document) -> Any:
    for other in others:
        server.apply_update(other.diff(server.vector))
    return STEPS.read(server)


@pytest.fixture
def server() -> Document:
    document = Document(replica=9)
    write(document, ["a", "b", "c"])
    return document


@settings(max_examples=60)
@given(st.lists(lists, max_size=6))
def test_a_list_is_what_was_last_written(values: list[list[Any]]) -> None:
    document = Document(replica=1)
    for value in values:
        write(document, value)
        assert STEPS.same(STEPS.read(document), value)


@settings(max_examples=60)
@given(lists, lists, lists)
def test_who_saw_an_older_list_takes_nothing_back(
    base: list[Any], theirs: list[Any], mine: list[Any]
) -> None:
    """As two do who write at the same time: three-way, items by their equality."""
    document = Document(replica=1)
    write(document, base)
    write(document, theirs)
    write_field(document, STEPS, base, base, NOW)
    assert STEPS.same(STEPS.read(document), theirs)
    write_field(document, STEPS, base, mine, NOW)
    read = STEPS.read(document)
    if STEPS.same(base, theirs):
        assert STEPS.same(read, mine)
    added = [item for item in mine if item not in base]
    assert all(item in read for item in added)


def test_what_did_not_change_is_not_written(server: Document) -> None:
    (moved,) = write(server, ["c", "a", "b"])
    assert moved.value.startswith('[">')
    (edited,) = write(server, ["c", "A", "b"])
    (removed,) = write(server, ["c", "b"])
    assert (removed.value, removed.replaces) == (None, (edited.dot,))
    (added,) = write(server, ["c", "new", "b"])
    assert added.replaces == ()


def test_a_move_and_an_edit_of_one_item_both_stand(server: Document) -> None:
    mine, yours = seen_by(server, 1), seen_by(server, 2)
    write(mine, ["b", "c", "a"], NOW + 5)
    write(yours, ["A", "b", "c"], NOW + 1)
    assert together(server, mine, yours) == ["b", "c", "A"]
    write(server, ["b", "c", "again"])
    assert len(server.live("steps")) == 3


def test_the_later_of_two_moves_stands_and_nothing_is_doubled(server: Document) -> None:
    mine, yours = seen_by(server, 1), seen_by(server, 2)
    write(mine, ["b", "c", "a"], NOW + 5)
    write(yours, ["b", "a", "c"], NOW + 1)
    assert together(server, yours, mine) == ["b", "c", "a"]


def test_what_was_edited_is_not_removed_by_who_did_not_see_it(server: Document) -> None:
    mine, yours = seen_by(server, 1), seen_by(server, 2)
    write(mine, ["b", "c"], NOW + 5)
    write(yours, ["A", "b", "c"], NOW + 1)
    assert together(server, mine, yours) == ["A", "b", "c"]


def test_a_stale_list_takes_no_new_item_for_one_that_is_gone(server: Document) -> None:
    """It knows items by their values, and must not touch what its writer never saw."""
    write(server, ["b", "c"])
    write(server, ["new", "b", "c"])
    write_field(server, STEPS, ["a", "b", "c"], ["b", "c"], NOW)
    assert STEPS.read(server) == ["new", "b", "c"]
    write_field(server, STEPS, ["a", "b", "c"], ["A", "b", "c"], NOW)
    assert sorted(STEPS.read(server)) == ["A", "b", "c", "new"]


def test_a_stale_list_leaves_what_is_edited_and_edits_it_again(server: Document) -> None:
    write(server, ["A", "b", "c"])
    write_field(server, STEPS, ["a", "b", "c"], ["b", "c"], NOW)
    assert STEPS.read(server) == ["A", "b", "c"]
    write_field(server, STEPS, ["a", "b", "c"], ["again", "b", "c"], NOW)
    assert STEPS.read(server) == ["again", "b", "c"]


def test_where_it_is_in_doubt_which_item_was_edited_both_stay(server: Document) -> None:
    write(server, ["B", "c"])
    write_field(server, STEPS, ["a", "b", "c"], ["A", "b", "c"], NOW)
    assert sorted(STEPS.read(server)) == ["A", "B", "c"]


def test_an_item_that_was_added_and_removed_unsent_leaves_nothing() -> None:
    document = Document(replica=1)
    write(document, ["a"], NOW, 0)
    write(document, ["a", "b"], NOW, 1)
    write(document, ["b", "a"], NOW, 1)
    write(document, ["a"], NOW, 1)
    assert len(document.entries) == 1


def test_a_stamp_inside_an_item_counts_no_more_than_its_entry() -> None:
    rule = List()
    early = Live(Dot(1, 0), 5, [ONE, "early", MAX_STAMP, ONE, MAX_STAMP])
    late = Live(Dot(2, 0), 6, [ONE, "late"])
    assert rule.read([early, late]) == ["late"]
    refusal = rule.refuses(Pushed(early, (), (), ()))
    assert refusal is not None
    assert refusal.code == "invalid"


def test_an_item_replaces_only_itself() -> None:
    rule, mine = List(), Live(Dot(1, 0), 5, [ONE, "mine"])
    yours, removal = Live(Dot(2, 0), 4, [TWO, "yours"]), Live(Dot(2, 1), 4, None)
    assert rule.refuses(Pushed(mine, (), [mine._replace(stamp=4)], ())) is None
    assert rule.refuses(Pushed(removal, (), [mine, yours], ())) is None
    for other in (yours, removal):
        assert rule.refuses(Pushed(mine, (), [other], ())) is not None


@pytest.mark.parametrize(
    "wire",
    ["5", "[]", '["a"]', '["x","a"]', f'["{ONE}"]', f'["{ONE}",1,2]', f'["{ONE}",1,2,"x",3]']
    + [f'["{ONE}",1,{stamp},"{ONE}",null]' for stamp in ("-1", "1.5", "true", '"1"', 2**53)],
)
def test_what_is_no_item_is_left_out(wire: str) -> None:
    document = Document(replica=1)
    document.append("steps", 1, wire)
    assert STEPS.live(document.live("steps")) == []
    assert STEPS.read(document) is MISSING


@pytest.mark.parametrize("value", [None, {}, "text", 5])
def test_a_list_holds_lists_only(value: Any) -> None:
    with pytest.raises(
        ValueError, match=r"^steps: (the rule list holds lists|a list cannot be null)"
    ):
        write(Document(replica=1), value)
