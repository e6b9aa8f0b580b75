"""A query whose SQL is made once answers as the queryset would, whatever its values."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import pytest
from django.contrib.auth import get_user_model
from django.db import connection, models
from django.db.models import F
from django.test.utils import CaptureQueriesContext

from django_pulse.prepared import OneOf, Prepared, is_fixed
from django_pulse.sql import delete_many, insert_many
from django_pulse.tables import Document, Scope

pytestmark = [pytest.mark.django_db, pytest.mark.databases("sqlite", "postgres")]

COLUMNS = ("pk", "model", "sync_id", "state", "deleted", "scopes", "parked", "deleted_at")


def documents(label: Any, ids: Any) -> models.QuerySet[Any, Any]:
    found = Document.objects.filter(OneOf(F("sync_id"), ids), model=label)
    return found.order_by("sync_id").values_list(*COLUMNS)


@pytest.fixture
def stored() -> list[UUID]:
    ids = [UUID(int=number) for number in range(1, 8)]
    names = ("model", "sync_id", "state", "version", "deleted", "scopes", "parked")
    rows: list[Sequence[Any]] = [
        ("a.b", each, b"\0\xff", 1, False, ["x", 'é"'], {"why": None} if each.int % 2 else None)
        for each in ids
    ]
    insert_many(Document, "default", names, rows)
    return ids


def same(row: Sequence[Any]) -> list[Any]:
    return [bytes(value) if isinstance(value, memoryview) else value for value in row]


def test_it_answers_what_the_queryset_answers(stored: list[UUID]) -> None:
    prepared = Prepared(documents)
    for count in (1, 2, 3, 5, 7, 3):
        wanted = Document.objects.filter(sync_id__in=stored[:count]).order_by("sync_id")
        found = prepared.rows("default", "a.b", stored[:count])
        assert list(map(same, found)) == list(map(same, wanted.values_list(*COLUMNS)))
    assert prepared.rows("default", "a.c", stored) == []
    assert len(prepared.rows("default", "a.b", [*stored, UUID(int=99)])) == len(stored)


def test_none_of_many_is_asked_of_nobody(stored: list[UUID]) -> None:
    with CaptureQueriesContext(
        connection,
    ) as asked:
        assert Prepared(documents).rows("default", "a.b", []) == []
    assert not len(asked)


def test_it_is_compiled_once_for_all_numbers_of_values_up_to_a_power_of_two(
    stored: list[UUID],
) -> None:
    built = []

    def build(label: Any, ids: Any) -> models.QuerySet[Any, Any]:
        built.append(ids.room)
        return documents(label, ids)

    prepared = Prepared(build)
    for count in (5, 6, 7, 1, 5):
        prepared.rows("default", "a.b", stored[:count])
    assert built == [8, 1]


def test_values_are_never_part_of_the_sql() -> None:
    Scope.objects.create(key="plain")
    prepared = Prepared(lambda key: Scope.objects.filter(key=key).values_list("key"))
    assert prepared.rows("default", "' OR 1=1 --") == []
    assert prepared.rows("default", "100% %s plain") == []
    assert prepared.rows("default", "plain") == [("plain",)]


class _Some(models.Manager[Any]):
    def get_queryset(self) -> models.QuerySet[Any]:
        return super().get_queryset().filter(pk=0)


def test_managers_that_choose_their_rows_are_not_fixed() -> None:
    assert is_fixed(Scope.objects)
    assert is_fixed(get_user_model()._default_manager)
    assert not is_fixed(_Some())
    assert not is_fixed(models.Manager.from_queryset(type("Q", (models.QuerySet,), {}))())


def test_many_rows_are_deleted_and_no_others(stored: list[UUID]) -> None:
    pks = list(Document.objects.order_by("sync_id").values_list("pk", flat=True))
    delete_many(Document, "default", pks[:5])
    delete_many(Document, "default", [])
    assert set(Document.objects.values_list("sync_id", flat=True)) == set(stored[5:])
