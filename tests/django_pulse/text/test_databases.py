"""One app whose tables live in two databases."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from django_pulse.tables import Reading, Receipt, Told
from django_pulse.upkeep import purging
from tests.project.elsewhere.models import Circle, Label, Letter, Sheet
from tests.project.elsewhere.router import elsewhere
from tests.project.todo.models import Note

from .apps import App

pytestmark = [
    pytest.mark.django_db(transaction=True, databases=["default", "other"]),
    pytest.mark.databases("sqlite", "postgres"),
]


@pytest.fixture
def app(ada: Any) -> Iterator[App]:
    with elsewhere():
        yield App(ada)


def test_rows_of_both_are_told_edited_and_counted_once(app: App, ada: Any) -> None:
    sheet = Sheet.objects.create(title="there", votes=1, user=ada)
    note = Note.objects.create(title="here", votes=1, user=ada)
    for table, row in (("elsewhere.sheet", sheet), ("note", note)):
        app.pull(table)
        type(row).objects.filter(pk=row.pk).update(votes=5)
        app.edit(table, str(row.sync_id), votes=3)
        app.upload(table, lost=True)
    app.connect()
    for table, row in (("elsewhere.sheet", sheet), ("note", note)):
        assert app.upload(table)["errors"] == []
        app.pull(table)
        row.refresh_from_db()
        assert row.votes == 7
        assert app.table(table)[str(row.sync_id)]["votes"] == 7
    for known in (Told, Receipt, Reading):
        assert known._default_manager.using("default").exists()
        assert known._default_manager.using("other").exists()


def test_rows_that_refer_to_each_other_and_to_users_elsewhere(app: App, ada: Any, bob: Any) -> None:
    label = app.create("elsewhere.label", name="red")
    sheet = app.create("elsewhere.sheet", title="s", user=ada.pk, label=label, labels=[label])
    for table in ("elsewhere.label", "elsewhere.sheet"):
        assert app.upload(table)["errors"] == []
    row = Sheet.objects.get(sync_id=sheet)
    assert row.label == Label.objects.get(sync_id=label)
    assert list(row.labels.all()) == [row.label]
    app.pull("elsewhere.sheet")
    assert app.table("elsewhere.sheet")[sheet]["user"] == ada.pk


def test_deletions_of_both_are_told_however_long_ago(app: App, ada: Any) -> None:
    rows = [Sheet.objects.create(title="there", user=ada), Note.objects.create(title="x", user=ada)]
    tables = ("elsewhere.sheet", "note")
    for table in tables:
        app.pull(table)
    for row in rows:
        row.delete()
    for using in ("default", "other"):
        purging.purge(using, timezone.now() + timedelta(seconds=1))
    app.connect()
    for table in tables:
        assert [each["data"]["type"] for each in app.pull(table)] == ["HARD_DELETE"]
        assert app.table(table) == {}


def test_whoever_comes_to_a_scope_elsewhere_is_told_its_rows(app: App, ada: Any) -> None:
    circle = Circle.objects.create(name="c")
    Letter.objects.create(text="old", circle=circle)
    assert app.pull("elsewhere.letter") == []
    circle.members.add(ada)
    assert [each["data"]["data"]["text"] for each in app.pull("elsewhere.letter")] == ["old"]
    circle.members.remove(ada)
    assert [each["data"]["type"] for each in app.pull("elsewhere.letter")] == ["HARD_DELETE"]
