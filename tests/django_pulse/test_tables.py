"""Our tables, and the migration that makes them."""

from __future__ import annotations

import re
from io import StringIO

import pytest
from django.apps import apps
from django.core.management import call_command
from django.db import IntegrityError, connection, models, transaction
from django.db.migrations.loader import MigrationLoader

from django_pulse import tables
from django_pulse.tables import Device, Document, Feed, Outbox, Scope

TABLES_OF_1_0_1 = {"django_pulse_item", "django_pulse_synclog", "django_pulse_globalsyncsequence"}


@pytest.mark.django_db(databases=["default", "other"])
def test_models_and_migrations_agree() -> None:
    call_command("makemigrations", "--check", "--dry-run", stdout=StringIO())


def test_the_first_migration_is_not_the_one_that_users_of_1_0_1_made() -> None:
    ours = {name for app, name in MigrationLoader(None).disk_migrations if app == "django_pulse"}
    assert "0001_initial" not in ours
    assert min(ours) == "1001_sync_tables"


def test_our_tables_are_not_those_of_1_0_1() -> None:
    models_of_ours = list(apps.get_app_config("django_pulse").get_models())
    assert {model.__name__ for model in models_of_ours} == set(tables.__all__)
    assert not {model._meta.db_table for model in models_of_ours} & TABLES_OF_1_0_1


def test_keys_are_big_and_references_cost_nothing() -> None:
    for model in apps.get_app_config("django_pulse").get_models():
        assert isinstance(model._meta.pk, (models.BigAutoField, models.BigIntegerField))
        for field in model._meta.concrete_fields:
            if isinstance(field, models.ForeignKey):
                options = field.deconstruct()[3]
                assert (options["db_constraint"], options["db_index"]) == (False, False)
                assert field.remote_field.on_delete is models.DO_NOTHING


def test_every_table_says_what_it_is_for() -> None:
    for model in apps.get_app_config("django_pulse").get_models():
        assert not re.match(r"^\w+\(.*\)$", model.__doc__ or ""), model


@pytest.mark.databases("sqlite", "postgres")
@pytest.mark.django_db
class TestInADatabase:
    def test_a_row_has_one_document(self) -> None:
        key = {"model": "todo.task", "sync_id": "00000000-0000-0000-0000-000000000001"}
        Document.objects.create(**key)
        with pytest.raises(IntegrityError), transaction.atomic():
            Document.objects.create(**key)

    def test_a_document_has_one_position_in_a_scope(self) -> None:
        Feed.objects.create(scope_id=1, document_id=2, position=3)
        with pytest.raises(IntegrityError), transaction.atomic():
            Feed.objects.create(scope_id=1, document_id=2, position=4)

    def test_a_replica_is_registered_once(self) -> None:
        Device.objects.create(replica=2**53 - 1, user="1", device="phone")
        with pytest.raises(IntegrityError), transaction.atomic():
            Device.objects.create(replica=2**53 - 1, user="2", device="phone")

    def test_a_scope_has_one_head(self) -> None:
        Scope.objects.create(key="k" * 1000)
        with pytest.raises(IntegrityError), transaction.atomic():
            Scope.objects.create(key="k" * 1000)

    def test_bytes_and_positions_come_back_as_they_went_in(self) -> None:
        state, position = bytes(range(256)), 2**62
        document = Document.objects.create(
            model="todo.task",
            sync_id="00000000-0000-0000-0000-000000000001",
            state=state,
            scopes=[1, 2],
        )
        document.refresh_from_db()
        assert (bytes(document.state), document.scopes) == (state, [1, 2])
        Outbox.objects.create(document=document, scope="everybody", update=state)
        assert bytes(Outbox.objects.get().update) == state
        Feed.objects.create(scope_id=1, document=document, position=position)
        assert Feed.objects.get().position == position

    def test_tables_exist_under_their_names(self) -> None:
        existing = set(connection.introspection.table_names())
        assert {f"django_pulse_{name.lower()}" for name in tables.__all__} <= existing
