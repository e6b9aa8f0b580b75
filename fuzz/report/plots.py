"""Plots as SVG, to stand inside a page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Final

__all__ = ["bars", "curve", "heat"]

WIDTH: Final = 760
ROW: Final = 22
LABEL: Final = 220
"""Pixels: of a plot, of one of its rows, of the names on its left."""

HEIGHT: Final = 220
CELL: Final = 14


def bars(values: Mapping[str, int]) -> str:
    """A bar for each name, the longest first."""
    ranked = sorted(values.items(), key=lambda item: (-item[1], item[0]))
    most = max(values.values(), default=0) or 1
    rows = []
    for number, (name, value) in enumerate(ranked):
        top, length = number * ROW, (WIDTH - LABEL - 90) * value / most
        rows.append(
            f'<text x="{LABEL - 8}" y="{top + 15}" text-anchor="end">{escape(name)}</text>'
            f'<rect x="{LABEL}" y="{top + 3}" width="{length:.1f}" height="{ROW - 6}"/>'
            f'<text x="{LABEL + length + 6:.1f}" y="{top + 15}">{value:,}</text>'
        )
    return _svg(WIDTH, max(len(ranked), 1) * ROW, "".join(rows))


def curve(values: Sequence[int], label: str) -> str:
    """How a number grew from one run to the next."""
    most, count = max(values, default=0) or 1, max(len(values) - 1, 1)
    wide, high = WIDTH - 70, HEIGHT - 40
    places = (
        f"{50 + wide * number / count:.1f},{10 + high * (1 - value / most):.1f}"
        for number, value in enumerate(values)
    )
    return _svg(
        WIDTH,
        HEIGHT,
        f'<polyline points="{" ".join(places)}"/>'
        f'<line x1="50" y1="{10 + high}" x2="{50 + wide}" y2="{10 + high}"/>'
        f'<line x1="50" y1="10" x2="50" y2="{10 + high}"/>'
        f'<text x="44" y="18" text-anchor="end">{most:,}</text>'
        f'<text x="{50 + wide}" y="{HEIGHT - 8}" text-anchor="end">{len(values):,} runs</text>'
        f'<text x="56" y="{HEIGHT - 8}">{escape(label)}</text>',
    )


def heat(names: Sequence[str], counts: Mapping[tuple[str, str], int]) -> str:
    """How often the one of the row was followed by the one of the column; darker is more often."""
    most = max(counts.values(), default=0) or 1
    cells = []
    for down, before in enumerate(names):
        top = down * CELL
        cells.append(
            f'<text x="{LABEL - 8}" y="{top + 11}" text-anchor="end">{escape(before)}</text>'
        )
        for along, after in enumerate(names):
            count = counts.get((before, after), 0)
            depth = 0.1 + 0.9 * (count / most) ** 0.3 if count else 0
            cells.append(
                f'<rect x="{LABEL + along * CELL}" y="{top}" width="{CELL - 1}" '
                f'height="{CELL - 1}" fill-opacity="{depth:.2f}">'
                f"<title>{escape(before)}, then {escape(after)}: {count:,} runs</title></rect>"
            )
    return _svg(LABEL + len(names) * CELL, len(names) * CELL, "".join(cells))


def _svg(width: int, height: int, body: str) -> str:
    return f'<svg viewBox="0 0 {width} {height}" width="{width}" height="{height}">{body}</svg>'
