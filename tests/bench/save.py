"""Save: what `save()` of a synced row costs beside that of a plain one of the same columns."""

from __future__ import annotations

from typing import Any

from tests.bench.database import cleared, prepared
from tests.bench.measuring import Options, Report, Table, Timing, take_turns
from tests.bench.models import PlainTask
from tests.bench.upload import values_of
from tests.project.todo.models import Task

__all__ = ["run"]

SAVES = 400


def run(options: Options) -> Report:
    """Time creating, saving with a change and saving without one, in turns, each by itself."""
    cleared()
    user, count = prepared("saver"), options.rows(SAVES)
    rows: dict[Any, Any] = {}

    def create(model: Any, number: int) -> None:
        rows[model] = model.objects.create(user=user, **values_of(number))

    def change(model: Any, number: int) -> None:
        rows[model].title = f"Changed {number}"
        rows[model].save()

    steps = {"create": create, "changed": change, "unchanged": lambda model, _: rows[model].save()}
    report, lines = Report(), []
    for name, step in steps.items():
        timings = take_turns(
            {
                "synced": lambda number, step=step: step(Task, number),  # type: ignore[misc]
                "plain": lambda number, step=step: step(PlainTask, number),  # type: ignore[misc]
            },
            count,
        )
        report.figures[name] = _figures(timings)
        synced, plain = timings["synced"], timings["plain"]
        lines.append((name, _us(synced), _us(plain), synced.ratio_to(plain)))
    columns = ("save()", "synced us", "plain us", "ratio")
    report.tables.append(Table(f"{count:,} saves of each kind", columns, lines, "medians"))
    return report


def _figures(timings: dict[str, Timing]) -> dict[str, float]:
    return {
        "ratio_to_plain": timings["synced"].ratio_to(timings["plain"]),
        "microseconds": _us(timings["synced"]),
        "plain_microseconds": _us(timings["plain"]),
    }


def _us(timing: Timing) -> int:
    return round(timing.median * 1_000_000)
