"""Numbers that come back as JavaScript rounds them."""

from __future__ import annotations

from typing import Any

import pytest

from django_pulse.text.rounding import unrounded

ID = 2**53 + 1
ROUNDED = 2**53


@pytest.mark.parametrize(
    ("sent", "told", "meant"),
    [
        (ROUNDED, ID, ID),
        ({"id": ROUNDED, "a": 2}, {"id": ID, "a": 1}, {"id": ID, "a": 2}),
        ([5, [ROUNDED]], [[ID]], [5, [ID]]),
        (1152921504606847000, 2**60, 2**60),
        (float(2**70), 2**70, 2**70),
        (-ROUNDED, -ID, -ID),
        (ROUNDED + 2, ID, ROUNDED + 2),
        (ID + 2, ID, ID + 2),
        (1.0, 1, 1.0),
        (True, ID, True),
        (ROUNDED, "nothing", ROUNDED),
        (ROUNDED, 10**400, ROUNDED),
        (10**400, ID, 10**400),
    ],
)
def test_a_number_that_was_rounded_is_the_one_that_was_told(
    sent: Any, told: Any, meant: Any
) -> None:
    found = unrounded(sent, told)
    assert found == meant
    assert type(found) is type(meant)
