"""The demo in a terminal, drawn with rich. Colours only where there is a terminal."""

from collections.abc import Iterable

from rich import box
from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.panel import Panel
from rich.table import Table as Grid
from rich.text import Text

from .telling import Section, Table, Tone, Value

__all__ = ["draw"]

# Columns beyond which lines get tiresome to read, and tables fall apart.
WIDEST = 120

# Tables of more columns share the width equally, so that those of one panel stand in line.
ALIGNED = 4
EMPTY = "(empty)"

STYLES = {
    Tone.PLAIN: "",
    Tone.QUIET: "dim",
    Tone.EDITED: "cyan",
    Tone.KEPT: "bold green",
    Tone.LOST: "red",
}


def draw(sections: Iterable[Section], console: Console | None = None) -> None:
    """Print the sections, one panel each."""
    console = console or Console(highlight=False)
    for section in sections:
        parts: list[RenderableType] = []
        if section.text:
            parts.append(Text(section.text))
        parts += [Padding(_grid(table), (1, 0, 0, 0)) for table in section.tables]
        panel = Panel(
            Group(*parts),
            title=Text(section.heading, style="bold"),
            title_align="left",
            border_style="blue",
            padding=(1, 2),
            width=min(console.width, WIDEST),
        )
        console.print(panel)


def _grid(table: Table) -> Grid:
    aligned = len(table.columns) > ALIGNED
    grid = Grid(
        title=Text(table.title, style="bold") if table.title else None,
        title_justify="left",
        box=box.SIMPLE_HEAD,
        show_edge=False,
        pad_edge=False,
        padding=(0, 2, 0, 0),
        expand=aligned,
    )
    for column in table.columns:
        grid.add_column(
            column, header_style="italic", overflow="fold", ratio=1 if aligned else None
        )
    for row in table.rows:
        grid.add_row(*(_cell(value) for value in row))
    return grid


def _cell(value: Value) -> Text:
    if not value.text:
        return Text(EMPTY, style=STYLES[Tone.QUIET])
    return Text(value.text, style=STYLES[value.tone])
