"""`migrate` finds out what was renamed, and documents go on under the names they know."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from django_pulse.mapping import schema
from django_pulse.mapping.schema import descriptions, label_of, model_of, schema_of
from django_pulse.naming import recording, register
from django_pulse.tables import Naming
from tests.django_pulse.scratch_project import ScratchProject
from tests.project.todo.models import Note, Task

FIRST = """
    from crdt import Counter, Text
    from django.db import models
    from django_pulse.models import SyncModel

    class Product(SyncModel):
        name = models.CharField(max_length=50)
        notes = models.TextField(blank=True)
        stock = models.IntegerField(default=0)

        class Sync:
            merge = {"notes": Text(), "stock": Counter()}
"""

SECOND = """
    from crdt import Counter, Text
    from django.db import models
    from django_pulse.models import SyncModel

    class Article(SyncModel):
        title = models.CharField(max_length=50)
        body = models.TextField(blank=True)
        stock = models.IntegerField(default=0)
        name = models.CharField(max_length=50, default="new")

        class Sync:
            merge = {"body": Text(), "stock": Counter()}
"""

RENAMES = """
from django.db import migrations, models

class Migration(migrations.Migration):
    dependencies = [("shop", "0001_initial")]
    operations = [
        migrations.RenameField("product", "name", "title"),
        migrations.RenameModel("Product", "Article"),
        migrations.SeparateDatabaseAndState(
            database_operations=[
                migrations.RunSQL(
                    "ALTER TABLE shop_article RENAME COLUMN notes TO body",
                    "ALTER TABLE shop_article RENAME COLUMN body TO notes",
                )
            ],
            state_operations=[migrations.RenameField("article", "notes", "body")],
        ),
        migrations.AddField(
            "article", "name", models.CharField(max_length=50, default="new")
        ),
    ]
"""

PUSH = """
    from django.contrib.auth.models import User
    from tests.django_pulse.devices import Device
    from crdt.schema import Schema
    user, _ = User.objects.get_or_create(username="ada")
"""


@pytest.fixture
def project(tmp_path: Path) -> ScratchProject:
    project = ScratchProject(tmp_path)
    database = {"ENGINE": "django.db.backends.sqlite3", "NAME": str(tmp_path / "db.sqlite3")}
    project.create(database | {"OPTIONS": {"transaction_mode": "IMMEDIATE"}})
    return project


def test_a_month_old_phone_syncs_after_a_release_that_renamed_everything(
    project: ScratchProject,
) -> None:
    """And so it does when that release is taken back."""
    project.write_models(FIRST)
    made, described = project.run(f"""
    manage("makemigrations", "shop")
    manage("migrate")
    {PUSH}
    from shop.models import Product
    from django_pulse.mapping.schema import schema_of
    phone = Device(user, Product)
    made = phone.create(name="Milk", notes="two", stock=3)
    phone.push()
    result = [made, schema_of(Product).description()]
    """)
    old_edits = f"""
    import uuid
    phone.schema = Schema.from_description({described!r})
    made = uuid.UUID({made!r})
    phone.pull(made)
    phone.edit(made, "notes", 3, 0, " litres")
    phone.add(made, stock=4)
    phone.set(made, name="Whole milk")
    answers = [answer.status for answer in phone.push(made)]
    """

    project.write_models(SECOND)
    migrations = project.directory / "shop" / "migrations"
    (migrations / "0002_rename.py").write_text(textwrap.dedent(RENAMES))
    found = project.run(f"""
    manage("migrate")
    manage("makemigrations", "--check", "--dry-run")
    {PUSH}
    from shop.models import Article
    from django_pulse.models import Document
    from django_pulse.mapping.schema import schema_of, model_of
    phone = Device(user, Article)
    {old_edits}
    article = Article.objects.get()
    article.title += "!"
    article.save()
    schema = schema_of(Article)
    result = [
        answers, article.title, article.body, article.stock, article.name, article.version,
        sorted(Document.objects.values_list("model", flat=True)), model_of("shop.product").__name__,
        [schema.label, schema.name, {{name: field.wire for name, field in schema.fields.items()}}],
    ]
    """)
    wires = {"title": "name", "body": "notes", "stock": "stock", "name": "name:2"}
    assert found == [
        *(["ok"], "Whole milk!", "two litres", 7, "new", 3, ["shop.product"], "Article"),
        ["shop.product", "shop.article", wires],
    ]

    found = project.run("""
    manage("migrate", "shop", "0001")
    from django_pulse.models import Document
    from django_pulse.tables import Naming
    result = Naming.objects.get(label="shop.product").names
    """)
    assert found == ["shop.article", "shop.product"]
    (migrations / "0002_rename.py").unlink()
    project.write_models(FIRST)
    found = project.run(f"""
    manage("migrate")
    {PUSH}
    from shop.models import Product
    phone = Device(user, Product)
    {old_edits}
    product = Product.objects.get()
    result = [answers, product.name, product.notes, product.stock]
    """)
    assert found == [["ok"], "Whole milk", "two litres litres", 11]


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    """This process knows nothing yet, and what it learns is forgotten afterwards."""
    monkeypatch.setattr(register, "_remembered", {})
    for cache in ("_schemas", "_names", "_plain", "_models"):
        monkeypatch.setattr(schema, cache, {})
    monkeypatch.setattr(schema, "_descriptions", [])


@pytest.mark.django_db
def test_every_model_is_on_record_after_migrate() -> None:
    on_record = set(Naming.objects.values_list("label", flat=True))
    assert {label_of(model) for model in schema.sync_models()} <= on_record
    assert model_of("todo.task") is Task


@pytest.mark.django_db
def test_names_are_read_once() -> None:
    with CaptureQueriesContext(connection) as queries:
        schema_of(Note)
    assert sum("naming" in query["sql"] for query in queries) == 1
    with CaptureQueriesContext(connection) as queries:
        assert schema_of(Note) is schema_of(Note)
    assert len(queries) == 0
    descriptions()
    with CaptureQueriesContext(connection) as queries:
        assert descriptions() == descriptions()
        assert model_of("todo.note") is Note
        assert model_of("no.model") is None
    assert len(queries) == 0


@pytest.mark.django_db
@pytest.mark.databases("sqlite", "postgres")
def test_what_was_never_recorded_is_recorded_when_it_is_first_used() -> None:
    Naming.objects.all().delete()
    assert schema_of(Note).fields["title"].wire == "title"
    [row] = Naming.objects.all()
    assert (row.label, row.names, row.table) == ("todo.note", ["todo.note"], "todo_note")
    assert [field[0] for field in row.fields] == [[name] for name in schema_of(Note).fields]


@pytest.mark.django_db
def test_another_releases_fields_are_found_when_they_are_asked_for() -> None:
    before = schema_of(Note)
    row = Naming.objects.get(label="todo.note")
    row.fields.append([["urgency"], "urgency", [["urgency", "int", {"name": "latest"}, "value"]]])
    row.save()
    assert schema_of(Note).get("urgency") is None
    found = schema.schema_again(Note).get("urgency")
    assert found is not None
    assert (found.name, found.kind) == ("urgency", "int")
    assert schema_of(Note).fields == before.fields


@pytest.mark.django_db
def test_code_that_is_ahead_of_its_migrations_records_nothing() -> None:
    """Else the new name of a field would be taken for a new field, before `migrate` says better."""
    row = Naming.objects.get(label="todo.note")
    row.fields = [field for field in row.fields if field[0] != ["title"]]
    row.save()
    now = schema.model_now(Note)
    columns = dict(now.fields)
    del columns["title"]
    columns["headline"] = type(now.fields["title"])("headline", "headline", "str", {}, "value")
    ahead = type(now)(now.label, now.table, columns)
    _, certain = register.names("default", ahead, schema.labels(), again=True)
    assert not certain
    row.refresh_from_db()
    assert all(field[0] != ["headline"] for field in row.fields)


@pytest.mark.django_db
def test_models_whose_migrations_wait_are_left_alone() -> None:
    class Nothing:
        @staticmethod
        def get_models(**kwargs: object) -> list[object]:
            return [Naming]

    Naming.objects.all().delete()
    recording.after_migrate("default", Nothing)
    assert not Naming.objects.exists()
    recording.after_migrate("default")
    assert Naming.objects.filter(label="todo.note").exists()
