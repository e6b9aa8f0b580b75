"""`python -m fuzz report`: many simulations and all planted bugs, told on one page."""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import time
from pathlib import Path
from typing import Final

from .mutants import MUTANTS, Verdict, try_all
from .report import Results, page
from .simulate_command import Run, outcomes

__all__ = ["add_arguments", "run"]

SECONDS: Final = 60
"""Of a minute."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    parser.add_argument("--seed", type=int, default=1, help="the first seed (default: 1)")
    parser.add_argument("--seeds", type=int, default=1_000, help="how many (default: 1,000)")
    parser.add_argument("--minutes", type=float, help="end after so long, with fewer seeds")
    parser.add_argument("--clients", type=int, default=6, help="devices (default: 6)")
    parser.add_argument("--steps", type=int, default=200, help="steps of a run (default: 200)")
    parser.add_argument("--jobs", type=int, default=1, help="processes (default: 1)")
    parser.add_argument(
        "--mutants",
        type=Path,
        help="what `python -m fuzz mutants --json` wrote, instead of trying them again",
    )
    parser.add_argument("--no-mutants", action="store_true", help="leave out the planted bugs")
    parser.add_argument("--out", type=Path, default=Path("report.html"), help="the file to write")


def run(options: argparse.Namespace) -> int:
    """Write the page; 1 if a run failed, or a planted bug was not noticed."""
    results = Results(options.clients, options.steps)
    seeds = range(options.seed, options.seed + options.seeds)
    runs = [Run(seed, options.clients, options.steps) for seed in seeds]
    began = time.perf_counter()
    for number, outcome in enumerate(outcomes(runs, options.jobs), 1):
        results.outcomes.append(outcome)
        if not number % 50:
            sys.stderr.write(f"{number} runs\n")
        if options.minutes and time.perf_counter() - began > options.minutes * SECONDS:
            break
    results.seconds = time.perf_counter() - began
    results.machine = (
        f"{options.jobs} of {os.cpu_count()} cores, Python {platform.python_version()}"
    )
    if options.mutants is not None:
        results.verdicts = _verdicts(options.mutants.read_text(encoding="utf-8"))
    elif not options.no_mutants:
        results.verdicts = list(try_all(jobs=options.jobs))
    options.out.write_text(page(results), encoding="utf-8")
    failed = sum(each.failure is not None for each in results.outcomes)
    survived = sum(not each.by for each in results.verdicts)
    sys.stdout.write(
        f"{len(results.outcomes)} runs, {failed} failed; {len(results.verdicts)} planted bugs, "
        f"{survived} not noticed; {options.out}\n"
    )
    return 1 if failed or survived else 0


def _verdicts(text: str) -> list[Verdict]:
    """What became of the mutants that there still are."""
    told = {each["name"]: each for each in json.loads(text)}
    return [
        Verdict(mutant, found["by"], found["seeds"], found["seconds"])
        for mutant in MUTANTS
        if (found := told.get(mutant.name)) is not None
    ]
