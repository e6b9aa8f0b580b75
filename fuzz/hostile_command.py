"""`python -m fuzz hostile`: many hostile updates, in child processes that may die of them."""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

__all__ = ["Failure", "Tally", "add_arguments", "run", "try_cases"]

BATCH: Final = 20_000
"""Cases of one child: starting it is then a small part of its time, and memory it may have lost by
a bug is given back before it hurts.
"""

PRINTED: Final = 3_000
"""Characters of what a failed child said last: the trace, not all that came before."""


@dataclass(frozen=True, slots=True)
class Failure:
    """The case at which a child ended, its exit status (negative: a signal) and its last words."""

    seed: int
    number: int
    status: int
    words: str

    def __str__(self) -> str:
        again = f"python -m fuzz hostile --seed {self.seed} --first {self.number} --cases 1"
        how = f"signal {-self.status}" if self.status < 0 else f"exit status {self.status}"
        said = f"Case {self.number} of seed {self.seed} ended the process ({how})."
        return f"{said}\n{self.words}\nAgain: {again}"


@dataclass(slots=True)
class Tally:
    """How often each verdict came, each mutation, and what failed."""

    verdicts: Counter[str] = field(default_factory=Counter)
    mutations: Counter[str] = field(default_factory=Counter)
    failure: Failure | None = None


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    parser.add_argument("--cases", type=int, default=10_000, help="how many (default: 10,000)")
    parser.add_argument("--seed", type=int, default=1, help="which (default: 1)")
    parser.add_argument("--first", type=int, default=0, help="the number of the first")
    parser.add_argument("--peer", default="", help="a command that knows Yjs; see fuzz/peer.py")


def run(options: argparse.Namespace) -> int:
    """Try the cases and say what became of them; 1 if one of them was too much."""
    began = time.monotonic()
    tally = try_cases(options.seed, options.first, options.cases, options.peer, _show)
    if tally.failure is not None:
        _say(str(tally.failure))
        return 1
    seconds = time.monotonic() - began
    verdicts = ", ".join(f"{count} {verdict}" for verdict, count in tally.verdicts.most_common())
    _say(f"{options.cases} cases of seed {options.seed} in {seconds:.0f} s: {verdicts}.")
    return 0


def try_cases(
    seed: int,
    first: int,
    count: int,
    peer: str = "",
    tell: Callable[[int], None] | None = None,
) -> Tally:
    """Try `count` cases from number `first` on; ends with the first failure.

    `peer` is a command, see `fuzz.peer`, that must agree on what was accepted. `tell` hears after
    each batch how many cases are done.
    """
    tally = Tally()
    end = first + count
    for begin in range(first, end, BATCH):
        tally.failure = _run_child((seed, begin, min(BATCH, end - begin)), peer, tally)
        if tally.failure is not None:
            break
        if tell is not None:
            tell(min(begin + BATCH, end) - first)
    return tally


def _run_child(cases: tuple[int, int, int], peer: str, tally: Tally) -> Failure | None:
    seed, first, _ = cases
    command = [sys.executable, "-X", "faulthandler", "-m", "fuzz.hostile_child"]
    # Into a file: a pipe would wake this process at each case.
    with tempfile.TemporaryFile("w+") as told:
        ended = subprocess.run(  # noqa: S603 - numbers, and what whoever runs this has named
            [*command, *map(str, cases), peer],
            stdout=told,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
        told.seek(0)
        last = told.read().splitlines()[-1:]
    if ended.returncode:
        number = int(last[0]) if last else first
        return Failure(seed, number, ended.returncode, ended.stderr[-PRINTED:])
    counts = json.loads(last[0])
    tally.verdicts.update(counts["verdicts"])
    tally.mutations.update(counts["mutations"])
    return None


def _show(done: int) -> None:
    sys.stderr.write(f"{done} cases\n")


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
