"""Values that break others; `tests/hazards.md` lists them.

A device pushes them as raw entries, past every check of its own; the ORM saves them.
"""

from __future__ import annotations

import datetime as dt
import struct
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.db import Error, transaction

from django_pulse import writes
from django_pulse.mapping.schema import schema_of
from django_pulse.writes import ItemResult, PushItem
from tests.django_pulse.devices import Device, values_of
from tests.project.constraints.models import Booking, Tag
from tests.project.kinds.models import Rhyme
from tests.project.todo.models import Everything

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.databases("sqlite", "postgres"),
]


@pytest.fixture
def device() -> Device:
    return Device(get_user_model().objects.create_user("ada"), Everything)


def written(device: Device, row: Any, name: str, wire: Any) -> None:
    """An entry appended past every check of the device."""
    device.pull(row.sync_id)
    document = device.rows[row.sync_id]
    seen = [entry.dot for entry in document.live(name)]
    document.append(name, document.next_stamp(device.now()), wire, seen)


def agreed(device: Device, row: Any) -> Any:
    """The row, once its document and a device that reads it anew say the same of every field."""
    found = type(row).objects.get(pk=row.pk)
    reader = Device(device.user, type(row))
    reader.pull(row.sync_id)
    for name, known in schema_of(type(row)).fields.items():
        shown = reader.get(row.sync_id)[name]
        assert known.same(shown, getattr(found, name)), name
    return found


# Pushed


@pytest.mark.parametrize(
    ("name", "wire", "code"),
    [
        ("json", "NaN", "invalid"),
        ("json", "[Infinity]", "invalid"),
        ("json", "[1e999]", "invalid"),
        ("decimal", "NaN", "invalid"),
        ("decimal", "-Infinity", "invalid"),
        ("integer", 1.5, "invalid"),
        ("big", float(2**53), "invalid"),
        ("big", str(2**63), "max_value"),
        ("positive_big", "-1", "min_value"),
        ("integer", True, "invalid"),
        ("floating", True, "invalid"),
        ("boolean", 1, "invalid"),
        ("integer", None, "null"),
        ("char", "a\0b", "invalid"),
        ("json", '"a\\u0000"', "invalid"),
        ("json", '"\\ud800"', "invalid"),
        ("decimal", 0.1, "invalid"),
        ("date", "0000-01-01", "invalid"),
        ("date", "10000-01-01", "invalid"),
        ("moment", "0000-01-01T00:00:00Z", "invalid"),
        ("moment", "10000-01-01T00:00:00Z", "invalid"),
        ("moment", "0001-01-01T00:00:00+14:00", "invalid"),
        ("uuid", "no-uuid", "invalid"),
        ("uuid", "{00000000-0000-0000-0000-000000000000}", "invalid"),
        ("uuid", 5, "invalid"),
        ("colour", "b", "invalid_choice"),
        ("char", "x" * 101, "max_length"),
    ],
)
def test_what_a_device_must_not_write_is_undone_and_said(
    device: Device, name: str, wire: Any, code: str
) -> None:
    row = Everything.objects.create(slug="as-it-was")
    written(device, row, name, wire)
    device.set(row.sync_id, slug="edited")
    [result] = device.push()
    assert result.status == "ok"
    assert {field: told["code"] for field, told in result.reverted.items()} == {name: code}
    shown = wire.replace("\0", "\ufffd") if isinstance(wire, str) else wire
    assert result.reverted[name]["value"] == shown
    found = agreed(device, row)
    assert getattr(found, name) == getattr(row, name)
    assert found.slug == "edited"


def test_a_field_whose_name_holds_nul_is_undone_and_the_rest_stands(device: Device) -> None:
    row = Everything.objects.create()
    written(device, row, "no\0field", ["\0"])
    device.set(row.sync_id, slug="edited")
    [result] = device.push()
    assert (result.status, list(result.reverted)) == ("ok", ["no\ufffdfield"])
    assert agreed(device, row).slug == "edited"


def _utc(*parts: int) -> dt.datetime:
    return dt.datetime(*parts, tzinfo=dt.UTC)  # type: ignore[arg-type, misc]


@pytest.mark.parametrize(
    ("name", "wire", "means"),
    [
        ("integer", 1.0, 1),
        ("big", 2**53 - 1, 2**53 - 1),
        ("big", str(2**53 + 1), 2**53 + 1),
        ("big", str(-(2**53) - 1), -(2**53) - 1),
        ("integer_or_null", None, None),
        ("decimal", "0.1", Decimal("0.1")),
        # Europe/Berlin sets its clocks back on that day: 02:30 is there twice.
        ("moment", "2026-10-25T02:30:00+02:00", _utc(2026, 10, 25, 0, 30)),
        ("moment", "2026-10-25T02:30:00+01:00", _utc(2026, 10, 25, 1, 30)),
    ],
)
def test_what_a_device_may_write_comes_back_as_what_it_means(
    device: Device, name: str, wire: Any, means: Any
) -> None:
    row = Everything.objects.create(integer_or_null=5)
    written(device, row, name, wire)
    [result] = device.push()
    assert (result.status, result.reverted) == ("ok", {})
    value = getattr(agreed(device, row), name)
    assert value == means
    assert type(value) is not float


def test_a_naive_time_is_one_of_the_servers_zone(device: Device, settings: Any) -> None:
    settings.TIME_ZONE = "Europe/Berlin"
    row = Everything.objects.create()
    written(device, row, "moment", "2026-10-25T02:30:00")
    [result] = device.push()
    assert (result.status, result.reverted) == ("ok", {})
    assert Everything.objects.get(pk=row.pk).moment == _utc(2026, 10, 25, 0, 30)


def patched(device: Device, row: Any, name: str, wire: Any, old: bytes, new: bytes) -> ItemResult:
    """Push an entry with these bytes of its value changed, which no encoder would write."""
    written(device, row, name, wire)
    update = device.update(row.sync_id)
    assert update.count(old) == 1
    item = PushItem(device.schema.label, row.sync_id, update.replace(old, new))
    [result] = writes.push(device.user, device.replica, [item])
    return result


FLOAT = b"\x7b" + struct.pack(">d", 0.1)


@pytest.mark.parametrize(
    ("name", "wire", "old", "new"),
    [
        ("floating", 0.1, FLOAT, b"\x7b" + struct.pack(">d", float("nan"))),
        ("floating", 0.1, FLOAT, b"\x7b" + struct.pack(">d", float("inf"))),
        ("floating", 0.1, FLOAT, b"\x7b" + struct.pack(">d", float("-inf"))),
        ("big", 0.1, FLOAT, b"\x7b" + struct.pack(">d", 2.0**63)),
        ("big", 0.1, FLOAT, b"\x7a" + struct.pack(">q", 2**53 + 1)),
        ("char", "ZZZ", b"ZZZ", b"\xed\xa0\x80"),
    ],
)
def test_bytes_that_no_honest_device_writes_change_nothing(
    device: Device, name: str, wire: Any, old: bytes, new: bytes
) -> None:
    row = Everything.objects.create()
    result = patched(device, row, name, wire, old, new)
    assert result.status == "refused" or list(result.reverted) == [name]
    assert getattr(agreed(device, row), name) == getattr(row, name)


def test_bytes_that_no_honest_device_writes_mean_zero(device: Device) -> None:
    row = Everything.objects.create(floating=1.0)
    minus_zero = b"\x7b" + struct.pack(">d", -0.0)
    result = patched(device, row, "floating", 0.1, FLOAT, minus_zero)
    expected = "1.0" if result.status == "refused" or result.reverted else "0.0"
    assert str(agreed(device, row).floating) == expected


# Saved


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("floating", float("nan")),
        ("floating", float("inf")),
        ("json", float("nan")),
        ("decimal", float("nan")),
        ("big", 2**63),
        ("char", "a\0b"),
        ("json", {"a": "\0"}),
        ("char", "\ud800"),
        ("uuid", "bad"),
        ("date", "0000-01-01"),
        ("date", "10000-01-01"),
    ],
)
def test_what_the_orm_cannot_save_leaves_row_and_document_as_they_were(
    device: Device, name: str, value: Any
) -> None:
    row = Everything.objects.create()
    stale = Everything.objects.get()
    setattr(stale, name, value)
    with pytest.raises((ValueError, OverflowError, ValidationError, Error)), transaction.atomic():
        stale.save()
    found = agreed(device, row)
    assert getattr(found, name) == getattr(row, name)
    assert found.version == row.version


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("floating", -0.0),
        ("integer", 1.0),
        ("integer", True),
        ("decimal", 0.1),
        ("char", "e\u0301"),
        ("char", "\xe9"),
    ],
)
def test_what_the_orm_saves_its_document_says_too(device: Device, name: str, value: Any) -> None:
    row = Everything.objects.create(**{name: value})
    found = agreed(device, row)
    told = values_of(row)[name]
    assert (type(told), str(told)) == (type(getattr(found, name)), str(told))
    assert told == (Decimal("0.1") if name == "decimal" else value)


def test_what_only_the_orm_may_save_blocks_no_edit_of_another_field(device: Device) -> None:
    row = Everything.objects.create(colour="b")
    device.pull()
    device.set(row.sync_id, char="edited")
    [result] = device.push()
    assert (result.status, result.reverted) == ("ok", {})
    found = agreed(device, row)
    assert (found.colour, found.char) == ("b", "edited")


def test_a_field_that_was_never_written_is_missing_and_not_null(device: Device) -> None:
    never, nothing = device.create(char="never"), device.create(char="null", integer_or_null=None)
    assert not device.rows[never].live("integer_or_null")
    assert [entry.value for entry in device.rows[nothing].live("integer_or_null")] == [None]
    assert [(each.status, each.reverted) for each in device.push()] == [("ok", {})] * 2
    rows = Everything.objects.in_bulk([never, nothing], field_name="sync_id")
    assert [row.integer_or_null for row in rows.values()] == [None, None]
    assert {row.integer for row in rows.values()} == {0}, "what is missing has its default"


# Merged


def test_texts_that_fit_alone_and_not_together_undo_the_later_one(device: Device) -> None:
    row = Rhyme.objects.create(line="12345678")
    mine, yours = Device(device.user, Rhyme), Device(device.user, Rhyme)
    for each in (mine, yours):
        each.pull()
    mine.edit(row.sync_id, "line", 0, 0, "ab")
    yours.edit(row.sync_id, "line", 8, 0, "yz")
    assert mine.push()[0].reverted == {}
    [result] = yours.push()
    assert result.reverted["line"]["code"] == "max_length"
    assert agreed(mine, row).line == "ab12345678"


def test_two_valid_edits_whose_merge_is_no_valid_row_undo_the_second(device: Device) -> None:
    mine, yours = Device(device.user, Booking), Device(device.user, Booking)
    row = Booking.objects.create(room="A", day=dt.date(2026, 1, 1), code="x", start=9, end=12)
    for each in (mine, yours):
        each.pull()
    mine.set(row.sync_id, start=11)
    yours.set(row.sync_id, end=10)
    assert mine.push()[0].reverted == {}
    assert list(yours.push()[0].reverted) == ["end"]
    found = agreed(mine, row)
    assert (found.start, found.end) == (11, 12)


def test_a_row_of_a_device_and_one_of_the_orm_with_one_value_are_both_kept(device: Device) -> None:
    phone = Device(device.user, Tag)
    theirs = phone.create(name="red", colour="pink")
    ours = Tag.objects.create(name="red")
    [result] = phone.push()
    assert result.status == "ok"
    assert result.parked is not None
    ours.delete()
    assert Tag.objects.get().sync_id == theirs
    assert Tag.objects.get().colour == "pink"
