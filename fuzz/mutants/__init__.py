"""Planted bugs: patches of our own code, each of which a simulation must notice.

A patch begins with a sentence on what goes wrong. One that nothing notices is a missing check.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final

__all__ = ["MUTANTS", "SEEDS", "Mutant", "Verdict", "applied", "fits", "try_all"]

SEEDS: Final = 120
"""Simulations that a mutant has to survive to count as not noticed."""

CLIENTS: Final = 5

SECONDS: Final = 900
"""After which a mutant that never ends counts as noticed."""

_HERE: Final = Path(__file__).parent
_SOURCES: Final = ("crdt", "django_pulse", "fuzz")


@dataclass(frozen=True, slots=True)
class Mutant:
    """One patch: its name, what goes wrong with it, and where it lies."""

    name: str
    cause: str
    path: Path


@dataclass(frozen=True, slots=True)
class Verdict:
    """What noticed a mutant, after how many simulations; nothing did if `by` is empty."""

    mutant: Mutant
    by: str
    seeds: int


def _mutants() -> Iterator[Mutant]:
    for path in sorted(_HERE.glob("*.patch")):
        cause = path.read_text(encoding="utf-8").split("\n\n", 1)[0]
        yield Mutant(path.stem, " ".join(cause.split()), path)


MUTANTS: Final = tuple(_mutants())


def try_all(mutants: Sequence[Mutant] = MUTANTS, jobs: int = 1) -> Iterator[Verdict]:
    """Run the simulations with each mutant until one fails."""
    with ThreadPoolExecutor(jobs) as pool:  # each waits for a process of its own
        yield from pool.map(_tried, mutants)


def applied(mutant: Mutant, folder: Path) -> bool:
    """Copy our code into an empty folder, and mutate it there; False if the patch does not fit."""
    for name in _SOURCES:
        source = _HERE.parents[1] / name
        shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    return fits(mutant, folder)


def fits(mutant: Mutant, folder: Path, *options: str) -> bool:
    """Apply the patch to the code in a folder (with "--check" only try to); False if it does not
    fit. One line around each change has to be the same: the code next to it may go on changing.
    """
    git = ["git", "apply", "-C1", "--whitespace=nowarn", *options, str(mutant.path)]
    done = subprocess.run(git, cwd=folder, capture_output=True, check=False)  # noqa: S603
    return not done.returncode


def _tried(mutant: Mutant) -> Verdict:
    with tempfile.TemporaryDirectory(prefix="pulse-mutant-") as name:
        folder = Path(name)
        if not applied(mutant, folder):
            raise ValueError(f"The patch {mutant.path.name} does not fit the code any more.")
        command = [sys.executable, "-m", "fuzz", "simulate", "--until-failure"]
        numbers = ["--seeds", str(SEEDS), "--clients", str(CLIENTS)]
        try:
            done = subprocess.run(  # noqa: S603 - numbers only
                [*command, *numbers],
                cwd=folder,
                capture_output=True,
                text=True,
                check=False,
                timeout=SECONDS,
            )
        except subprocess.TimeoutExpired:
            return Verdict(mutant, "a simulation that never ended", 1)
    if not done.returncode:
        return Verdict(mutant, "", SEEDS)
    told = re.findall(r"^seed (\d+) failed: (.*)$", done.stdout, re.MULTILINE)
    if not told:
        raise ValueError(f"With {mutant.path.name} nothing can be run: {done.stderr[-500:]}")
    return Verdict(mutant, told[-1][1], int(told[-1][0]))
