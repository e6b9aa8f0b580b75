"""Upload: a device sends 2,000 new rows, then an edit of each of them.

Against `bulk_create` and `bulk_update` of the same rows in the same database, and against the way
of django-pulse 1.0.1: a query and an `update_or_create` per row, in one transaction. Those write to
a plain table of the same columns. Making the instances belongs to `bulk_create`: what arrives are
values, not instances; a second figure leaves it out.
"""

from __future__ import annotations

import itertools
import uuid
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from django.db import transaction

from crdt.document import Document
from crdt.editing import write_field
from crdt.schema import MISSING
from django_pulse import writes
from django_pulse.conf import conf
from django_pulse.mapping.schema import schema_of
from tests.bench import sockets
from tests.bench.database import cleared, prepared
from tests.bench.measuring import Options, Report, Table, Timing, interleaved
from tests.bench.models import PlainTask
from tests.project.todo.models import Task

__all__ = ["ROWS", "run", "values_of"]

ROWS = 2_000

Rows = dict[uuid.UUID, dict[str, Any]]

_replicas = itertools.count(5_000_001)


def run(options: Options) -> Report:
    """Time new rows and edits."""
    count, user = options.rows(ROWS), prepared("uploader")
    new = interleaved(
        {
            "push": lambda: _new_rows(count, user),
            "bulk_create": lambda: _bulk_create(count, user),
            "bulk_create_alone": lambda: _bulk_create(count, user, ready=True),
            "update_or_create": lambda: _update_or_create(count, user, edits=False),
        },
        options.rounds,
    )
    edits = interleaved(
        {
            "push": lambda: _edits(count, user),
            "bulk_update": lambda: _bulk_update(count, user),
            "update_or_create": lambda: _update_or_create(count, user, edits=True),
        },
        options.rounds,
    )
    over_socket = sockets.upload(count, options.rounds)
    report = Report()
    _tell(report, "new", f"{count:,} new rows", new, over_socket["new"], count)
    _tell(report, "edits", f"{count:,} edits", edits, over_socket["edits"], count)
    return report


def values_of(number: int) -> dict[str, Any]:
    """The values of a row, like those of an ordinary list of tasks."""
    return {
        "title": f"Task {number}: water the plants",
        "description": f"On the balcony and in room {number % 40}, before it gets hot.",
        "completed": number % 3 == 0,
    }


def _edited(number: int) -> dict[str, Any]:
    return {"title": f"Task {number}: water the plants twice"}


def _tell(
    report: Report,
    name: str,
    title: str,
    timings: Mapping[str, Timing],
    over_socket: Timing,
    count: int,
) -> None:
    push, *others = timings
    figures: dict[str, Any] = {
        f"ratio_to_{other}": timings[push].ratio_to(timings[other]) for other in others
    }
    figures["rows_per_second"] = round(count / timings[push].median)
    figures["over_websocket"] = {
        **{f"ratio_to_{other}": over_socket.ratio_to(timings[other]) for other in others},
        "rows_per_second": round(count / over_socket.median),
    }
    figures["spread"] = {other: round(each.spread, 2) for other, each in timings.items()}
    report.figures[name] = figures
    lines = [
        (label, each.median * 1000, count / each.median, timings[push].ratio_to(each), each.spread)
        for label, each in [*timings.items(), ("over a WebSocket", over_socket)]
    ]
    report.tables.append(
        Table(title, ("", "ms", "rows/s", "push takes x", "spread"), lines, "medians of the rounds")
    )


def _new_rows(count: int, user: Any) -> Callable[[], object]:
    cleared()
    return _pushing(user, *_device(count))


def _edits(count: int, user: Any) -> Callable[[], object]:
    cleared()
    replica, rows, documents = _device(count)
    _pushing(user, replica, rows, documents)()
    schema = schema_of(Task)
    edited = {}
    for number, (sync_id, data) in enumerate(documents.items()):
        document = Document(data, replica)
        clock = document.clock(replica)
        for name, value in _edited(number).items():
            old = rows[sync_id][name]
            write_field(document, schema.fields[name], old, value, _NOW + 1)
        edited[sync_id] = document.own_diff(clock)
    return _pushing(user, replica, rows, edited)


_NOW = 1_700_000_000_000
"""The devices' clock, in milliseconds."""


def _device(count: int) -> tuple[int, Rows, dict[uuid.UUID, bytes]]:
    """A replica, the rows it made, and their updates."""
    replica, schema, rows, documents = next(_replicas), schema_of(Task), {}, {}
    for number in range(count):
        sync_id, document = uuid.uuid4(), Document(replica=replica)
        rows[sync_id] = values_of(number)
        for name, value in rows[sync_id].items():
            write_field(document, schema.fields[name], MISSING, value, _NOW)
        documents[sync_id] = document.encode()
    return replica, rows, documents


def _pushing(
    user: Any, replica: int, rows: Rows, documents: Mapping[uuid.UUID, bytes]
) -> Callable[[], object]:
    """In frames of as many rows as a client sends at once."""
    label, size = schema_of(Task).label, conf.MAX_ROWS_PER_PUSH
    items = [writes.PushItem(label, sync_id, data) for sync_id, data in documents.items()]

    def push() -> None:
        for start in range(0, len(items), size):
            results = writes.push(user, replica, items[start : start + size])
            assert all(result.status == "ok" and not result.reverted for result in results)

    return push


def _bulk_create(count: int, user: Any, *, ready: bool = False) -> Callable[[], object]:
    cleared()
    if ready:
        instances = _plain(count, user)
        return lambda: PlainTask.objects.bulk_create(instances)
    return lambda: PlainTask.objects.bulk_create(_plain(count, user))


def _bulk_update(count: int, user: Any) -> Callable[[], object]:
    cleared()
    PlainTask.objects.bulk_create(_plain(count, user))
    rows = list(PlainTask.objects.order_by("pk"))
    for number, row in enumerate(rows):
        for name, value in _edited(number).items():
            setattr(row, name, value)
    names = list(_edited(0))
    return lambda: PlainTask.objects.bulk_update(rows, names)


def _update_or_create(count: int, user: Any, *, edits: bool) -> Callable[[], object]:
    """Whole rows, as clients of 1.0.1 send them, each looked up and then written by itself."""
    cleared()
    payloads: Sequence[dict[str, Any]] = [
        {"sync_id": uuid.uuid4(), **values_of(number)} for number in range(count)
    ]
    if edits:
        PlainTask.objects.bulk_create(PlainTask(user_id=user.pk, **each) for each in payloads)
        payloads = [each | _edited(number) for number, each in enumerate(payloads)]

    def upload() -> None:
        with transaction.atomic():
            for payload in payloads:
                values = {name: value for name, value in payload.items() if name != "sync_id"}
                found = PlainTask.objects.filter(sync_id=payload["sync_id"]).first()
                if found is not None and found.version > 0:
                    continue  # that would be a conflict
                PlainTask.objects.update_or_create(
                    sync_id=payload["sync_id"], defaults=values | {"user_id": user.pk}
                )

    return upload


def _plain(count: int, user: Any) -> list[PlainTask]:
    return [
        PlainTask(sync_id=uuid.uuid4(), user_id=user.pk, **values_of(number))
        for number in range(count)
    ]
