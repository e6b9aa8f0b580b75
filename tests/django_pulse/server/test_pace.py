from __future__ import annotations

import pytest

from django_pulse.server.pace import BURST_SECONDS, Pace


def test_a_burst_passes_at_once_and_what_follows_waits_its_turn() -> None:
    pace = Pace(10, now=0)
    assert [pace.delay(0) for _ in range(10 * BURST_SECONDS)] == [0] * 20
    assert pace.delay(0) == pytest.approx(0.1)
    assert pace.delay(0.1) == pytest.approx(0.1)


def test_whoever_waits_as_told_is_served_at_the_rate() -> None:
    pace, now = Pace(50, now=0), 0.0
    for _ in range(1000):
        now += pace.delay(now)
    assert now == pytest.approx((1000 - 50 * BURST_SECONDS) / 50)


def test_a_pause_fills_the_bucket_and_no_more() -> None:
    pace = Pace(1, now=0)
    assert [pace.delay(1_000_000) for _ in range(3)] == [0, 0, 1]


def test_a_rate_below_one_still_lets_the_first_frame_pass() -> None:
    assert Pace(0.1, now=0).delay(0) == 0


def test_a_clock_that_steps_back_costs_nothing() -> None:
    pace = Pace(1, now=10)
    assert pace.delay(5) == 0
    assert pace.delay(5) == 0
