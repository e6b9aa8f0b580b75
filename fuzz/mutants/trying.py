"""Trying mutants, each in a process of its own: a bug may hang it, or end it."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from .catching import SEEDS
from .patches import Mutant, read

__all__ = ["MUTANTS", "ROOT", "Verdict", "try_all"]

SECONDS: Final = 300
"""After which a mutant that never ends counts as noticed."""

SECONDS_OF_A_SEED: Final = 5
"""That long may each further seed take, where many are looked through."""

SAID: Final = 2_000
"""Characters of what a process that failed said last."""

ROOT: Final = Path(__file__).parents[2]
"""Where our packages lie."""

MUTANTS: Final = tuple(map(read, sorted(Path(__file__).parent.glob("*.patch"))))

_BROKEN: Final = ("NameError", "ImportError", "ModuleNotFoundError", "SyntaxError")
"""What shows that a patch makes no sense, and not that somebody noticed what it breaks."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What noticed a mutant; nothing did if `by` is empty.

    seeds: how many of the catcher's seeds it takes, from 1 on; 0 where it has none.
    seconds: how long the process took, from its start.
    """

    mutant: Mutant
    by: str
    seeds: int
    seconds: float = 0.0


def try_all(
    mutants: Sequence[Mutant] = MUTANTS,
    jobs: int = 1,
    *,
    all_seeds: bool = False,
    seeds: int = SEEDS,
) -> Iterator[Verdict]:
    """Try each mutant, so many at once; with `all_seeds` as if none named a seed."""
    with ThreadPoolExecutor(jobs) as pool:  # each waits for a process of its own
        yield from pool.map(partial(_tried, all_seeds=all_seeds, seeds=seeds), mutants)


def _tried(mutant: Mutant, *, all_seeds: bool, seeds: int) -> Verdict:
    seed = 0 if all_seeds else mutant.seed
    program = str(Path(__file__).with_name("planting.py"))
    command = [sys.executable, program, mutant.catcher, str(seed), str(seeds)]
    began = time.perf_counter()
    try:
        ended = subprocess.run(  # noqa: S603 - what patches of ours name
            command,
            input=json.dumps(mutant.planted(ROOT)),
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
            timeout=SECONDS + SECONDS_OF_A_SEED * max(seeds - SEEDS, 0),
        )
    except subprocess.TimeoutExpired:
        return Verdict(mutant, "a run that never ended", 1, time.perf_counter() - began)
    seconds = time.perf_counter() - began
    if ended.returncode < 0:
        return Verdict(mutant, f"the process ended by signal {-ended.returncode}", 1, seconds)
    found = None if ended.returncode else json.loads(ended.stdout.splitlines()[-1])
    if ended.returncode or (found and found[1].startswith(_BROKEN)):
        raise ValueError(f"With {mutant.path} nothing can be run:\n{ended.stderr[-SAID:]}")
    if found is None:
        return Verdict(mutant, "", seeds if mutant.seed else 0, seconds)
    return Verdict(mutant, found[1], found[0], seconds)
