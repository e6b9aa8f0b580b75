"""Statements for many rows store what Django itself would store, on both databases."""

from __future__ import annotations

import datetime as dt
import uuid
from decimal import Decimal
from typing import Any

import pytest
from django.db import DataError, connection, transaction

from django_pulse.sql import insert_many, update_many, upsert_many
from django_pulse.tables import Feed
from tests.project.todo.models import Category, Everything, Task

pytestmark = [pytest.mark.django_db, pytest.mark.databases("sqlite", "postgres")]

FULL: dict[str, Any] = {
    "big": -(2**63),
    "binary": b"\0\xff\\x00",
    "boolean": True,
    "char": 'quotes " and \\ backslashes, {braces}, NULL',
    "colour": "g",
    "date": dt.date(1, 1, 1),
    "moment": dt.datetime(2026, 3, 29, 1, 30, 0, 123456, tzinfo=dt.UTC),
    "decimal": Decimal("12345678.567891"),  # as
    "duration": dt.timedelta(days=-1, microseconds=1),
    "floating": 0.1,
    "address": "2001:db8::1",
    "json": {"a": [1, None, "é", {"b": 'c"'}]},
    "json_or_null": [[1, 2], []],
    "small": -1,
    "text": "",
    "time": dt.time(23, 59, 59, 999999),
    "uuid": uuid.UUID(int=1),
}
EMPTY: dict[str, Any] = {
    **dict.fromkeys(("date", "moment", "duration", "address", "json_or_null", "time", "uuid")),
    "big": 0,
    "binary": b"",
    "boolean": False,
    "char": "NULL",
    "colour": "r",
    "decimal": Decimal(0),
    "floating": 1.0,
    "json": {},
    "small": 0,
    "text": "x",
}
OTHER = EMPTY | {"char": "", "json": [], "text": "NULL"}
REST = {
    name: getattr(Everything(), name)
    for name in ("sync_error", "version", "is_local_only", "email", "file_path", "integer")
} | {"positive": 0, "positive_big": 0, "positive_small": 0, "slug": "", "url": "", "file": ""}


def inserted(*rows: dict[str, Any]) -> list[Any]:
    now = dt.datetime.now(dt.UTC)
    stamps = {"created_at": now, "updated_at": now, "date_changed": now.date()}
    full = [{"sync_id": uuid.uuid4()} | stamps | REST | row for row in rows]
    names = list(full[0])
    return insert_many(Everything, "default", names, [[row[n] for n in names] for row in full])


def stored(key: Any) -> dict[str, Any]:
    row = Everything.objects.get(pk=key)
    values = {name: getattr(row, name) for name in FULL}
    return values | {"binary": bytes(values["binary"])}


@pytest.mark.parametrize("rows", [[FULL], [EMPTY], [FULL, EMPTY, OTHER], [EMPTY, OTHER]])
def test_every_type_of_field_is_inserted_as_it_is(rows: list[dict[str, Any]]) -> None:
    keys = inserted(*rows)
    assert [stored(key) for key in keys] == rows


@pytest.mark.parametrize("rows", [[FULL], [OTHER], [OTHER, EMPTY, FULL]])
def test_every_type_of_field_is_updated_as_it_is(rows: list[dict[str, Any]]) -> None:
    keys = inserted(*([EMPTY] * len(rows)))
    bystander = inserted(EMPTY)[0]
    names = list(FULL)
    changes = zip(keys, ([row[name] for name in names] for row in rows), strict=True)
    update_many(Everything, "default", names, changes)
    assert [stored(key) for key in keys] == rows
    assert stored(bystander) == EMPTY


def test_foreign_keys_are_stored_as_keys() -> None:
    task, category = Task.objects.create(title="x"), Category.objects.create(name="y")
    keys = inserted(
        EMPTY | {"task": task.pk, "category": category.pk}, EMPTY | {"task": None, "category": None}
    )
    assert list(
        Everything.objects.filter(pk__in=keys).order_by("pk").values_list("task", "category")
    ) == [(task.pk, category.pk), (None, None)]


def test_rows_that_are_there_already_are_updated_and_others_inserted() -> None:
    names, unique = ("scope", "document", "position", "present"), ("scope", "document")
    upsert_many(Feed, "default", names, [(1, 1, 10, True), (1, 2, 11, True)], unique)
    upsert_many(Feed, "default", names, [(1, 2, 12, False), (2, 2, 13, True)], unique)
    assert list(Feed.objects.order_by("position").values_list(*names)) == [
        (1, 1, 10, True),
        (1, 2, 12, False),
        (2, 2, 13, True),
    ]


def test_nothing_to_do_is_done() -> None:
    assert insert_many(Feed, "default", ("scope", "document", "position"), []) == []
    update_many(Feed, "default", ("position",), [])


@pytest.mark.parametrize("count", [1, 2])
def test_what_a_column_cannot_hold_is_refused_and_never_cut_off(count: int) -> None:
    if connection.vendor == "sqlite":
        pytest.skip("SQLite's columns have no bounds")
    with pytest.raises(DataError), transaction.atomic():
        inserted(*([EMPTY | {"char": "x" * 101}] * count))
    keys = inserted(*([EMPTY] * count))
    with pytest.raises(DataError), transaction.atomic():
        update_many(Everything, "default", ("char",), [(key, ("x" * 101,)) for key in keys])
    with pytest.raises(DataError), transaction.atomic():
        update_many(Everything, "default", ("small",), [(key, (2**15,)) for key in keys])
