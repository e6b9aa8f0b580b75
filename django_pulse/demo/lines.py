"""The demo as plain lines: for scripts, logs and terminals that can do nothing else."""

from collections.abc import Iterable, Iterator

from .telling import Section, Table

__all__ = ["lines"]


def lines(sections: Iterable[Section]) -> Iterator[str]:
    """The sections, one line for each row of their tables."""
    for section in sections:
        yield f"# {section.heading}"
        if section.text:
            yield section.text
        for table in section.tables:
            yield from _table_lines(table)
        yield ""


def _table_lines(table: Table) -> Iterator[str]:
    if table.title:
        yield f"  {table.title}"
    for first, *others in table.rows:
        named = zip(table.columns[1:], others, strict=True)
        rest = "; ".join(f"{column}: {cell.text or '(empty)'}" for column, cell in named)
        yield f"  - {first.text}" + (f" | {rest}" if rest else "")
