"""What looks for planted bugs.

simulation        a simulated world from a seed: what devices saw meanwhile, and what all hold at
                  the end
histories         histories of the bank's models, as `ConvergenceTest` plays them: the laws of merge
                  rules among what they check
hostile           what attackers might send, and what the strict reader says of it
golden            the golden vectors
tests/FILE::TEST  a test, for what only a whole server shows; only in a checkout
"""

from __future__ import annotations

import json
import traceback
from collections.abc import Callable
from typing import Any, Final

__all__ = ["CLIENTS", "GOLDEN", "SEEDED", "SEEDS", "STEPS", "catch"]

GOLDEN: Final = "golden"

SEEDS: Final = 40
"""Seeds with which a mutant has to go unnoticed to count as such."""

CLIENTS: Final = 5
STEPS: Final = 200

HISTORIES: Final = 10
"""Histories of each model that are one seed's."""

HOSTILE_CASES: Final = 2_000
"""Hostile cases that are one seed's: as long as a simulation takes."""

Found = tuple[int, str]
"""The seed that noticed, 0 where there are none, and what it said."""


def catch(catcher: str, seed: int, seeds: int) -> Found | None:
    """Look for the bug with `seed`, if it is not 0, and then with all others up to `seeds`."""
    if catcher not in SEEDED:
        told = _golden() if catcher == GOLDEN else _test(catcher)
        return None if told is None else (0, told)
    look = SEEDED[catcher]
    if seed and (told := look(seed)) is not None:
        return seed, told
    for other in range(1, seeds + 1):
        if other != seed and (told := look(other)) is not None:
            return other, told
    return None


def _simulation(seed: int) -> str | None:
    from ..simulation.project import set_up

    set_up()
    from ..simulation.running import simulate

    return simulate(seed, CLIENTS, STEPS).failure


def _histories(seed: int) -> str | None:
    from ..simulation.project import begin_anew, set_up

    set_up()
    from ..convergence import first_failure
    from ..histories.kit import Kit

    for name in ("account", "memo"):
        kit = Kit.of(getattr(begin_anew(), name), 3, {}, lambda model, number: None)
        failure = first_failure(kit, HISTORIES, seed)
        if failure is not None:
            return failure.broken
    return None


def _hostile(seed: int) -> str | None:
    from ..hostile_child import main

    try:
        main(seed, 0, HOSTILE_CASES)
    except Exception as error:  # noqa: BLE001 - whatever it is, it was not to happen
        line = traceback.extract_tb(error.__traceback__)[-1].line
        return f"{type(error).__name__}: {str(error) or line}"
    return None


def _golden() -> str | None:
    from ..golden.vectors import FILE, golden

    try:
        made = json.loads(golden())
    except Exception as error:  # noqa: BLE001 - whatever it is, it was not to happen
        return f"{type(error).__name__}: {error}"
    kept = json.loads(FILE.read_text(encoding="utf-8"))
    for ours, theirs in zip(made["cases"], kept["cases"], strict=True):
        if ours != theirs:
            return f"golden vectors: {ours['name']} is not what it was"
    return None


SEEDED: Final[dict[str, Callable[[int], str | None]]] = {
    "simulation": _simulation,
    "histories": _histories,
    "hostile": _hostile,
}
"""What looks again, and elsewhere, with every seed."""


_LATE: Final = ("-W", "ignore:Module already imported")
"""Of plugins that pycrdt has imported before pytest asked for them."""


class _FirstFailure:
    """A plugin of pytest: the first test that failed, and how."""

    def __init__(self) -> None:
        self.told = ""

    def pytest_runtest_logreport(self, report: Any) -> None:
        """Called by pytest after each phase of a test."""
        if report.failed and not self.told:
            crash = getattr(report.longrepr, "reprcrash", None)
            said = str(crash.message if crash else report.longrepr).splitlines()
            self.told = f"{report.nodeid.rpartition('::')[2]}: {' '.join(said[:2])}"


def _test(name: str) -> str | None:
    import pytest

    failure = _FirstFailure()
    options = ["-x", "-q", "-p", "no:cacheprovider", "-p", "no:randomly", *_LATE, name]
    status = pytest.main(options, plugins=[failure])
    if status == pytest.ExitCode.OK:
        return None
    if status != pytest.ExitCode.TESTS_FAILED or not failure.told:
        raise ValueError(f"pytest cannot run {name}: {status!r}")
    return failure.told
