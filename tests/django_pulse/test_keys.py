"""What rows refer to travels by keys that mean the same everywhere."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.contrib.contenttypes.models import ContentType
from django.db import connection
from django.test.utils import CaptureQueriesContext

from django_pulse.mapping.columns import columns_of
from django_pulse.mapping.keys import By, Keys, target_by_pk
from django_pulse.mapping.schema import schema_of
from tests.django_pulse.devices import Device, document_of, values_of
from tests.project.relations.models import (
    Category,
    Comment,
    Country,
    Cover,
    LargeProject,
    Private,
    Project,
    Star,
    Task,
)

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.databases("sqlite", "postgres"),
]


@pytest.fixture
def user() -> Any:
    return get_user_model().objects.create_user("ada")


@pytest.fixture
def phone(user: Any) -> Device:
    return Device(user, Task)


def test_each_relation_has_the_kind_of_its_keys() -> None:
    fields = schema_of(Task).fields
    assert {name: fields[name].kind for name in fields} == {
        "title": "str",
        "project": "uuid",
        "large": "uuid",
        "category": "json",
        "country": "int",
        "by_code": "str",
        "private": "uuid",
        "parent": "uuid",
        "loose": "uuid",
    }
    assert fields["project"].options == {"null": True, "to": "relations.project"}
    assert fields["large"].options["to"] == "relations.project", "of the model behind a proxy"
    assert fields["parent"].default is None
    cover = schema_of(Cover).fields
    assert (cover["project"].kind, cover["project"].required) == ("uuid", True)


def test_every_relation_reaches_devices_and_comes_back(phone: Device) -> None:
    one, other = Project.objects.create(name="one"), LargeProject.objects.create(name="two")
    home, work = (Category.objects.create(name=name) for name in ("home", "work"))
    france, spain = (Country.objects.create(code=code) for code in ("fr", "es"))
    row = Task.objects.create(
        project=one, large=other, category=home, country=france, by_code=france, loose=one
    )
    child = Task.objects.create(parent=row)
    phone.pull()
    assert phone.get(row.sync_id) == {
        "title": "",
        "project": one.sync_id,
        "large": other.sync_id,
        "category": ["home"],
        "country": france.pk,
        "by_code": "fr",
        "private": None,
        "parent": None,
        "loose": one.sync_id,
    }
    assert phone.get(child.sync_id)["parent"] == row.sync_id
    phone.set(row.sync_id, project=other.sync_id, large=one.sync_id, category=["work"])
    phone.set(row.sync_id, country=spain.pk, by_code="es", loose=None, parent=child.sync_id)
    [result] = phone.push(row.sync_id)
    assert result.reverted == {}
    row.refresh_from_db()
    assert (row.project_id, row.large_id, row.parent) == (other.pk, one.pk, child)
    assert (row.category, row.country, row.by_code, row.loose) == (work, spain, spain, None)


def test_a_device_makes_rows_that_refer_to_others(user: Any, phone: Device) -> None:
    project = Project.objects.create(name="one")
    covers = Device(user, Cover)
    made = covers.create(project=project.sync_id, colour="red")
    [result] = covers.push()
    assert (result.status, result.reverted) == ("ok", {})
    assert Cover.objects.get(sync_id=made).project == project
    child = phone.create(title="Paint", project=project.sync_id)
    phone.push()
    assert [task.sync_id for task in project.tasks.all()] == [child]
    assert document_of(Task.objects.get()).delta() == b"\0\0", "nothing was left to mirror"


def test_a_stale_save_keeps_the_reference_that_somebody_else_changed(phone: Device) -> None:
    one, other = (Project.objects.create(name=name) for name in ("one", "other"))
    row = Task.objects.create(title="Paint", project=one)
    stale = Task.objects.get()
    phone.pull()
    phone.set(row.sync_id, project=other.sync_id)
    phone.push(row.sync_id)
    stale.title = "Paint the wall"
    stale.save()
    row.refresh_from_db()
    assert (row.title, row.project) == ("Paint the wall", other)
    row.project = one
    row.save()
    assert values_of(row)["project"] == one.sync_id
    phone.pull()
    assert phone.get(row.sync_id)["project"] == one.sync_id


def test_bulk_writes_of_references_are_mirrored(phone: Device) -> None:
    one, other = (Project.objects.create(name=name) for name in ("one", "other"))
    rows = Task.objects.bulk_create([Task(title=str(n), project=one) for n in range(5)])
    Task.objects.filter(title__in=["1", "2"]).update(project=other)
    for row in rows[3:]:
        row.project = None
    Task.objects.bulk_update(rows[3:], ["project"])
    found = [values_of(row)["project"] for row in Task.objects.order_by("pk")]
    assert found == [one.sync_id, other.sync_id, other.sync_id, None, None]


def test_a_target_that_the_user_may_not_see_is_as_one_that_is_not_there(
    user: Any, phone: Device
) -> None:
    his = Private.objects.create(name="his", user=user)
    other = get_user_model().objects.create_user("bob")
    hers = Private.objects.create(name="hers", user=other)
    made = [phone.create(private=key) for key in (his.sync_id, hers.sync_id, uuid.uuid4())]
    results = phone.push(*made)
    assert results[0].reverted == {}
    assert Task.objects.get(sync_id=made[0]).private == his
    hidden, missing = (result.parked for result in results[1:])
    assert hidden
    assert missing
    del hidden["fields"]["private"]["value"], missing["fields"]["private"]["value"]
    assert hidden == missing
    assert not Task.objects.exclude(sync_id=made[0]).exclude(private=None).exists()


def test_a_reference_to_a_row_that_is_gone_is_left_alone(phone: Device) -> None:
    project = Project.objects.create(name="one")
    row = Task.objects.create(title="Paint", loose=project)
    key, pk = project.sync_id, project.pk
    Project.objects.filter(pk=pk).delete()
    before = row.version
    for title in ("a", "b"):
        row = Task.objects.get()
        row.title = title
        row.save()
    assert row.version == before + 2
    assert (values_of(row)["loose"], row.loose_id) == (key, pk)
    document = document_of(row)
    assert len(document.live("loose")) == 1
    assert len(document.entries) == len(schema_of(Task).fields), "and not written again and again"


def test_a_natural_key_that_changed_is_taken_over_once() -> None:
    category = Category.objects.create(name="home")
    row = Task.objects.create(title="Paint", category=category)
    Category.objects.update(name="house")
    row.title = "Paint the wall"
    row.save()
    assert values_of(row)["category"] == ["house"]
    written = document_of(row).live("category")
    row.title = "Paint"
    row.save()
    assert document_of(row).live("category") == written


def test_a_natural_key_is_found_as_its_manager_finds_it(phone: Device) -> None:
    Category.objects.create(name="Home")
    made = phone.create(category=["HOME"])
    no_keys: list[Any] = [["no"], [], ["a", "b"], [{}], "Home"]
    wrong = [phone.create(title="x", category=key) for key in no_keys]
    results = phone.push(made, *wrong)
    assert results[0].reverted == {}
    row = Task.objects.get(sync_id=made)
    assert str(row.category) == "Home"
    for result, sync_id in zip(results[1:], wrong, strict=True):
        assert "category" in result.reverted
        assert Task.objects.get(sync_id=sync_id).category is None
    row.title = "seen"
    row.save()
    assert values_of(row)["category"] == ["Home"]


def test_a_generic_key_is_one_field_and_names_the_model(user: Any) -> None:
    project, home = Project.objects.create(name="one"), Category.objects.create(name="home")
    france = Country.objects.create(code="fr")
    rows = [Comment.objects.create(text="x", subject=each) for each in (project, home, france)]
    rows.append(Comment.objects.create(text="x"))
    tablet = Device(user, Comment)
    assert set(tablet.schema.fields) == {"text", "subject"}
    tablet.pull()
    keys = [
        ["relations.project", str(project.sync_id)],
        ["relations.category", ["home"]],
        ["relations.country", france.pk],
        None,
    ]
    assert [tablet.get(row.sync_id)["subject"] for row in rows] == keys
    for row, key in zip(rows, reversed(keys), strict=True):
        tablet.set(row.sync_id, subject=key)
    assert all(not result.reverted for result in tablet.push())
    found = [row.subject for row in Comment.objects.order_by("pk")]
    assert found == [None, france, home, project]
    made = tablet.create(text="new", subject=keys[0])
    tablet.push(made)
    assert Comment.objects.get(sync_id=made).subject == project


def test_a_generic_key_merges_as_one(user: Any) -> None:
    project, home = Project.objects.create(name="one"), Category.objects.create(name="home")
    row = Comment.objects.create(text="x", subject=project)
    stale = Comment.objects.get()
    row.subject = home
    row.save()
    stale.text = "y"
    stale.save()
    row.refresh_from_db()
    assert (row.text, row.subject) == ("y", home)
    stale = Comment.objects.get()
    stale.subject = project
    stale.save(update_fields=["content_type", "object_id"])
    assert values_of(stale)["subject"] == ["relations.project", str(project.sync_id)]
    Comment.objects.update(
        content_type=ContentType.objects.get_for_model(home), object_id=str(home.pk)
    )
    assert values_of(stale)["subject"] == ["relations.category", ["home"]]


@pytest.mark.parametrize(
    "value",
    [
        *("relations.project", ["relations.project"], {}, [1, 2], ["no.model", 1], []),
        ["relations.project", "not a uuid"],
        ["Relations.Project", str(uuid.UUID(int=1))],
        ["relations.category", "home"],
        ["relations.country", 2**80],
        ["relations.country", "1"],
        ["relations.country", None],
    ],
)
def test_what_is_no_generic_key_is_reverted(user: Any, value: Any) -> None:
    tablet = Device(user, Comment)
    made = tablet.create(text="x", subject=value)
    [result] = tablet.push()
    assert result.reverted["subject"]["code"] in {"missing", "invalid"}
    assert Comment.objects.get(sync_id=made).subject is None


def test_a_generic_key_refers_only_to_models_that_it_may(user: Any) -> None:
    project, france = Project.objects.create(name="one"), Country.objects.create(code="fr")
    tablet = Device(user, Star)
    assert tablet.schema.fields["subject"].required
    made = tablet.create(subject=["relations.category", ["home"]])
    Category.objects.create(name="home")
    assert tablet.push()[0].reverted == {}
    tablet.set(made, subject=["relations.project", str(project.sync_id)])
    assert tablet.push()[0].reverted == {}
    tablet.set(made, subject=["relations.country", france.pk])
    assert "subject" in tablet.push()[0].reverted
    assert Star.objects.get().subject == project


def test_a_push_asks_as_often_for_many_references_as_for_few(phone: Device) -> None:
    projects = [Project.objects.create(name=str(n)) for n in range(60)]
    for project in projects:
        Category.objects.create(name=project.name)
    rows = Task.objects.bulk_create([Task(title="x") for _ in range(60)])
    phone.pull()

    def queries(count: int) -> int:
        for row, project in zip(rows[:count], projects, strict=False):
            phone.set(row.sync_id, project=project.sync_id, category=[project.name])
        made = [
            phone.create(project=project.sync_id, category=[project.name], parent=row.sync_id)
            for row, project in zip(rows[:count], projects, strict=False)
        ]
        with CaptureQueriesContext(
            connection,
        ) as captured:
            results = phone.push(*made, *(row.sync_id for row in rows[:count]))
        assert all(not result.reverted for result in results)
        return len(captured)

    few = queries(6)
    for row in rows:
        phone.set(row.sync_id, project=None, category=None)
    phone.push()
    assert queries(60) == few


def test_a_bulk_write_asks_as_often_for_many_references_as_for_few() -> None:
    projects = [Project.objects.create(name=str(n)) for n in range(60)]

    def queries(count: int) -> int:
        rows = [Task(title="x", project=project, loose=project) for project in projects[:count]]
        with CaptureQueriesContext(connection) as captured:
            Task.objects.bulk_create(rows)
        return len(captured)

    queries(1)
    assert queries(6) == queries(60)


def test_keys_are_looked_up_once_for_all_rows_of_a_batch() -> None:
    projects = [Project.objects.create(name=str(n)) for n in range(10)]
    rows = [Task(project_id=project.pk, loose_id=-1) for project in projects]
    keys, target = Keys("default", columns_of(Task)), target_by_pk(Project)
    assert target.by is By.SYNC_ID
    keys.note(rows)
    with CaptureQueriesContext(connection) as captured:
        found = [keys.key(target, row.project_id) for row in rows]
        assert [keys.value(target, key) for key in found] == [project.pk for project in projects]
    assert found == [project.sync_id for project in projects]
    assert len(captured) == 1
