"""Vector clocks: a join, an order, and Yjs state vectors."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pycrdt import Array, Doc

from crdt.entry import Dot
from crdt.errors import Malformed
from crdt.lib0 import write_varuint
from crdt.vector import Order, VectorClock

clocks = st.dictionaries(st.integers(0, 3) | st.integers(0, 2**53 - 1), st.integers(0, 2**32 - 1))
vectors = clocks.map(VectorClock)
small = st.dictionaries(st.integers(0, 2), st.integers(0, 2)).map(VectorClock)

OPPOSITE = {
    Order.BEFORE: Order.AFTER,
    Order.AFTER: Order.BEFORE,
    Order.EQUAL: Order.EQUAL,
    Order.CONCURRENT: Order.CONCURRENT,
}


@given(small, small, small)
def test_merging_is_a_join(a: VectorClock, b: VectorClock, c: VectorClock) -> None:
    assert a.merge(a) == a
    assert a.merge(b) == b.merge(a)
    assert a.merge(b).merge(c) == a.merge(b.merge(c))
    for one in (a, b):
        assert one.compare(a.merge(b)) in (Order.BEFORE, Order.EQUAL)
    if a.compare(c) in (Order.BEFORE, Order.EQUAL) and b.compare(c) in (Order.BEFORE, Order.EQUAL):
        assert a.merge(b).compare(c) in (Order.BEFORE, Order.EQUAL)


@given(small, small)
def test_comparing_agrees_with_merging(a: VectorClock, b: VectorClock) -> None:
    order = a.compare(b)
    assert b.compare(a) is OPPOSITE[order]
    assert (order is Order.EQUAL) == (a == b)
    assert (order in (Order.BEFORE, Order.EQUAL)) == (a.merge(b) == b)
    assert a.compare(dict(b)) is order


@given(small, small, small)
def test_before_is_transitive(a: VectorClock, b: VectorClock, c: VectorClock) -> None:
    if a.compare(b) is Order.BEFORE and b.compare(c) is Order.BEFORE:
        assert a.compare(c) is Order.BEFORE


@given(vectors)
def test_bytes_come_back_as_the_same_clock(vector: VectorClock) -> None:
    again = VectorClock.from_bytes(vector.to_bytes())
    assert again == vector
    assert hash(again) == hash(vector)
    assert again.to_bytes() == vector.to_bytes()


def test_the_bytes_are_those_of_pycrdt() -> None:
    doc: Doc[Array[str]] = Doc(client_id=7)
    doc.get("e7", type=Array).extend(["a", "b"])
    vector = VectorClock.from_bytes(doc.get_state())
    assert vector == {7: 2}
    assert vector.to_bytes() == doc.get_state()


def test_clock_zero_is_the_same_as_not_there() -> None:
    assert VectorClock({1: 0}) == VectorClock()
    assert VectorClock({1: 0}).compare({}) is Order.EQUAL
    assert VectorClock({2: 1, 1: 0}).to_bytes() == VectorClock({2: 1}).to_bytes()


def test_it_includes_the_dots_below_its_clocks() -> None:
    vector = VectorClock({7: 2})
    assert vector.includes(Dot(7, 1))
    assert not vector.includes(Dot(7, 2))
    assert not vector.includes(Dot(8, 0))


def test_nobody_changes_it_from_outside() -> None:
    source = {1: 2}
    vector = VectorClock(source)
    source[1] = 5
    assert vector[1] == 2
    assert repr(vector) == "VectorClock({1: 2})"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x01",
        b"\x01\x07",
        b"\x00\x00",
        b"\x02\x07\x01\x07\x02",
        write_varuint(2**40) + b"\x01\x01",
        b"\x01\x07" + write_varuint(2**33),
        b"\x01\x07\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
    ],
)
def test_bytes_that_are_no_state_vector_are_malformed(data: bytes) -> None:
    with pytest.raises(Malformed):
        VectorClock.from_bytes(data)
