"""Planted bugs: the patches fit the code, and are noticed."""

from __future__ import annotations

from pathlib import Path

import pytest

from fuzz.mutants import MUTANTS, Mutant, fits, try_all

CHECKOUT = Path(__file__).parents[2]


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_a_patch_fits_the_code(mutant: Mutant) -> None:
    assert fits(mutant, CHECKOUT, "--check")


def test_there_are_enough_of_them_and_each_says_what_goes_wrong() -> None:
    assert len(MUTANTS) >= 25
    assert [each.name for each in MUTANTS if not each.cause.endswith(".")] == []


def test_a_planted_bug_is_noticed() -> None:
    chosen = [each for each in MUTANTS if each.name in {"fold_twice", "skip_a_stamp"}]
    verdicts = list(try_all(chosen))
    assert len(verdicts) == 2
    assert all(each.by for each in verdicts)
