"""Load: reading instances from the database, which remember what they were loaded with."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.db import models

from tests.bench.database import cleared, prepared
from tests.bench.measuring import Options, Report, Table, interleaved
from tests.bench.models import PlainTask
from tests.bench.upload import values_of
from tests.project.todo.models import Task

__all__ = ["run"]

ROWS = 10_000


def run(options: Options) -> Report:
    """Time `list(Model.objects.all())` for a synced and a plain model."""
    cleared()
    user, count = prepared("loader"), options.rows(ROWS)
    for model in (Task, PlainTask):
        rows: Any = models.QuerySet(model)
        rows.bulk_create(
            (model(user_id=user.pk, **values_of(number)) for number in range(count)),
            batch_size=1_000,
        )

    def loading(model: Any) -> Callable[[], object]:
        return lambda: list(model.objects.all())

    timings = interleaved(
        {"synced": lambda: loading(Task), "plain": lambda: loading(PlainTask)}, options.rounds
    )
    synced, plain = timings["synced"], timings["plain"]
    figures = {
        "ratio_to_plain": synced.ratio_to(plain),
        "rows_per_second": round(count / synced.median),
    }
    lines = [
        (name, each.median * 1000, each.median / count * 1e6, each.ratio_to(plain), each.spread)
        for name, each in timings.items()
    ]
    columns = ("", "ms", "us a row", "ratio", "spread")
    return Report(figures, [Table(f"Loading {count:,} instances", columns, lines, "medians")])
