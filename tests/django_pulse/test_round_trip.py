"""Every field type, exactly, through row, document, wire and device, in both directions."""

from __future__ import annotations

import datetime as dt
import uuid
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.contrib.auth import get_user_model

from tests.django_pulse.phones import Phone, switchboard
from tests.project.todo.models import Category, Everything

MODEL = "todo.everything"

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.databases("sqlite", "postgres"),
]

VALUES: dict[str, list[Any]] = {
    "big": [0, -(2**63), 2**63 - 1, 2**53 - 1, 2**53, 2**53 + 1, -(2**53) - 1],
    "big_or_null": [None, 2**53 + 1],
    "binary": [b"", b"\x00\xff\x80", bytes(range(256))],
    "binary_or_null": [None, b"", b"\x00"],
    "boolean": [True, False],
    "boolean_or_null": [None, True, False],
    "char": ["", "x" * 100, "é🎉", "e\u0301", " spaced ", "'\"\\%s"],
    "char_or_null": [None, "", "null"],
    "colour": ["r", "g"],
    "date": [None, dt.date(1, 1, 1), dt.date(9999, 12, 31), dt.date(2024, 2, 29)],
    "moment": [
        None,
        dt.datetime(2024, 7, 1, 2, 30, 0, 123456, tzinfo=ZoneInfo("Europe/Berlin")),
        dt.datetime(1900, 1, 1, tzinfo=dt.UTC),
        dt.datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=dt.UTC),
    ],
    "decimal": [Decimal(0), Decimal("12345678.123456"), Decimal("-0.000001"), Decimal("1E+3")],
    "decimal_or_null": [None, Decimal("0.100000")],
    "duration": [
        None,
        dt.timedelta(0),
        dt.timedelta(microseconds=-1),
        dt.timedelta(days=36500, microseconds=1),
    ],
    "email": ["", "ada@example.org"],
    "floating": [0.0, 0.1, 1.0, -1e300, 5e-324, 2.0**60],
    "floating_or_null": [None, 0.1],
    "address": [None, "192.168.0.1", "2001:db8::1"],
    "integer": [0, -(2**31), 2**31 - 1],
    "json": [
        {},
        [],
        {"a": [1, 1.5, True, None, {"b": "🎉"}], "": 2**53 + 1},
        "text",
        0,
        False,
        [[[[]]]],
    ],
    "json_or_null": [None, {"x": [None]}],
    "positive_big": [0, 2**63 - 1],
    "slug": ["", "a-slug"],
    "text": ["", "two\nlines\ttab", "𝒳" * 50],
    "text_or_null": [None, ""],
    "time": [None, dt.time(0, 0), dt.time(23, 59, 59, 999999)],
    "url": ["", "https://example.org/?q=é"],
    "uuid": [None, uuid.UUID(int=0), uuid.UUID(int=2**128 - 1)],
}


def rows() -> list[dict[str, Any]]:
    """Enough rows that every value stands in one of them."""
    most = max(map(len, VALUES.values()))
    return [{name: each[n % len(each)] for name, each in VALUES.items()} for n in range(most)]


@pytest.fixture
def user() -> Any:
    return get_user_model().objects.create_user("ada")


def columns(row: Everything) -> dict[str, Any]:
    found = {name: getattr(row, name) for name in VALUES}
    return {n: bytes(v) if isinstance(v, memoryview) else v for n, v in found.items()}


def test_what_the_orm_writes_a_device_reads_exactly(user: Any) -> None:
    with switchboard() as board:
        phone = Phone(board, user, 300)
        made = [Everything.objects.create(**values) for values in rows()]
        phone.sync()
        for row, values in zip(made, rows(), strict=True):
            there = phone.row(MODEL, row.sync_id)
            assert {name: there[name] for name in VALUES} == values
            assert columns(Everything.objects.get(pk=row.pk)) == values


def test_what_a_device_writes_the_row_holds_exactly(user: Any) -> None:
    with switchboard() as board:
        phone, laptop = Phone(board, user, 301), Phone(board, user, 302)
        phone.sync()
        made = [phone.replica.create(MODEL, values) for values in rows()]
        phone.sync()
        assert phone.replica.reverted() == []
        laptop.sync()
        for row, values in zip(made, rows(), strict=True):
            assert columns(Everything.objects.get(sync_id=row)) == values
            there = laptop.row(MODEL, row)
            assert {name: there[name] for name in VALUES} == values
            types = {name: type(there[name]) for name in VALUES}
            assert types == {name: type(value) for name, value in values.items()}


def test_a_round_trip_is_no_edit(user: Any) -> None:
    with switchboard() as board:
        phone = Phone(board, user, 303)
        phone.sync()
        made = [phone.replica.create(MODEL, values) for values in rows()]
        phone.sync()
        for sync_id in made:
            row = Everything.objects.get(sync_id=sync_id)
            row.save()
            assert row.version == 1
            phone.replica.set(MODEL, sync_id, small=7)
        phone.sync()
        for sync_id, values in zip(made, rows(), strict=True):
            row = Everything.objects.get(sync_id=sync_id)
            assert (columns(row), row.version) == (values, 2)


def test_a_plain_foreign_key_travels_by_its_primary_key(user: Any) -> None:
    one, other = Category.objects.create(name="one"), Category.objects.create(name="other")
    with switchboard() as board:
        phone = Phone(board, user, 304)
        phone.sync()
        row = Everything.objects.create(category=one)
        phone.sync()
        assert phone.row(MODEL, row.sync_id)["category"] == one.pk
        phone.replica.set(MODEL, row.sync_id, category=other.pk)
        phone.sync()
        assert Everything.objects.get().category == other
        phone.replica.set(MODEL, row.sync_id, category=None)
        phone.sync()
        assert Everything.objects.get().category is None
        phone.replica.set(MODEL, row.sync_id, category=987_654)
        phone.sync()
        assert Everything.objects.get().category is None
        [kept] = phone.replica.reverted()
        assert kept.fields["category"].value == 987_654
        assert phone.row(MODEL, row.sync_id)["category"] is None


def test_the_two_moments_of_a_clock_set_back_are_told_apart(user: Any) -> None:
    berlin = ZoneInfo("Europe/Berlin")
    first, second = (dt.datetime(2024, 10, 27, 2, 30, fold=f, tzinfo=berlin) for f in (0, 1))
    with switchboard() as board:
        phone = Phone(board, user, 305)
        phone.sync()
        row = Everything.objects.create(moment=first)
        phone.sync()
        assert phone.row(MODEL, row.sync_id)["moment"] == first.astimezone(dt.UTC)
        again = Everything.objects.get()
        again.moment = first
        again.save()
        assert again.version == 1, "the same moment, told in another zone, is no edit"
        phone.replica.set(MODEL, row.sync_id, moment=second)
        phone.sync()
        assert Everything.objects.get().moment == second.astimezone(dt.UTC)
