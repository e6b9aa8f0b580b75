"""`python -m fuzz simulate`: runs of a simulated world, each from its seed."""

from __future__ import annotations

import argparse
import gc
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import Final, NamedTuple

from .simulation.outcome import Outcome, faults
from .simulation.project import set_up

__all__ = ["Run", "add_arguments", "outcomes", "run"]


ENOUGH_RUNS: Final = 100
"""Runs in which every kind of fault has to happen, or the simulation does not do what it says."""


OBJECTS_A_COLLECTION: Final = 50_000
"""New objects after which Python looks for cycles: a run makes and frees millions, few in one."""


class Run(NamedTuple):
    """What one simulation is made of."""

    seed: int
    clients: int
    steps: int


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    parser.add_argument("--seed", type=int, default=1, help="the first seed (default: 1)")
    parser.add_argument("--seeds", type=int, default=1, help="how many seeds (default: 1)")
    parser.add_argument("--clients", type=int, default=8, help="devices (default: 8)")
    parser.add_argument("--steps", type=int, default=200, help="steps of a run (default: 200)")
    parser.add_argument("--jobs", type=int, default=1, help="processes (default: 1)")
    parser.add_argument("--until-failure", action="store_true", help="end with the first failure")
    parser.add_argument(
        "--kept", action="store_true", help="those that once found something, instead"
    )


def run(options: argparse.Namespace) -> int:
    """Run the simulations; 1 if one of them shows something wrong."""
    began, done = time.perf_counter(), list[Outcome]()
    seeds = range(options.seed, options.seed + options.seeds)
    runs: Sequence[Run] = [Run(seed, options.clients, options.steps) for seed in seeds]
    if options.kept:
        from .mutants.kept import kept_runs

        runs = [Run(*each) for each in kept_runs()]
    for one, outcome in zip(runs, outcomes(runs, options.jobs), strict=True):
        done.append(outcome)
        if outcome.failure is not None:
            again = f"python -m fuzz simulate --seed {one.seed} --clients {one.clients}"
            _say("\n".join(outcome.log))
            _say(f"seed {one.seed} failed: {outcome.failure}")
            _say(f"Again: {again} --steps {one.steps}")
            _say("Once it is put right: plant it in fuzz/mutants, and name it in kept.py there.\n")
            if options.until_failure:
                return 1
        elif len(runs) == 1:
            _say(f"seed {one.seed}: {outcome.digest}")
    failed = sum(outcome.failure is not None for outcome in done)
    checks = sum(outcome.checks for outcome in done)
    seconds = time.perf_counter() - began
    injected = faults(done)
    _say("Faults: " + ", ".join(f"{kind} {times:,}" for kind, times in injected.items()))
    _say(f"{len(runs)} runs, {checks} observations, {failed} failed, {seconds:.1f} s.")
    missing = [kind for kind, times in injected.items() if not times]
    if missing and len(runs) >= ENOUGH_RUNS:
        _say(f"Never happened: {', '.join(missing)}.")
    return 1 if failed or (missing and len(runs) >= ENOUGH_RUNS) else 0


def outcomes(runs: Sequence[Run], jobs: int = 1) -> Iterator[Outcome]:
    """What becomes of each run, in their order."""
    if jobs == 1:
        set_up()
        yield from map(_outcome, runs)
        return
    with ProcessPoolExecutor(jobs, get_context("spawn"), _begin) as pool:
        yield from pool.map(_outcome, runs, chunksize=5)


def _begin() -> None:
    """In a process that does nothing else."""
    set_up()
    gc.freeze()
    gc.set_threshold(OBJECTS_A_COLLECTION)


def _outcome(one: Run) -> Outcome:
    from .simulation.running import simulate

    return simulate(*one)


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
