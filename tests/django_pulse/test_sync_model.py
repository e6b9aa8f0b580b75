"""The six fields that every SyncModel has."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from django.db import connection, models
from django.db.models.functions import Now

from django_pulse.bookkeeping import BOOKKEEPING, RandomUUID
from django_pulse.manager import SyncManager, SyncQuerySet
from django_pulse.models import SyncModel
from tests.project.todo.models import Item, Task


@pytest.mark.parametrize(
    ("name", "kind", "options"),
    [
        ("sync_id", models.UUIDField, {"unique": True, "editable": False}),
        ("version", models.PositiveIntegerField, {"default": 0, "editable": False}),
        ("is_local_only", models.BooleanField, {"default": False, "editable": True}),
        ("sync_error", models.TextField, {"default": "", "blank": True}),
        ("created_at", models.DateTimeField, {"auto_now_add": True}),
        ("updated_at", models.DateTimeField, {"auto_now": True}),
    ],
)
def test_documented_fields_have_their_documented_types(
    name: str, kind: type[Any], options: dict[str, Any]
) -> None:
    for field in (SyncModel._meta.get_field(name), Task._meta.get_field(name)):
        assert isinstance(field, kind)
        assert field.get_internal_type() == kind.__name__
        assert {option: getattr(field, option) for option in options} == options
        assert field.deconstruct()[1] == f"django.db.models.{kind.__name__}"
        assert field.has_db_default()


def test_there_are_six_of_them() -> None:
    assert {field.name for field in SyncModel._meta.get_fields()} == BOOKKEEPING


def test_a_new_instance_has_an_identity_before_it_is_saved() -> None:
    one, other = Task(), Task()
    assert one.sync_id.version == 4
    assert one.sync_id != other.sync_id
    assert (one.version, one.is_local_only, one.sync_error) == (0, False, "")


def test_times_are_none_until_they_are_known() -> None:
    assert (Task().created_at, Task().updated_at) == (None, None)


def test_the_manager_is_ours() -> None:
    assert type(Task.objects) is SyncManager
    assert isinstance(Task.objects.all(), SyncQuerySet)


@pytest.mark.databases("sqlite", "postgres")
@pytest.mark.django_db
class TestInADatabase:
    def test_a_row_that_sql_inserts_is_a_complete_one(self) -> None:
        names = ["one", "two", "three"]
        with connection.cursor() as cursor:
            for name in names:
                cursor.execute(
                    "INSERT INTO todo_item (name, description, price) VALUES (%s, '', 1)", [name]
                )
        rows = list(Item.objects.order_by("pk"))
        assert [row.name for row in rows] == names
        assert len({row.sync_id for row in rows}) == len(rows)
        assert {(row.version, row.is_local_only, row.sync_error) for row in rows} == {
            (0, False, "")
        }
        now = Item.objects.annotate(now=Now()).values_list("now", flat=True)[0]
        for row in rows:
            assert abs((now - row.created_at).total_seconds()) < 60
            assert abs((now - row.updated_at).total_seconds()) < 60

    def test_every_row_of_a_statement_gets_another_random_uuid(self) -> None:
        Item.objects.bulk_create([Item(name=str(n), price=1) for n in range(300)])
        drawn = list(Item.objects.annotate(drawn=RandomUUID()).values_list("drawn", flat=True))
        assert len(set(drawn)) == 300
        assert all(isinstance(one, uuid.UUID) for one in drawn)
        assert {(one.version, one.variant) for one in drawn} == {(4, uuid.RFC_4122)}
        # Each of the four variants' digits shows up, and no digit is always the same.
        assert {one.hex[16] for one in drawn} == set("89ab")
        fixed = [place for place in range(32) if len({one.hex[place] for one in drawn}) == 1]
        assert fixed == [12]


def test_another_database_is_told_what_is_needed() -> None:
    from django.db import NotSupportedError

    class Other:
        vendor = "mysql"
        display_name = "MySQL"

    with pytest.raises(NotSupportedError, match="PostgreSQL or SQLite; MySQL is neither"):
        RandomUUID().as_sql(None, Other())  # type: ignore[arg-type]
