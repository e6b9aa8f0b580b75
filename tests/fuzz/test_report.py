"""The page on a long run."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

from fuzz.mutants import MUTANTS, Verdict
from fuzz.report import Results, page
from fuzz.simulation.outcome import Outcome


def outcome(seed: int, failure: str | None = None) -> Outcome:
    counts = Counter({"edit": 3, "hint lost": 2, "rule Counter": 5})
    pairs = {("edit", "network"), ("network", "edit")}
    struck = Counter({"after commit": 1})
    return Outcome(seed, "0" * 64, counts, Counter(), struck, pairs, 7, failure)


def test_the_page_tells_what_was_run_what_went_wrong_and_what_was_noticed() -> None:
    results = Results(6, 200, 12.0, "2 cores", [outcome(1), outcome(2, "a <b> row")])
    results.verdicts = [Verdict(MUTANTS[0], "two rows differ", 3), Verdict(MUTANTS[1], "", 120)]
    told = page(results)
    for words in ("killed after commit", "Counter", "hint lost", "two rows differ", "1 of 2 were"):
        assert words in told
    assert "seed 2: a &lt;b&gt; row" in told
    assert MUTANTS[0].cause in told.replace("&#x27;", "'").replace("&quot;", '"')


def test_the_command_tells_of_a_run_and_of_what_became_of_the_mutants(tmp_path: Path) -> None:
    told = [
        {"name": MUTANTS[0].name, "by": "two rows differ", "seeds": 3, "seconds": 1.0},
        {"name": "long gone", "by": "", "seeds": 0, "seconds": 1.0},
    ]
    verdicts, out = tmp_path / "mutants.json", tmp_path / "report.html"
    verdicts.write_text(json.dumps(told))
    numbers = ["--seeds", "2", "--steps", "20", "--clients", "2", "--jobs", "2"]
    files = ["--mutants", str(verdicts), "--out", str(out)]
    # In a process of its own: simulations have a project of their own.
    done = subprocess.run(
        [sys.executable, "-m", "fuzz", "report", *numbers, *files],
        check=False,
        capture_output=True,
        text=True,
    )
    assert "2 runs, 0 failed; 1 planted bugs, 0 not noticed" in done.stdout, done.stderr
    assert "two rows differ" in out.read_text(encoding="utf-8")


def test_the_page_needs_nothing_but_itself() -> None:
    told = page(Results(6, 200, 1.0, "2 cores", [outcome(1)]))
    assert "<svg" in told
    assert not any(each in told for each in ("http:", "https:", "<script", "<link", "<img"))
