"""Bulk: what the ORM's bulk writes of a synced model cost beside those of a plain one.

`update()` of a synced model is compared with `bulk_update` of the same rows on the plain one, which
is what a program without it would write: a plain `UPDATE` touches nothing but its one table.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.bench.database import cleared, prepared
from tests.bench.measuring import Options, Report, Table, interleaved
from tests.bench.models import PlainTask
from tests.bench.upload import values_of
from tests.project.todo.models import Task

__all__ = ["run"]

CREATED = 2_000
UPDATED = 10_000


def run(options: Options) -> Report:
    """Time `bulk_create`, `bulk_update`, `update()` and `delete()`."""
    user = prepared("bulk")
    created, updated = options.rows(CREATED), options.rows(UPDATED)
    report, lines = Report(), []
    for name, count, synced, plain in (
        ("bulk_create", created, _creating(Task, user, created), None),
        ("update", updated, _updating(user, updated), _bulk_updating(PlainTask, user, updated)),
        ("bulk_update", created, _bulk_updating(Task, user, created), None),
        ("delete", created, _deleting(Task, user, created), None),
    ):
        other = plain or {
            "bulk_create": _creating, "bulk_update": _bulk_updating, "delete": _deleting
        }[name](PlainTask, user, created)  # fmt: skip
        timings = interleaved({"synced": synced, "plain": other}, options.rounds)
        ours, theirs = timings["synced"], timings["plain"]
        report.figures[name] = {
            "ratio_to_plain": ours.ratio_to(theirs),
            "rows_per_second": round(count / ours.median),
        }
        lines.append(
            (name, count, ours.median * 1000, theirs.median * 1000, ours.ratio_to(theirs),
             ours.spread)
        )  # fmt: skip
    columns = ("", "rows", "synced ms", "plain ms", "ratio", "spread")
    note = "medians; the plain side of update is bulk_update"
    report.tables.append(Table("Bulk writes", columns, lines, note))
    return report


def _instances(model: Any, user: Any, count: int) -> list[Any]:
    return [model(user_id=user.pk, **values_of(number)) for number in range(count)]


def _filled(model: Any, user: Any, count: int) -> None:
    cleared()
    model.objects.bulk_create(_instances(model, user, count))


def _creating(model: Any, user: Any, count: int) -> Callable[[], Callable[[], object]]:
    def prepare() -> Callable[[], object]:
        cleared()
        rows = _instances(model, user, count)
        return lambda: model.objects.bulk_create(rows)

    return prepare


def _updating(user: Any, count: int) -> Callable[[], Callable[[], object]]:
    def prepare() -> Callable[[], object]:
        _filled(Task, user, count)
        return lambda: Task.objects.update(title="All the same")

    return prepare


def _bulk_updating(model: Any, user: Any, count: int) -> Callable[[], Callable[[], object]]:
    def prepare() -> Callable[[], object]:
        _filled(model, user, count)
        rows = list(model.objects.order_by("pk"))
        for row in rows:
            row.title = "All the same"
        return lambda: model.objects.bulk_update(rows, ["title"])

    return prepare


def _deleting(model: Any, user: Any, count: int) -> Callable[[], Callable[[], object]]:
    def prepare() -> Callable[[], object]:
        _filled(model, user, count)
        return lambda: model.objects.all().delete()

    return prepare
