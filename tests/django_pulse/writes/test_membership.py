"""Many-to-many fields are sets: what several add is all there, whoever adds it and how."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from django.apps import apps
from django.contrib.auth import get_user_model
from django.db import connection
from django.test.utils import CaptureQueriesContext

from django_pulse.mapping.schema import schema_of
from django_pulse.tables import Awaited
from tests.django_pulse.bulk.conftest import is_mirrored
from tests.django_pulse.devices import Device, values_of
from tests.project.members.models import Article, Reading, Secret, Tag
from tests.project.relations.models import Category

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.databases("sqlite", "postgres"),
]


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


def test_links_that_are_nothing_else_are_fields() -> None:
    fields = schema_of(Article).fields
    assert set(fields) == {"title", "tags", "categories", "secrets", "related", "twins"}
    assert fields["tags"].rule.name == "add_wins_set"
    assert fields["tags"].options == {"many": True, "to": "members.tag"}
    assert (fields["tags"].default, fields["tags"].required) == ("[]", False)
    assert set(schema_of(Reading).fields) == {"article", "tag", "minutes"}


def test_what_the_orm_links_is_mirrored_from_either_side() -> None:
    a, b, c = tags("a", "b", "c")
    row = Article.objects.create(title="x")
    assert said(row) == []
    row.tags.add(a, b)
    assert said(row) == keys(a, b)
    row.refresh_from_db()
    assert row.version == 2
    row.tags.remove(a)
    assert said(row) == keys(b)
    row.tags.set([a, c])
    assert said(row) == keys(a, c)
    row.tags.clear()
    assert said(row) == []
    other = Article.objects.create(title="y")
    a.articles.add(row, other)
    assert (said(row), said(other)) == (keys(a), keys(a))
    a.articles.remove(other)
    assert said(other) == []
    a.articles.clear()
    assert said(row) == []
    row.related.add(other)
    assert said(row, "related") == keys(other)


def test_devices_link_and_unlink(phone: Device) -> None:
    a, b, c = tags("a", "b", "c")
    made = phone.create(title="x", tags=keys(a, b))
    [result] = phone.push()
    assert (result.status, result.reverted) == ("ok", {})
    row = Article.objects.get(sync_id=made)
    assert linked(row) == {"a", "b"}
    phone.set(made, tags=keys(b, c))
    phone.push()
    assert linked(row) == {"b", "c"}
    row.tags.remove(b)
    phone.pull()
    assert phone.get(made)["tags"] == keys(c)
    phone.set(made, tags=[])
    phone.push()
    assert linked(row) == set()


def test_who_adds_at_the_same_time_adds_and_a_stale_save_removes_nothing(
    user: Any, phone: Device
) -> None:
    a, b, c = tags("a", "b", "c")
    row = Article.objects.create(title="x")
    row.tags.add(a)
    stale = Article.objects.get()
    phone.pull()
    laptop = Device(user, Article)
    laptop.pull()
    phone.set(row.sync_id, tags=keys(a, b))
    laptop.set(row.sync_id, tags=keys(c))
    phone.push()
    laptop.push()
    assert linked(row) == {"b", "c"}
    stale.title = "y"
    stale.save()
    assert linked(row) == {"b", "c"}
    assert said(row) == keys(b, c)


def test_natural_keys_and_rows_of_the_same_model_are_elements_too(phone: Device) -> None:
    home = Category.objects.create(name="home")
    other = Article.objects.create(title="other")
    made = phone.create(categories=[["home"]], related=[str(other.sync_id)])
    assert phone.push()[0].reverted == {}
    row = Article.objects.get(sync_id=made)
    assert (row.categories.get(), row.related.get()) == (home, other)
    other.related.add(row)
    phone.pull()
    assert phone.get(other.sync_id)["related"] == [str(made)]


@pytest.mark.parametrize("key", ["no key", 1, None, ["x"], {}])
def test_what_is_no_element_is_reverted_and_the_others_stand(phone: Device, key: Any) -> None:
    [a] = tags("a")
    made = phone.create(tags=[*keys(a), key], categories=[["not there"]])
    [result] = phone.push()
    assert result.reverted["tags"]["code"] == "missing"
    assert result.reverted["categories"]["code"] == "missing"
    row = Article.objects.get(sync_id=made)
    assert linked(row) == {"a"}
    assert said(row) == keys(a)


def test_a_deleted_member_leaves_every_set(phone: Device) -> None:
    a, b = tags("a", "b")
    rows = [Article.objects.create(title=str(n)) for n in range(3)]
    for row in rows:
        row.tags.add(a, b)
    a.delete()
    assert [said(row) for row in rows] == [keys(b)] * 3
    Tag.objects.all().delete()
    assert [said(row) for row in rows] == [[]] * 3
    [c] = tags("c")
    rows[0].tags.add(c)
    phone.pull()
    Device(phone.user, Tag).pull()
    tablet = Device(phone.user, Tag)
    tablet.pull()
    tablet.delete(c.sync_id)
    tablet.push(c.sync_id)
    assert said(rows[0]) == []
    rows[1].delete()
    assert Article.objects.count() == 2


def test_a_deleted_member_leaves_every_set_also_after_caches_of_models_were_cleared() -> None:
    a, b = tags("a", "b")
    row = Article.objects.create(title="x")
    row.tags.add(a, b)
    apps.clear_cache()
    a.delete()
    assert said(row) == keys(b)


def test_a_member_that_has_not_come_is_linked_when_it_does(user: Any, phone: Device) -> None:
    [a] = tags("a")
    coming = uuid.uuid4()
    made = phone.create(title="x", tags=[*keys(a), str(coming)])
    [result] = phone.push()
    assert (result.status, result.reverted) == ("ok", {})
    row = Article.objects.get(sync_id=made)
    assert linked(row) == {"a"}
    assert Awaited.objects.count() == 1
    row.title = "y"
    row.save()
    row.tags.add(*tags("b"))
    phone.pull()
    phone.set(made, title="z")
    phone.push(made)
    phone.set(made, tags=[*phone.get(made)["tags"], str(uuid.uuid4())])
    phone.push(made)
    assert str(coming) in said(row)
    assert Awaited.objects.count() == 2
    tablet = Device(user, Tag)
    tablet.create(coming, name="c")
    tablet.push()
    assert linked(row) == {"a", "b", "c"}
    assert Awaited.objects.count() == 1


def test_a_member_that_the_user_may_not_see_is_not_linked(user: Any, phone: Device) -> None:
    other = get_user_model().objects.create_user("bob")
    his, hers = (Secret.objects.create(name="x", user=each) for each in (user, other))
    made = phone.create(secrets=keys(his, hers))
    phone.push()
    row = Article.objects.get(sync_id=made)
    assert list(row.secrets.all()) == [his]
    row.title = "saved"
    row.save()
    assert list(row.secrets.all()) == [his]
    hers.name = "changed"
    hers.save()
    assert list(row.secrets.all()) == [his]
    row.secrets.add(hers)
    phone.pull()
    phone.set(made, title="z")
    phone.push(made)
    assert set(row.secrets.all()) == {his, hers}, "what the server linked, stays"


def test_links_take_as_many_queries_for_many_rows_as_for_few(phone: Device) -> None:
    found = tags(*(str(n) for n in range(40)))

    def queries(count: int) -> list[int]:
        made = [phone.create(title="x", tags=keys(*found[: n + 1])) for n in range(count)]
        with CaptureQueriesContext(connection) as pushed:
            phone.push(*made)
        rows = list(Article.objects.filter(sync_id__in=made))
        with CaptureQueriesContext(connection) as added:
            found[-1].articles.add(*rows)
        with CaptureQueriesContext(connection) as deleted:
            Tag.objects.filter(pk__in=[tag.pk for tag in found[:3]]).delete()
        found[:3] = tags("x", "y", "z")
        return [len(pushed), len(added), len(deleted)]

    queries(3)
    assert queries(4) == queries(30)


def test_a_push_of_rows_without_sets_asks_for_no_links(user: Any) -> None:
    tablet = Device(user, Tag)
    tablet.create(name="a")
    with CaptureQueriesContext(connection) as captured:
        tablet.push()
    assert not [each for each in captured if "article_tags" in each["sql"]]


def test_links_that_are_rows_are_mirrored_however_they_are_made(user: Any) -> None:
    article = Article.objects.create(title="x")
    a, b = tags("a", "b")
    for change in (
        lambda: article.readers.add(a, b),
        lambda: article.readers.remove(a),
        lambda: article.readers.set([a], through_defaults={"minutes": 5}),
        lambda: b.read.add(article),
        article.readers.clear,
    ):
        change()
        assert is_mirrored(Reading)
        assert Reading.objects.count() == article.readers.count()
    tablet = Device(user, Reading)
    tablet.create(article=article.sync_id, tag=a.sync_id, minutes=3)
    assert tablet.push()[0].reverted == {}
    assert article.readers.get() == a
    a.delete()
    assert is_mirrored(Reading)
    assert not Reading.objects.exists()
