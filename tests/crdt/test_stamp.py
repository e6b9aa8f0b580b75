"""Stamps: past everything seen, and otherwise the wall clock."""

from hypothesis import given
from hypothesis import strategies as st

from crdt.stamp import COUNTER_BITS, MAX_STAMP, next_stamp, stamp_ms

times = st.integers(-(2**43), 2**43)
stamps = st.integers(-1, MAX_STAMP)


@given(times, stamps)
def test_a_stamp_is_past_every_stamp_seen(now: int, seen: int) -> None:
    stamp = next_stamp(now, seen)
    assert 0 <= stamp <= MAX_STAMP
    assert stamp > seen or seen == MAX_STAMP


@given(st.integers(0, 2**42 - 1))
def test_a_stamp_tells_the_time_when_nothing_newer_was_seen(now: int) -> None:
    assert stamp_ms(next_stamp(now)) == now
    assert stamp_ms(next_stamp(now, (now << COUNTER_BITS) - 1)) == now


@given(times, times, stamps)
def test_a_later_clock_never_gives_an_earlier_stamp(one: int, other: int, seen: int) -> None:
    assert next_stamp(min(one, other), seen) <= next_stamp(max(one, other), seen)


def test_a_clock_that_stands_still_counts_on_and_carries_into_the_milliseconds() -> None:
    stamp = next_stamp(5)
    for _ in range(1 << COUNTER_BITS):
        following = next_stamp(5, stamp)
        assert following == stamp + 1
        stamp = following
    assert stamp_ms(stamp) == 6


def test_the_last_stamp_is_a_number_that_documents_hold() -> None:
    assert float(MAX_STAMP) == MAX_STAMP
    assert next_stamp(2**50, MAX_STAMP - 1) == MAX_STAMP
    assert next_stamp(0, MAX_STAMP) == MAX_STAMP
