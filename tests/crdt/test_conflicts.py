"""Conflicts: which fields have several live values, what they are, and how they are settled."""

from __future__ import annotations

import random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from crdt.conflicts import conflicts
from crdt.document import Document
from crdt.editing import delete_row, touch_text, write_field
from crdt.rules import AddWinsSet, Counter, Flag, Latest, Max, MergeRule, Text
from crdt.schema import MISSING, Field, Schema

from .authority import MODEL, Authority
from .phone import Phone


class Highest(MergeRule):
    name = "highest"

    def read(self, live: Any) -> Any:
        return max(entry.value for entry in live)


SCHEMA = Schema(
    "shop.lot",
    {
        each.name: each
        for each in (
            Field("title", "str", Latest()),
            Field("price", "int", Highest()),
            Field("votes", "int", Counter()),
            Field("notes", "str", Text()),
            Field("bid", "int", Max()),
            Field("open", "bool", Flag()),
            Field("kinds", "json", AddWinsSet()),
        )
    },
)


def written(replica: int, base: bytes, now_ms: int, **values: Any) -> Document:
    document = Document(base, replica)
    for name, value in values.items():
        known = SCHEMA.fields[name]
        write_field(document, known, known.read(document), value, now_ms)
    return document


def merged(*documents: Document) -> Document:
    whole = Document(replica=99)
    for document in documents:
        whole.apply_update(document.encode())
    return whole


def test_concurrent_values_are_all_told_the_latest_first() -> None:
    base = written(1, b"", 1_000, title="a").encode()
    both = merged(written(2, base, 3_000, title="b"), written(3, base, 2_000, title="c"))
    found = conflicts(both, SCHEMA)
    assert [(each.value, each.replica, each.current) for each in found["title"]] == [
        ("b", 2, True),
        ("c", 3, False),
    ]
    assert found["title"][0].stamp > found["title"][1].stamp
    assert list(found) == ["title"]


def test_the_current_value_is_the_one_that_the_rule_reads() -> None:
    base = written(1, b"", 1_000, price=1).encode()
    both = merged(written(2, base, 3_000, price=5), written(3, base, 2_000, price=9))
    assert [(each.value, each.current) for each in conflicts(both, SCHEMA)["price"]] == [
        (5, False),
        (9, True),
    ]


def test_equal_values_are_no_conflict() -> None:
    base = written(1, b"", 1_000, title="a").encode()
    same = merged(written(2, base, 3_000, title="b"), written(3, base, 2_000, title="b"))
    assert len(same.live("title")) == 2
    assert conflicts(same, SCHEMA) == {}


def test_what_adds_up_or_merges_by_character_is_no_conflict() -> None:
    base = written(1, b"", 1_000, votes=1, notes="a").encode()
    mine, yours = written(2, base, 2_000, votes=2), written(3, base, 2_000, votes=5)
    for document in (mine, yours):
        document.edit_text("notes", 0, 0, "x")
        touch_text(document, SCHEMA.fields["notes"], 2_000)
    both = merged(mine, yours)
    assert len(both.live("votes")) == 3
    assert len(both.live("notes")) == 2
    assert conflicts(both, SCHEMA) == {}


def test_what_the_rule_has_settled_is_no_conflict() -> None:
    base = written(1, b"", 1_000, bid=1, open=False, kinds=["a"]).encode()
    mine = written(2, base, 2_000, bid=2, open=True, kinds=["a", "b"])
    yours = written(3, base, 2_000, bid=3, open=False, kinds=["c"])
    assert conflicts(merged(mine, yours), SCHEMA) == {}


def test_whether_the_row_is_deleted_is_no_conflict_and_unknown_fields_are_passed_over() -> None:
    base = written(1, b"", 1_000, title="a").encode()
    mine, yours = Document(base, 2), Document(base, 3)
    delete_row(mine, SCHEMA, 2_000)
    delete_row(yours, SCHEMA, 2_000, deleted=False)
    for document, value in ((mine, "x"), (yours, "y")):
        write_field(document, Field("gone", "str"), MISSING, value, 2_000)
    assert conflicts(merged(mine, yours), SCHEMA) == {}


@settings(max_examples=25)
@given(st.lists(st.integers(0, 3), min_size=2, max_size=5), st.randoms())
def test_every_order_of_arrival_tells_the_same(values: list[int], rnd: random.Random) -> None:
    base = written(1, b"", 1_000, title="a", price=0).encode()
    parts = [
        written(2 + place, base, 2_000 + value, title=str(value), price=value)
        for place, value in enumerate(values)
    ]
    found = conflicts(merged(*parts), SCHEMA)
    rnd.shuffle(parts)
    assert conflicts(merged(*parts), SCHEMA) == found
    assert set(found) == ({"title", "price"} if len(set(values)) > 1 else set())
    for name, alive in found.items():
        assert len(alive) == len(values)
        assert [each.value for each in alive if each.current] == [
            SCHEMA.fields[name].read(merged(*parts))
        ]


def test_a_device_sees_a_conflict_and_settles_it_for_everybody() -> None:
    authority = Authority()
    phone, tablet = Phone(authority, 11), Phone(authority, 12)
    row = phone.replica.create(MODEL, {"title": "Eggs"})
    phone.sync()
    tablet.sync()
    phone.replica.set(MODEL, row, title="Six eggs")
    tablet.replica.set(MODEL, row, title="Ten eggs")
    for each in (phone, tablet, phone):
        each.sync()
    alive = phone.replica.conflicts(MODEL, row)["title"]
    assert {each.value for each in alive} == {"Six eggs", "Ten eggs"}
    assert phone.replica.conflicts(MODEL, row) == tablet.replica.conflicts(MODEL, row)

    kept = next(each.value for each in alive if each.current)
    phone.replica.resolve(MODEL, row, title=kept)
    assert phone.replica.conflicts(MODEL, row) == {}
    phone.sync()
    tablet.sync()
    assert tablet.replica.conflicts(MODEL, row) == {}
    assert tablet.rows()[row]["title"] == kept
