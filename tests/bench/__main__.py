"""The command line of the benchmarks."""

from __future__ import annotations

import argparse
import importlib
import json
import os
import sys
import time
from collections.abc import Sequence

from tests.bench.database import temporary
from tests.bench.measuring import Options, Report

NAMES = ("upload", "text", "save", "bulk", "load", "wire", "bootstrap", "access", "size")
DATABASES = ("sqlite", "postgres")


def main(arguments: Sequence[str] | None = None) -> int:
    chosen = _parsed(arguments)
    names = [chosen.name] if chosen.name else list(NAMES)
    options = Options(chosen.rounds, chosen.scale)
    reports: dict[str, Report] = {}
    with temporary(chosen.database):
        for name in names:
            if not chosen.json:
                print(f"\n{name} on {chosen.database}", flush=True)
            start = time.perf_counter()
            reports[name] = importlib.import_module(f"tests.bench.{name}").run(options)
            if not chosen.json:
                print(*("", *reports[name].tables), sep="\n\n")
                print(f"\n{time.perf_counter() - start:.0f} s, {_load()}", flush=True)
    if chosen.json:
        figures = {name: report.figures for name, report in reports.items()}
        print(json.dumps(figures[chosen.name] if chosen.name else figures, indent=2))
    return 0


def _parsed(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench")
    parser.add_argument("name", nargs="?", choices=NAMES, help="one benchmark (default: all)")
    parser.add_argument("--json", action="store_true", help="print figures for machines")
    parser.add_argument(
        "--database", choices=DATABASES, default=os.environ.get("PULSE_TEST_DB", "sqlite")
    )
    parser.add_argument("--rounds", type=int, default=5, help="rounds of each (default: 5)")
    parser.add_argument("--scale", type=float, default=1.0, help="part of the rows (default: 1)")
    return parser.parse_args(arguments)


def _load() -> str:
    """How busy the machine is: figures from one that does other work mean less."""
    busy, cores = os.getloadavg()[0], os.cpu_count()
    return f"load {busy:.1f} on {cores} cores"


if __name__ == "__main__":
    sys.exit(main())
