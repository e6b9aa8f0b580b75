"""Positions: text that sorts as the items of a list do, and keeps each writer's run together."""

from itertools import count
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crdt.entry import Dot
from crdt.positions import MAX_POSITION, between, is_position, sort_key

few = settings(max_examples=60)
REPLICAS = (7, 2**53 - 1, 3 << 40, 0)
indices = st.lists(st.tuples(st.sampled_from(REPLICAS), st.integers(0, 10**6)), max_size=25)


def insert(positions: list[str], index: int, dot: Dot) -> str:
    """Insert behind `index` items; the list stays sorted."""
    left = positions[index - 1] if index else None
    right = positions[index] if index < len(positions) else None
    positions.insert(index, between(left, right, dot))
    return positions[index]


def grown(steps: list[tuple[int, int]], clock: Any) -> list[str]:
    positions: list[str] = []
    for replica, place in steps:
        insert(positions, place % (len(positions) + 1), Dot(replica, next(clock)))
    return positions


@few
@given(indices)
def test_an_item_sorts_where_it_was_put_and_no_two_are_alike(steps: list[tuple[int, int]]) -> None:
    positions = grown(steps, count())
    assert positions == sorted(positions, key=sort_key)
    assert len(set(positions)) == len(positions)
    assert all(map(is_position, positions))


@few
@given(indices, st.integers(0, 100), indices, indices, st.permutations(REPLICAS))
def test_runs_written_at_the_same_time_at_the_same_place_are_not_interleaved(
    steps: list[tuple[int, int]],
    place: int,
    mine: list[tuple[int, int]],
    yours: list[tuple[int, int]],
    replicas: list[int],
) -> None:
    clock = count()
    base = grown(steps, clock)
    gap = place % (len(base) + 1)
    runs = []
    for replica, run in zip(replicas, (mine, yours), strict=False):
        positions, written = list(base), 0
        for _, index in run:
            insert(positions, gap + index % (written + 1), Dot(replica, next(clock)))
            written += 1
        runs.append(positions[gap : gap + written])
    together = sorted([*base, *runs[0], *runs[1]], key=sort_key)
    for written_by_one in runs:
        start = together.index(written_by_one[0]) if written_by_one else 0
        assert together[start : start + len(written_by_one)] == written_by_one


@pytest.mark.parametrize("at_the_end", [True, False])
@pytest.mark.parametrize("writers", [1, 2, 5])
def test_who_appends_or_prepends_takes_a_few_characters_for_each_item(
    writers: int, at_the_end: bool
) -> None:
    positions: list[str] = []
    for clock in range(3000):
        replica = 2**53 - 1 - clock * 7919 % writers
        insert(positions, len(positions) if at_the_end else 0, Dot(replica, clock))
    assert max(map(len, positions)) <= 15 * (writers + 1)


def test_where_no_position_is_short_enough_the_item_goes_behind() -> None:
    left, clock = between(None, None, Dot(2**53 - 1, 0)), 1
    while len(left) < MAX_POSITION - 15:
        left += between(None, None, Dot(2**53 - 1, clock))
        clock += 1
    right = between(left, None, Dot(2**53 - 1, clock))
    found = between(left, right, Dot(7, clock + 1))
    assert is_position(found)


@pytest.mark.parametrize(
    "value",
    [
        *("", "a", ">", ">0", ">0a", ">0a0", "=0a0a", ">0a0a>", ">0a0a x", "<0a0a", 5, None),
        *(">0a0a" * 401, "\0", ">zzzzzzzzzzzzzzzzzz"),
    ],
)
def test_anything_else_is_no_position(value: Any) -> None:
    assert not is_position(value)


def test_positions_stay_what_they_are() -> None:
    """They stand in documents for ever."""
    one = between(None, None, Dot(1, 0))
    two = between(one, None, Dot(2, 5))
    assert (one, two) == (">000-", ">0104")
