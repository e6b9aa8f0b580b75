"""Under which marks clocks were written."""

import pytest

from crdt.made import Made, made_since, made_under, mark_at

MADE: Made = ((7, 2), (8, 5), (7, 6))


@pytest.mark.parametrize(("clock", "mark"), [(0, 0), (2, 7), (4, 7), (5, 8), (6, 7), (99, 7)])
def test_a_mark_is_that_of_what_was_written_until_the_next(clock: int, mark: int) -> None:
    assert mark_at(MADE, clock) == mark


def test_what_goes_on_under_the_same_mark_says_nothing_new() -> None:
    assert made_under(MADE, 7, 9) == MADE
    assert made_under(MADE, 8, 9) == (*MADE, (8, 9))
    assert made_under((), 8, 0) == ((8, 0),)


@pytest.mark.parametrize(
    ("clock", "left"), [(0, MADE), (4, MADE), (5, MADE[1:]), (6, MADE[2:]), (8, MADE[2:]), (9, ())]
)
def test_what_was_acknowledged_is_forgotten(clock: int, left: Made) -> None:
    assert made_since(MADE, clock, 9) == left
    assert made_since((), clock, 9) == ()
