"""`python -m fuzz mutants`: is every planted bug noticed, by what, and how soon?"""

from __future__ import annotations

import argparse
import sys

from .mutants import MUTANTS, try_all

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    parser.add_argument("names", nargs="*", help="of these mutants only")
    parser.add_argument("--jobs", type=int, default=1, help="processes (default: 1)")


def run(options: argparse.Namespace) -> int:
    """Try the mutants; 1 if one of them survives."""
    chosen = [each for each in MUTANTS if each.name in options.names or not options.names]
    survived = 0
    for verdict in try_all(chosen, options.jobs):
        survived += not verdict.by
        noticed = f"{verdict.seeds:>4}  {verdict.by[:150]}" if verdict.by else "   -  SURVIVED"
        sys.stdout.write(f"{verdict.mutant.name:<28} {noticed}\n")
        sys.stdout.flush()
    sys.stdout.write(f"{len(chosen)} mutants, {survived} survived.\n")
    return 1 if survived else 0
