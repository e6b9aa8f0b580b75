"""Simulations: the same seed is the same run, and what ever failed is run again."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.beside

CHECKOUT = Path(__file__).parents[2]
SEEDS = int(os.environ.get("PULSE_FUZZ_SEEDS", "6"))


def simulate(*arguments: str, hash_seed: str = "0") -> str:
    """What `python -m fuzz simulate` prints."""
    kept = {k: v for k, v in os.environ.items() if k != "DJANGO_SETTINGS_MODULE"}
    done = subprocess.run(
        [sys.executable, "-m", "fuzz", "simulate", *arguments],
        cwd=CHECKOUT,
        env=kept | {"PYTHONHASHSEED": hash_seed},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-5_000:] + done.stderr[-2_000:]
    return done.stdout


def test_the_same_seed_is_the_same_run_bit_for_bit() -> None:
    told = [simulate("--seed", "5", "--steps", "150", hash_seed=each) for each in ("1", "2")]
    digests = {re.search(r"seed 5: (\w{64})", each)[1] for each in told}  # type: ignore[index]
    assert len(digests) == 1


def test_whatever_goes_wrong_every_promise_is_kept() -> None:
    """In these runs nearly every kind of fault happens; in a hundred, every one has to."""
    told = simulate("--seeds", str(SEEDS), "--clients", "5", "--seed", "27")
    assert f"{SEEDS} runs" in told
    injected = re.search(r"^Faults: (.*)$", told, re.MULTILINE)[1]  # type: ignore[index]
    faults = dict(each.rsplit(" ", 1) for each in injected.split(", "))
    assert len(faults) >= 26
    assert sum(times == "0" for times in faults.values()) <= 3


def test_every_run_that_ever_failed_is_run_again() -> None:
    assert "0 failed" in simulate("--kept")
