"""Size: a document's bytes stay flat, however often its row is saved.

By the ORM and by twenty devices that take turns; every save changes all eight fields.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from django_pulse.tables import Document
from tests.bench.database import cleared, prepared
from tests.bench.measuring import Options, Report, Table
from tests.bench.models import Eight
from tests.django_pulse.devices import Device

__all__ = ["run"]

SAVES = 10_000
PUSHES = 1_000
DEVICES = 20
MARKS = (1, 10, 100, 1_000, 10_000)


def run(options: Options) -> Report:
    """Measure the stored document on the way to 10,000 saves."""
    count, pushes = options.rows(SAVES), options.rows(PUSHES)
    curves = {
        "orm": _by_the_orm(count),
        f"{DEVICES}_devices": _by_devices(pushes, blind=False),
        f"{DEVICES}_devices_blind": _by_devices(pushes, blind=True),
    }
    figures = {
        name: {"bytes": {str(mark): size for mark, size in curve.items()}, "growth": _growth(curve)}
        for name, curve in curves.items()
    }
    marks = sorted({mark for curve in curves.values() for mark in curve})
    lines = [
        (name, *(curve.get(mark, "") for mark in marks), _growth(curve))
        for name, curve in curves.items()
    ]
    columns = ("bytes after saves", *(f"{mark:,}" for mark in marks), "last / middle")
    return Report(figures, [Table("Saves of 8 fields", columns, lines)])


def _growth(curve: dict[int, int]) -> float:
    """The document at the end, as a multiple of what it was when everybody had written."""
    sizes = list(curve.values())
    return round(sizes[-1] / sizes[len(sizes) // 2], 2)


def _by_the_orm(count: int) -> dict[int, int]:
    cleared()
    row = Eight()

    def save(number: int) -> None:
        for name, value in _values(number).items():
            setattr(row, name, value)
        row.save()

    return _curve(count, save)


def _by_devices(count: int, *, blind: bool) -> dict[int, int]:
    """Devices take turns: each sees what the others wrote before it writes, or, `blind`, only
    afterwards, so that every write crosses those of all others and none of them is lost.
    """
    cleared()
    user, row = prepared("sizer"), Eight.objects.create()
    devices = [Device(user, Eight) for _ in range(DEVICES)]
    for device in devices:
        device.pull(row.sync_id)

    def save(number: int) -> None:
        device = devices[number % DEVICES]
        if not blind:
            device.pull(row.sync_id)
        device.set(row.sync_id, **_values(number))
        (result,) = device.push(row.sync_id)
        assert result.status == "ok", result
        if blind:
            device.pull(row.sync_id)

    return _curve(count, save)


def _curve(count: int, save: Callable[[int], None]) -> dict[int, int]:
    marks = {mark for mark in MARKS if mark < count} | {count}
    sizes = {}
    for number in range(1, count + 1):
        save(number)
        if number in marks:
            sizes[number] = len(bytes(Document.objects.values_list("state", flat=True).get()))
    return sizes


def _values(number: int) -> dict[str, Any]:
    return {
        "name": f"Name {number:06}",
        "notes": f"Notes of {number:06}, as long as before.",
        "done": number % 2 == 0,
        "amount": 100_000 + number,
        "price": Decimal(1_000_000 + number) / 100,
        "ratio": number / 7 + 1,
        "due": dt.date(2026, 1, 1) + dt.timedelta(days=number % 365),
        "extra": {"number": 100_000 + number},
    }
