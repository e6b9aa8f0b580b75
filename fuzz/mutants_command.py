"""`python -m fuzz mutants`: is every planted bug noticed, by what, and how soon?"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Iterable
from pathlib import Path

from .mutants import MUTANTS, Verdict, try_all

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
        "--note", action="store_true", help="write into the patches which seed was the first"
    )
    parser.add_argument("--json", type=Path, help="write the verdicts to this file, too")


def run(options: argparse.Namespace) -> int:
    """Try the mutants; 1 if one of them survives."""
    unknown = set(options.names) - {each.name for each in MUTANTS}
    if unknown:
        sys.stderr.write(f"There is no mutant {', '.join(sorted(unknown))} in fuzz/mutants.\n")
        return 2
    chosen = [each for each in MUTANTS if each.name in options.names or not options.names]
    began = time.perf_counter()
    verdicts = []
    for verdict in try_all(chosen, options.jobs, all_seeds=options.all_seeds):
        verdicts.append(verdict)
        _show(verdict)
        if options.note and verdict.by and verdict.mutant.seed:
            verdict.mutant.note(verdict.seeds)
    if options.json is not None:
        options.json.write_text(_as_json(verdicts), encoding="utf-8")
    survived = sum(not each.by for each in verdicts)
    seconds = time.perf_counter() - began
    where = f"{options.jobs} processes, {os.cpu_count()} cores"
    _say(f"{len(chosen)} mutants, {survived} survived; {seconds:.0f} s, {where}.")
    return 1 if survived else 0


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
