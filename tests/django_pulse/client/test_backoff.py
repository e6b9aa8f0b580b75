"""Pauses between attempts: growing, bounded and spread."""

from random import Random

import pytest

from django_pulse.client.backoff import Backoff


def test_pauses_grow_up_to_the_longest_and_are_spread_over_the_whole_span() -> None:
    backoff, random = Backoff(first=1, longest=8), Random(7)
    for failures, most in [(1, 1), (2, 2), (3, 4), (4, 8), (5, 8), (10_000, 8)]:
        pauses = [backoff.pause(failures, random) for _ in range(500)]
        assert 0 <= min(pauses) < most * 0.1
        assert most * 0.9 < max(pauses) <= most


def test_the_same_seed_gives_the_same_pauses() -> None:
    first, second = Random(3), Random(3)
    assert [Backoff().pause(n, first) for n in range(9)] == [
        Backoff().pause(n, second) for n in range(9)
    ]


@pytest.mark.parametrize(("first", "longest"), [(0, 1), (-1, 1), (2, 1)])
def test_bounds_that_make_no_sense_are_refused(first: float, longest: float) -> None:
    with pytest.raises(ValueError, match="0 < first <= longest"):
        Backoff(first, longest)
