"""Ranges say the same as the sets of clocks that they stand for."""

from hypothesis import given
from hypothesis import strategies as st

from crdt.entry import Dot, Entry
from crdt.ranges import Range, forget_deleted, merge_ranges, outside, write_ranges
from crdt.state import read_deletes

RANGES = st.lists(st.tuples(st.integers(0, 40), st.integers(0, 6)))


def clocks(ranges: list[Range]) -> set[int]:
    return {clock for start, length in ranges for clock in range(start, start + length)}


@given(RANGES)
def test_merged_ranges_hold_the_same_clocks_and_do_not_touch(ranges: list[Range]) -> None:
    merged = merge_ranges(ranges)
    assert clocks(merged) == clocks(ranges)
    ends = [start + length for start, length in merged]
    assert all(end < start for end, (start, _) in zip(ends, merged[1:], strict=False))


@given(RANGES, st.integers(0, 45), st.integers(0, 10))
def test_what_lies_outside_is_what_no_range_holds(
    ranges: list[Range], start: int, length: int
) -> None:
    left = [clock for first, end in outside(start, start + length, merge_ranges(ranges))
            for clock in range(first, end)]  # fmt: skip
    assert left == sorted(set(range(start, start + length)) - clocks(ranges))


@given(RANGES, st.sets(st.integers(0, 45)))
def test_deleted_entries_are_forgotten(ranges: list[Range], present: set[int]) -> None:
    dots = [Dot(replica, clock) for replica in (1, 2) for clock in present]
    entries = {dot: Entry(dot, "title", 1, None) for dot in dots}
    merged = merge_ranges(ranges)
    forget_deleted(entries, {1: merged} if merged else {})
    assert {dot.clock for dot in entries if dot.replica == 1} == present - clocks(ranges)
    assert {dot.clock for dot in entries if dot.replica == 2} == present


@given(st.dictionaries(st.integers(0, 2**53 - 1), RANGES.map(merge_ranges)))
def test_a_written_delete_set_is_read_again(deleted: dict[int, list[Range]]) -> None:
    data = write_ranges(deleted)
    told = {replica: ranges for replica, ranges in deleted.items() if ranges}
    assert read_deletes(data, 0) == (told, len(data))
