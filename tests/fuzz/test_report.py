"""The page on a long run."""

from __future__ import annotations

from collections import Counter

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


def test_the_page_needs_nothing_but_itself() -> None:
    told = page(Results(6, 200, 1.0, "2 cores", [outcome(1)]))
    assert "<svg" in told
    assert not any(each in told for each in ("http:", "https:", "<script", "<link", "<img"))
