"""A model's schema tells clients what they need to know, and nothing that depends on the asker."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import models
from django.db.models.functions import Now
from django.test.utils import isolate_apps

from crdt.rules import Counter, Latest, ServerOnly, Text
from crdt.schema import MISSING, Schema
from django_pulse.mapping.schema import label_of, model_of, schema_of, schemas, sync_models
from django_pulse.models import SyncModel
from tests.project.todo.models import Everything, Item, Note, Task


@pytest.fixture
def isolated() -> Iterator[None]:
    with isolate_apps("tests.project.todo"):
        yield


def described(**fields: Any) -> Schema:
    """The schema of a model with these fields."""
    body = {"__module__": "tests.project.todo.models", **fields}
    return schema_of(type("Probe", (SyncModel,), body))


def test_every_sync_model_is_found_and_nothing_else() -> None:
    found = list(sync_models())
    assert [model for model in found if model._meta.app_label == "todo"] == [
        Everything,
        Item,
        Note,
        Task,
    ]
    assert "todo.category" not in {label_of(model) for model in found}
    assert [schema.label for schema in schemas()] == [label_of(model) for model in found]


def test_a_label_leads_to_its_model() -> None:
    assert model_of("todo.task") is Task


@pytest.mark.parametrize(
    "label",
    [
        *("todo.Task", "todo.category", "auth.user", "todo.nothing", "no.app", "task", "", "."),
        *("a.b.c", "\0.\0", "x" * 10_000),
    ],
)
def test_any_other_label_leads_nowhere(label: str) -> None:
    assert model_of(label) is None


def test_the_original_models_are_described() -> None:
    task, item = schema_of(Task), schema_of(Item)
    assert list(task.fields) == ["title", "description", "completed", "user"]
    assert {name: field.kind for name, field in item.fields.items()} == {
        "name": "str",
        "description": "str",
        "price": "decimal",
    }
    assert item.fields["price"].options == {"max_digits": 10, "decimal_places": 2}
    assert task.fields["title"].options == {"max_length": 200}
    assert task.fields["completed"].default is False
    assert task.fields["description"].default == ""


def test_what_must_be_given_is_required() -> None:
    required = {name for name, field in schema_of(Item).fields.items() if field.required}
    assert required == {"name", "price"}


def test_the_owner_is_neither_required_nor_null_by_default() -> None:
    for model in (Task, Note):
        owner = schema_of(model).fields["user"]
        assert (owner.required, owner.default) == (False, MISSING)


def test_rules_come_from_class_sync_and_are_latest_otherwise() -> None:
    rules = {name: field.rule for name, field in schema_of(Note).fields.items()}
    assert rules == {
        "title": Latest(),
        "body": Text(),
        "votes": Counter(),
        "reviewed_by": ServerOnly(),
        "user": Latest(),
    }


@pytest.mark.usefixtures("isolated")
def test_read_only_fields_are_the_servers() -> None:
    class Sync:
        merge = {"votes": Counter()}
        read_only = ["votes", "status"]

    fields = described(
        Sync=Sync,
        votes=models.IntegerField(),
        status=models.CharField(max_length=5),
    ).fields
    assert fields["status"].rule == ServerOnly()
    assert fields["votes"].rule == Counter()
    assert fields["votes"].options["read_only"] is True
    assert not any(field.required for field in fields.values())


@pytest.mark.usefixtures("isolated")
@pytest.mark.parametrize(
    ("field", "default"),
    [
        (models.IntegerField(default=3), 3),
        (models.BigIntegerField(default=2**60), str(2**60)),
        (models.JSONField(default=dict), "{}"),
        (models.JSONField(default=list), "[]"),
        (models.JSONField(default=lambda: {"by": "code"}), MISSING),
        (models.CharField(max_length=5, null=True), None),
        (models.CharField(max_length=5, blank=True), ""),
        (models.CharField(max_length=5), MISSING),
        (models.IntegerField(blank=True), MISSING),
        (models.IntegerField(db_default=4), 4),
        (models.DateTimeField(db_default=Now()), MISSING),
        (models.IntegerField(default="not a number"), MISSING),
        (models.DecimalField(max_digits=5, decimal_places=2, default="1.5"), "1.50"),
    ],
)
def test_a_default_is_told_where_it_is_the_same_for_all(field: Any, default: Any) -> None:
    assert described(probe=field).fields["probe"].default == default


@pytest.mark.usefixtures("isolated")
def test_choices_are_told_as_they_travel() -> None:
    grouped = [("group", [(1, "one"), (2**60, "many")]), (None, "none")]
    field = models.BigIntegerField(choices=grouped, null=True)
    options = described(probe=field).fields["probe"].options
    assert options["choices"] == [1, str(2**60), None]


@pytest.mark.usefixtures("isolated")
def test_a_child_table_has_its_parents_fields_but_no_keys() -> None:
    class Parent(SyncModel):
        title = models.CharField(max_length=5)

        class Meta:
            app_label = "todo"

    class Child(Parent):
        extra = models.CharField(max_length=5)

        class Meta:
            app_label = "todo"

    assert list(schema_of(Child).fields) == ["title", "extra"]


@pytest.mark.usefixtures("isolated")
def test_parts_of_a_composite_key_are_not_shared() -> None:
    class Composite(SyncModel):
        pk = models.CompositePrimaryKey("shelf", "place")
        shelf = models.IntegerField()
        place = models.IntegerField()
        title = models.CharField(max_length=5)

        class Meta:
            app_label = "todo"

    assert list(schema_of(Composite).fields) == ["title"]


@pytest.mark.usefixtures("isolated")
def test_a_proxy_has_the_schema_and_label_of_its_model() -> None:
    class Urgent(Task):
        class Meta:
            app_label = "todo"
            proxy = True

    assert schema_of(Urgent) is schema_of(Task)
    assert label_of(Urgent) == "todo.task"


def test_a_schema_survives_its_description() -> None:
    for schema in schemas():
        described = schema.description()
        assert Schema.from_description(described).description() == described


def test_a_foreign_key_called_user_to_something_else_is_an_ordinary_one() -> None:
    assert schema_of(Note).fields["user"].kind == "int"
    assert Note._meta.get_field("user").related_model is User
