"""`python -m fuzz mutants`: is every planted bug noticed, by what, and how soon?"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Iterable
from pathlib import Path

from .mutants import KEPT, MUTANTS, Verdict, try_all
from .mutants.catching import SEEDS

__all__ = ["add_arguments", "run"]

SHOWN = 70
"""Characters of what noticed a mutant that fit into a line beside the rest."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    parser.add_argument("names", nargs="*", help="of these mutants only")
    parser.add_argument("--jobs", type=int, default=2, help="processes (default: 2)")
    parser.add_argument(
        "--all-seeds",
        action="store_true",
        help="look with every seed from 1 on, not first with the one that a patch names",
    )
    parser.add_argument(
        "--seeds", type=int, default=SEEDS, help=f"look no further than that (default: {SEEDS})"
    )
    parser.add_argument(
        "--note", action="store_true", help="write into the patches which seed was the first"
    )
    parser.add_argument("--json", type=Path, help="write the verdicts to this file, too")


def run(options: argparse.Namespace) -> int:
    """Try the mutants; 1 if one of them survives, or the run that is kept for it does not fail."""
    unknown = set(options.names) - {each.name for each in MUTANTS}
    if unknown:
        sys.stderr.write(f"There is no mutant {', '.join(sorted(unknown))} in fuzz/mutants.\n")
        return 2
    chosen = [each for each in MUTANTS if each.name in options.names or not options.names]
    began = time.perf_counter()
    verdicts = []
    trying = try_all(chosen, options.jobs, all_seeds=options.all_seeds, seeds=options.seeds)
    for verdict in trying:
        verdicts.append(verdict)
        _show(verdict)
        if options.note and verdict.by and verdict.mutant.seed:
            verdict.mutant.note(verdict.seeds)
    if options.json is not None:
        options.json.write_text(_as_json(verdicts), encoding="utf-8")
    survived = sum(not each.by for each in verdicts)
    moved = [] if options.all_seeds or options.note else [*filter(_has_moved, verdicts)]
    for each in moved:
        _say(f"Seed {each.mutant.seed}, kept for {each.mutant.name}, does not show it any more.")
        _say(f"Write down the first that does: python -m fuzz mutants {each.mutant.name} --note")
    seconds = time.perf_counter() - began
    where = f"{options.jobs} processes, {os.cpu_count()} cores"
    _say(f"{len(chosen)} mutants, {survived} survived; {seconds:.0f} s, {where}.")
    return 1 if survived or moved else 0


def _has_moved(verdict: Verdict) -> bool:
    """Was a bug that is kept noticed by another run than the one kept for it?"""
    mutant = verdict.mutant
    return bool(mutant.name in KEPT and verdict.by and verdict.seeds != mutant.seed)


def _show(verdict: Verdict) -> None:
    mutant, seeds = verdict.mutant, verdict.seeds or ""
    by = verdict.by[:SHOWN] if verdict.by else "SURVIVED"
    _say(f"{mutant.name:<28} {seeds:>3} {verdict.seconds:5.1f} s  {mutant.catcher}: {by}")
    _say(f"{'':<41}{mutant.cause}")


def _as_json(verdicts: Iterable[Verdict]) -> str:
    told = [
        {
            "name": each.mutant.name,
            "cause": each.mutant.cause,
            "catcher": each.mutant.catcher,
            "by": each.by,
            "seeds": each.seeds,
            "seconds": round(each.seconds, 1),
        }
        for each in verdicts
    ]
    return json.dumps(told, indent=1, ensure_ascii=False) + "\n"


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()
