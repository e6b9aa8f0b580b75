"""The page itself: HTML that needs nothing else."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape
from typing import Final

from ..mutants import Verdict
from ..simulation.outcome import NETWORK, OTHERS, Outcome, faults
from .plots import bars, curve, heat

__all__ = ["Results", "page"]

SHOWN: Final = 160
"""Characters of what noticed a planted bug."""

_STYLE: Final = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 860px; margin: 2em auto; padding: 0 1em;
  color: #1c2733; }
h1 { font-size: 1.6em } h2 { font-size: 1.2em; margin-top: 2em }
table { border-collapse: collapse; width: 100% } td, th { text-align: left; padding: 3px 8px;
  border-bottom: 1px solid #dde3e9; vertical-align: top } td.n { text-align: right }
svg { max-width: 100%; height: auto } svg text { font-size: 11px; fill: #1c2733 }
svg rect { fill: #2f6f9f } svg polyline { fill: none; stroke: #2f6f9f; stroke-width: 2 }
svg line { stroke: #9aa7b4 } .bad { color: #b00020; font-weight: bold }
"""


@dataclass(slots=True)
class Results:
    """What the page tells."""

    clients: int
    steps: int
    seconds: float = 0.0
    machine: str = ""
    outcomes: list[Outcome] = field(default_factory=list)
    verdicts: list[Verdict] = field(default_factory=list)


def page(results: Results) -> str:
    """The whole page."""
    counts = Counter[str]()
    for each in results.outcomes:
        counts.update(each.counts)
    injected = faults(results.outcomes)
    crashes = {kind: times for kind, times in injected.items() if kind.startswith("killed")}
    network = {name: injected[name] for name in NETWORK}
    others = {name: injected[name] for name in OTHERS}
    rules = {
        name.removeprefix("rule "): count
        for name, count in counts.items()
        if name.startswith("rule ")
    }
    sections = (
        ("Runs", _runs(results)),
        ("Processes killed, by fault point", bars(crashes)),
        ("What the network did", bars(network)),
        ("What else happened", bars(others)),
        ("Entries merged, by rule", bars(rules)),
        ("Interleavings", _interleavings(results.outcomes)),
        ("Planted bugs", _mutants(results.verdicts)),
    )
    body = "".join(f"<h2>{title}</h2>{content}" for title, content in sections)
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        f"<title>Django Pulse: simulations</title><style>{_STYLE}</style></head>"
        f"<body><h1>Django Pulse: simulations</h1>{body}</body></html>\n"
    )


def _runs(results: Results) -> str:
    outcomes = results.outcomes
    failed = [each for each in outcomes if each.failure is not None]
    seeds = f"{outcomes[0].seed} to {outcomes[-1].seed}" if outcomes else "none"
    rows = (
        ("runs", f"{len(outcomes):,} (seeds {seeds})"),
        ("devices, steps of each", f"{results.clients}, {results.steps}"),
        ("steps in all", f"{len(outcomes) * results.steps:,}"),
        ("observations checked", f"{sum(each.checks for each in outcomes):,}"),
        ("time", f"{results.seconds:,.0f} s on {results.machine}"),
        ("runs that showed something wrong", str(len(failed))),
    )
    told = "".join(
        f'<p class="bad">seed {each.seed}: {escape(str(each.failure))}</p>' for each in failed
    )
    return _table([(escape(name), escape(value)) for name, value in rows]) + told


def _interleavings(outcomes: Sequence[Outcome]) -> str:
    seen: set[tuple[str, str]] = set()
    growth, counts = [], Counter[tuple[str, str]]()
    for each in outcomes:
        seen |= each.pairs
        counts.update(each.pairs)
        growth.append(len(seen))
    names = sorted({name for pair in seen for name in pair if name})
    told = (
        "<p>An interleaving, here, is an ordered pair of things of which the one was followed by "
        "the other: what somebody did, what the network did, and each fault point at which a "
        f"process was killed. Of {len(names) ** 2:,} pairs {len(seen):,} happened. Row, then "
        "column:</p>"
    )
    return curve(growth, "pairs of events seen so far") + told + heat(names, counts)


def _mutants(verdicts: Sequence[Verdict]) -> str:
    if not verdicts:
        return "<p>Not tried in this run.</p>"
    killed = [each for each in verdicts if each.by]
    rows = [
        (
            f"<b>{escape(each.mutant.name)}</b><br>{escape(each.mutant.cause)}",
            f"{escape(each.mutant.catcher)}: {escape(each.by[:SHOWN])}"
            if each.by
            else '<span class="bad">nothing</span>',
            str(each.seeds or ""),
        )
        for each in verdicts
    ]
    head = "<tr><th>what was changed</th><th>what noticed it</th><th>seeds</th></tr>"
    soon = bars({each.mutant.name: each.seeds for each in killed if each.seeds})
    told = f"<p>{len(killed)} of {len(verdicts)} were noticed; after how many seeds:</p>"
    return told + soon + _table(rows, head)


def _table(rows: Sequence[tuple[str, ...]], head: str = "") -> str:
    body = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<table>{head}{body}</table>"
