"""Every type of field, exactly, out to an app of 1.0.1 and back."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from django.contrib.contenttypes.models import ContentType

from django_pulse.tables import Receipt
from tests.django_pulse.test_round_trip import VALUES, columns, rows
from tests.project.members.models import Article, Tag
from tests.project.relations.models import Category as NaturalCategory
from tests.project.relations.models import Project, Star
from tests.project.todo.models import Category, Everything, Task

from .apps import App

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.databases("sqlite", "postgres"),
]

OTHERS = {"file": "a/é.txt", "file_path": "/b.txt", "small": 3, "positive": 7, "positive_small": 9}
LONG = {"id": 2**53 + 1, "ids": [2**60, -(2**64) - 1, 10**30], "name": "x"}


@pytest.fixture
def app(ada: Any) -> App:
    return App(ada)


def referred(user: Any) -> dict[str, Any]:
    task = Task.objects.create(title="Bread", user=user)
    one, other = Category.objects.create(name="one"), Category.objects.create(name="other")
    return {"category": one, "partner": other, "task": task}


def javascript(value: Any) -> Any:
    """What JavaScript makes of JSON and writes again: all of its numbers are float64."""
    if isinstance(value, dict):
        return {name: javascript(each) for name, each in value.items()}
    if isinstance(value, list):
        return [javascript(each) for each in value]
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return value
    number = float(value)
    is_whole = number.is_integer() and abs(number) < 1e21
    return int(Decimal(repr(number))) if is_whole else number


def echoed(app: App, table: str) -> dict[str, Any]:
    """Send all rows back as they came; the ack."""
    for sync_id, held in list(app.table(table).items()):
        app.table(table)[sync_id] = javascript(held)
        app.edit(table, sync_id)
    return app.upload(table)


def test_rows_that_come_back_as_javascript_writes_them_are_no_edits(app: App, ada: Any) -> None:
    references = referred(ada)
    for values in rows():
        Everything.objects.create(**values)
    last = Everything.objects.create(**OTHERS, **references, json=LONG)
    before = {row.pk: (row.version, columns(row)) for row in Everything.objects.all()}
    app.pull("everything")
    assert app.table("everything")[str(last.sync_id)]["task"] == references["task"].pk
    ack = echoed(app, "everything")
    assert (len(ack["synced_ids"]), ack["errors"]) == (len(before), [])
    assert "notes" not in ack
    assert before == {row.pk: (row.version, columns(row)) for row in Everything.objects.all()}
    assert not Receipt.objects.exists(), "nothing was written"


def test_rows_that_an_app_made_hold_what_it_was_told_of_others(app: App, ada: Any) -> None:
    made = {}
    for values in rows():
        Everything.objects.create(**values)
    references = referred(ada)
    last = Everything.objects.create(**OTHERS, **(references | {"partner": None}))
    app.pull("everything")
    for sync_id, told in list(app.table("everything").items()):
        values = {name: told[name] for name in [*VALUES, *OTHERS, *references]}
        made[sync_id] = app.create("everything", **values)
    ack = app.upload("everything")
    assert ack["errors"] == []
    for sync_id, copy in made.items():
        row, new = (Everything.objects.get(sync_id=each) for each in (sync_id, copy))
        assert columns(new) == columns(row)
    new = Everything.objects.get(sync_id=made[str(last.sync_id)])
    assert (new.category, new.task) == (references["category"], references["task"])
    assert {name: getattr(new, name) for name in OTHERS} == OTHERS


def test_an_edit_beside_a_number_that_javascript_rounds_keeps_its_digits(
    app: App, ada: Any
) -> None:
    row = Everything.objects.create(json=LONG)
    app.pull("everything")
    sync_id = str(row.sync_id)
    held = javascript(app.table("everything")[sync_id]["json"])
    for name in ("y", "z"):
        app.edit("everything", sync_id, json=held | {"name": name})
        app.upload("everything", lost=True)
        row.refresh_from_db()
        assert row.json == LONG | {"name": name}


def test_one_row_with_a_huge_number_keeps_no_other_row_from_being_told(app: App) -> None:
    Everything.objects.create(json=10**300)
    Everything.objects.create(json={"a": 1})
    told = [each["data"]["data"]["json"] for each in app.pull("everything")]
    assert told == [10**300, {"a": 1}]


def test_a_number_that_an_app_sends_is_stored_with_all_its_digits(app: App) -> None:
    made = app.create("everything", json={"a": 2**64 + 1}, big=2**62 + 1)
    assert app.upload("everything")["errors"] == []
    row = Everything.objects.get(sync_id=made)
    assert (row.json, row.big) == ({"a": 2**64 + 1}, 2**62 + 1)


def test_sets_come_back_as_no_edits_and_are_written_as_what_was_added_and_removed(app: App) -> None:
    tags = [Tag.objects.create(name=name) for name in "abc"]
    category = NaturalCategory.objects.create(name="c")
    article = Article.objects.create(title="Sets")
    article.tags.set(tags[:2])
    article.categories.set([category])
    app.pull("article")
    told = app.table("article")[str(article.sync_id)]
    assert told["tags"] == sorted(tag.pk for tag in tags[:2])
    assert told["categories"] == [category.pk]
    assert echoed(app, "article")["errors"] == []
    assert not Receipt.objects.exists()
    app.edit("article", str(article.sync_id), tags=[tags[1].pk, tags[2].pk])
    article.tags.remove(tags[1])
    app.upload("article")
    assert set(article.tags.all()) == {tags[2]}, "what it did not add does not come back"


def test_a_generic_key_is_the_columns_that_hold_it(app: App) -> None:
    project = Project.objects.create(name="p")
    star = Star.objects.create(subject=project)
    app.pull("star")
    told = app.table("star")[str(star.sync_id)]
    kind = ContentType.objects.get_for_model(Project).pk
    assert (told["content_type"], told["object_id"]) == (kind, project.pk)
    assert echoed(app, "star")["errors"] == []
    assert not Receipt.objects.exists()
