"""Links that nobody told of: raw SQL in the table between, fixtures, rows adopted with theirs."""

from __future__ import annotations

import json
import uuid
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.core import serializers
from django.core.management import call_command
from django.db import transaction

from django_pulse.tables import Document
from django_pulse.upkeep.adopting import adopt
from django_pulse.upkeep.verifying import verify
from tests.django_pulse.devices import Device, values_of
from tests.django_pulse.past import execute
from tests.project.members.models import Article, Tag, Truck
from tests.project.teams.models import Assignment, Letter, Shift

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.databases("sqlite", "postgres")]


@pytest.fixture
def user() -> Any:
    return get_user_model().objects.create_user("ada")


@pytest.fixture
def phone(user: Any) -> Device:
    return Device(user, Article)


def tags(*names: str) -> list[Tag]:
    return [Tag.objects.create(name=name) for name in names]


def keys(*rows: Any) -> list[str]:
    return sorted(str(row.sync_id) for row in rows)


def said(row: Any, name: str = "tags") -> list[Any]:
    found: list[Any] = values_of(row)[name]
    return found


def linked(row: Any) -> set[str]:
    return set(row.tags.values_list("name", flat=True))


def link(row: Article, tag: Tag) -> None:
    sql = "INSERT INTO members_article_tags (article_id, tag_id) VALUES (%s, %s)"
    execute(sql, row.pk, tag.pk)


def unlink(row: Article, tag: Tag) -> None:
    execute(
        "DELETE FROM members_article_tags WHERE article_id = %s AND tag_id = %s", row.pk, tag.pk
    )


def wrong(model: Any, *, fix: bool = False) -> list[tuple[str, str]]:
    steps = verify(model, "default", fix=fix)
    return sorted((one.kind, one.field) for step in steps for one in step.findings)


# Raw SQL


def test_they_are_found_and_repaired_as_columns_are(phone: Device) -> None:
    a, b, c = tags("a", "b", "c")
    row = Article.objects.create(title="x")
    row.tags.add(a, b)
    phone.pull()
    link(row, c)
    unlink(row, a)
    assert wrong(Article) == [("column", "tags")]
    assert wrong(Article, fix=True) == [("column", "tags")]
    assert wrong(Article) == []
    assert said(row) == keys(b, c)
    phone.pull()
    assert phone.get(row.sync_id)["tags"] == keys(b, c)


def test_members_that_have_not_come_are_as_they_should_be(user: Any, phone: Device) -> None:
    a, b = tags("a", "b")
    coming = uuid.uuid4()
    made = phone.create(title="x", tags=[*keys(a), str(coming)])
    phone.push()
    row = Article.objects.get(sync_id=made)
    assert wrong(Article) == []
    link(row, b)
    assert wrong(Article, fix=True) == [("column", "tags")]
    assert wrong(Article) == []
    assert said(row) == sorted([*keys(a, b), str(coming)])
    tablet = Device(user, Tag)
    tablet.create(coming, name="c")
    tablet.push()
    assert linked(row) == {"a", "b", "c"}
    assert wrong(Article) == []


def test_they_are_merged_with_what_devices_link_before_anything_else(phone: Device) -> None:
    a, b, c = tags("a", "b", "c")
    row = Article.objects.create(title="x")
    row.tags.add(a)
    phone.pull()
    link(row, b)
    phone.set(row.sync_id, tags=keys(a, c))
    phone.push()
    assert (linked(row), said(row)) == ({"a", "b", "c"}, keys(a, b, c))
    unlink(row, a)
    row.title = "y"
    row.save()
    assert (linked(row), said(row)) == ({"b", "c"}, keys(b, c))


def test_rows_are_adopted_with_their_links(phone: Device) -> None:
    a, b = tags("a", "b")
    row = Article.objects.create(title="x")
    row.tags.add(a)
    link(row, b)
    Document.objects.filter(sync_id=row.sync_id).delete()
    execute("UPDATE members_article SET version = 0")
    assert sum(step.rows for step in adopt(Article, "default")) == 1
    phone.pull()
    assert phone.get(row.sync_id)["tags"] == keys(a, b)


def test_rows_that_they_put_into_scopes_are_found_and_moved(user: Any) -> None:
    letter, shift = Letter.objects.create(title="l"), Shift.objects.create(title="s")
    execute(
        "INSERT INTO teams_letter_readers (letter_id, user_id) VALUES (%s, %s)", letter.pk, user.pk
    )
    Assignment.objects.bulk_create([Assignment(shift=shift, worker=user)])
    assert wrong(Letter, fix=True) == [("column", "readers"), ("scopes", "")]
    assert wrong(Shift, fix=True) == [("scopes", "")]
    assert wrong(Letter) == wrong(Shift) == []
    for row in (letter, shift):
        phone = Device(user, type(row))
        phone.pull()
        assert row.sync_id in phone.rows


# Fixtures


def load(tmp_path: Path, rows: list[dict[str, Any]]) -> None:
    fixture = tmp_path / "rows.json"
    fixture.write_text(json.dumps(rows), encoding="utf-8")
    call_command("loaddata", str(fixture), verbosity=0)


def test_a_fixture_links_rows_whatever_its_order_and_again_what_changed(
    tmp_path: Path, phone: Device
) -> None:
    article = {"title": "x", "tags": [1, 2], "related": [2], "categories": [["boats"]]}
    load(
        tmp_path,
        [
            {"model": "members.article", "pk": 1, "fields": article},
            {"model": "members.tag", "pk": 1, "fields": {"name": "a"}},
            {"model": "members.tag", "pk": 2, "fields": {"name": "b"}},
            {"model": "relations.category", "pk": 1, "fields": {"name": "boats"}},
            {"model": "members.article", "pk": 2, "fields": {"title": "y", "tags": [2]}},
        ],
    )
    row, other = Article.objects.order_by("pk")
    a, b = Tag.objects.order_by("pk")
    assert (said(row), said(row, "related")) == (keys(a, b), keys(other))
    assert (said(row, "categories"), said(other)) == ([["boats"]], keys(b))
    assert wrong(Article) == []
    phone.pull()
    load(tmp_path, [{"model": "members.article", "pk": 1, "fields": {"title": "x", "tags": [2]}}])
    assert (linked(row), said(row)) == ({"b"}, keys(b))
    phone.pull()
    assert phone.get(row.sync_id)["tags"] == keys(b)


def test_what_was_dumped_is_loaded_with_its_links() -> None:
    a, b = tags("a", "b")
    row = Article.objects.create(title="x")
    row.tags.add(a, b)
    dumped = serializers.serialize("json", [row, a, b])
    Article.objects.all().delete()
    Tag.objects.all().delete()
    with transaction.atomic():
        for each in serializers.deserialize("json", dumped):
            each.save()
    assert linked(row) == {"a", "b"}
    assert said(row) == keys(a, b)
    assert wrong(Article) == []


# Links of a parent that does not sync


def test_links_of_a_parent_that_does_not_sync_are_those_of_its_rows_that_do(user: Any) -> None:
    a, b = tags("a", "b")
    truck = Truck.objects.create(name="t")
    truck.labels.add(a)
    a.labelled.get().labels.add(b)
    assert said(truck, "labels") == keys(a, b)
    a.delete()
    assert said(truck, "labels") == keys(b)
    phone = Device(user, Truck)
    phone.pull()
    phone.set(truck.sync_id, labels=[])
    phone.push()
    assert not truck.labels.exists()
