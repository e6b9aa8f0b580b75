"""Trying mutants, each in a process of its own: a bug may hang it, or end it."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from typing import Final

from .catching import SEEDS
from .patches import Mutant, read
from .planting import Ended, Task

__all__ = ["MUTANTS", "ROOT", "Verdict", "try_all"]

SECONDS: Final = 300
"""After which a mutant that never ends counts as noticed."""

SECONDS_OF_A_SEED: Final = 5
"""That long may each further seed take, where many are looked through."""

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
    with ExitStack() as stack:
        free: SimpleQueue[_Planting] = SimpleQueue()
        for _ in range(min(jobs, len(mutants))):
            free.put(stack.enter_context(_Planting()))

        def tried(mutant: Mutant) -> Verdict:
            planting = free.get()
            try:
                return planting.tried(mutant, 0 if all_seeds else mutant.seed, seeds)
            finally:
                free.put(planting)

        with ThreadPoolExecutor(jobs) as pool:  # each waits for a process
            yield from pool.map(tried, mutants)


class _Planting:
    """The process that plants one mutant after the other."""

    def __enter__(self) -> _Planting:
        program = str(Path(__file__).with_name("planting.py"))
        self._process = subprocess.Popen(  # noqa: S603 - a file of ours
            [sys.executable, program],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        return self

    def __exit__(self, *error: object) -> None:
        self._process.communicate()

    def tried(self, mutant: Mutant, seed: int, seeds: int) -> Verdict:
        """Try one."""
        began = time.perf_counter()
        ended = self._do(
            Task(
                texts=mutant.planted(ROOT),
                catcher=mutant.catcher,
                seed=seed,
                seeds=seeds,
                seconds=SECONDS + SECONDS_OF_A_SEED * max(seeds - SEEDS, 0),
            )
        )
        seconds = time.perf_counter() - began
        status, found = ended["status"], ended["found"]
        if status is None:
            return Verdict(mutant, "a run that never ended", 1, seconds)
        if status < 0:
            return Verdict(mutant, f"the process ended by signal {-status}", 1, seconds)
        if status or (found and found[1].startswith(_BROKEN)):
            raise ValueError(f"With {mutant.path} nothing can be run:\n{ended['said']}")
        if found is None:
            return Verdict(mutant, "", seeds if mutant.seed else 0, seconds)
        return Verdict(mutant, found[1], found[0], seconds)

    def _do(self, task: Task) -> Ended:
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin, "a pipe"
        assert stdout, "a pipe"
        stdin.write(json.dumps(task) + "\n")
        stdin.flush()
        ended: Ended = json.loads(stdout.readline())
        return ended
