"""Projects that already have tables, rows and migrations start to sync without losing any."""

from __future__ import annotations

import shutil
import textwrap
import uuid
from pathlib import Path
from typing import Any

import pytest

from tests.django_pulse.scratch_project import ROOT, ScratchProject

pytestmark = pytest.mark.beside

PLAIN_MODEL = """
    from django.db import models

    class Product(models.Model):
        name = models.CharField(max_length=50)
"""

SYNCED_MODEL = """
    from django.db import models
    from django_pulse.models import SyncModel

    class Product(SyncModel):
        name = models.CharField(max_length=50)
"""

# What a model had that inherited from the SyncModel of 1.0.1.
MODEL_OF_1_0_1 = """
    import uuid
    from django.db import models

    class Product(models.Model):
        sync_id = models.UUIDField(default=uuid.uuid4, editable=False, unique=True)
        version = models.BigIntegerField(default=0)
        updated_at = models.DateTimeField(auto_now=True)
        is_deleted = models.BooleanField(default=False)
        user_id = models.IntegerField(db_index=True, null=True, blank=True)
        name = models.CharField(max_length=50)
"""

# What `makemigrations` made of django-pulse 1.0.1, which came without migrations.
MIGRATION_OF_1_0_1 = """
import uuid
import django.db.models.deletion
from django.db import migrations, models

def key():
    return models.BigAutoField(
        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
    )

class Migration(migrations.Migration):
    initial = True
    dependencies = [("contenttypes", "0002_remove_content_type_name")]
    operations = [
        migrations.CreateModel(
            name="GlobalSyncSequence",
            fields=[("id", key()), ("last_version", models.BigIntegerField(default=0))],
        ),
        migrations.CreateModel(
            name="Item",
            fields=[
                ("id", key()),
                ("sync_id", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ("version", models.BigIntegerField(default=0)),
                ("updated_at", models.DateTimeField(auto_now=True)),
                ("is_deleted", models.BooleanField(default=False)),
                ("user_id", models.IntegerField(blank=True, db_index=True, null=True)),
                ("name", models.CharField(max_length=255)),
                ("description", models.TextField(blank=True)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
            ],
            options={
                "ordering": ["-created_at"],
                "indexes": [models.Index(fields=["name"], name="django_puls_name_953086_idx")],
            },
        ),
        migrations.CreateModel(
            name="SyncLog",
            fields=[
                ("id", key()),
                ("object_id", models.UUIDField()),
                ("action", models.CharField(max_length=10)),
                ("version", models.BigIntegerField()),
                ("timestamp", models.DateTimeField(auto_now_add=True)),
                ("user_id", models.IntegerField(db_index=True)),
                (
                    "content_type",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        to="contenttypes.contenttype",
                    ),
                ),
            ],
        ),
    ]
"""

ADD_ITEM = """
    from django.db import connection
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO django_pulse_item"
            " (sync_id, version, updated_at, is_deleted, name, description, created_at)"
            " VALUES (%s, 1, '2020-01-01', %s, 'kept', '', '2020-01-01')",
            ["5f0c0b0e4c8c4b0e8b0e4c8c4b0e8b0e", False],
        )
"""

READ_ITEMS = """
    from django.db import connection
    with connection.cursor() as cursor:
        cursor.execute("SELECT name FROM django_pulse_item")
        items = [name for name, in cursor.fetchall()]
"""


@pytest.fixture(params=["sqlite", "postgres"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> dict[str, Any]:
    """An empty database of each sort, as an entry of DATABASES."""
    if request.param == "sqlite":
        return {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": str(tmp_path / "db.sqlite3"),
            "OPTIONS": {"transaction_mode": "IMMEDIATE"},
        }
    request.getfixturevalue("postgres")
    return {"ENGINE": "django.db.backends.postgresql", "NAME": _new_database(request)}


def _new_database(request: pytest.FixtureRequest) -> str:
    import psycopg

    name = f"scratch_{uuid.uuid4().hex}"

    def execute(statement: str) -> None:
        with psycopg.connect(dbname="postgres", autocommit=True) as connection:
            connection.execute(statement.encode())

    execute(f"CREATE DATABASE {name}")
    request.addfinalizer(lambda: execute(f"DROP DATABASE {name}"))
    return name


@pytest.fixture
def project(tmp_path: Path, database: dict[str, Any]) -> ScratchProject:
    project = ScratchProject(tmp_path)
    project.create(database)
    return project


MIGRATE = """
    manage("makemigrations", "shop")
    manage("migrate")
"""


def test_a_populated_model_becomes_a_sync_model_without_questions(project: ScratchProject) -> None:
    project.write_models(PLAIN_MODEL)
    project.run(f"""{MIGRATE}
    from shop.models import Product
    Product.objects.bulk_create([Product(name=str(n)) for n in range(200)])
    """)
    project.write_models(SYNCED_MODEL)
    rows = project.run(f"""{MIGRATE}
    manage("makemigrations", "--check", "--dry-run")
    from shop.models import Product
    result = list(Product.objects.order_by("pk").values())
    """)

    assert [row["name"] for row in rows] == [str(n) for n in range(200)]
    ids = [uuid.UUID(row["sync_id"]) for row in rows]
    assert len(set(ids)) == len(ids)
    assert {(one.version, one.variant) for one in ids} == {(4, uuid.RFC_4122)}
    told = {(row["version"], row["is_local_only"], row["sync_error"]) for row in rows}
    assert told == {(0, False, "")}
    assert all(row["created_at"] and row["updated_at"] for row in rows)


def test_historical_models_need_none_of_our_classes_but_make_sync_ids(
    project: ScratchProject,
) -> None:
    project.write_models(SYNCED_MODEL)
    ids = project.run(f"""{MIGRATE}
    from django.db import connection
    from django.db.migrations.loader import MigrationLoader
    state = MigrationLoader(connection).project_state(("shop", "0001_initial"))
    Product = state.apps.get_model("shop", "Product")
    created = Product.objects.create(name="one")
    Product.objects.bulk_create([Product(name="two"), Product(name="three")])
    result = [created.sync_id, *Product.objects.values_list("sync_id", flat=True)]
    """)
    assert ids[0] in ids[1:]
    assert len(set(ids)) == 3
    assert {uuid.UUID(one).version for one in ids} == {4}

    migration = (project.directory / "shop" / "migrations" / "0001_initial.py").read_text()
    ours = {line.strip() for line in migration.splitlines() if "django_pulse" in line}
    imported = {line for line in ours if line.startswith("import")}
    assert imported == {"import django_pulse.bookkeeping"}
    assert all("django_pulse.bookkeeping.RandomUUID()" in line for line in ours - imported)
    assert "bases=" not in migration


@pytest.mark.parametrize("file_is_left", [True, False], ids=["file left", "file gone"])
def test_a_database_of_1_0_1_migrates_and_keeps_its_tables(
    project: ScratchProject, file_is_left: bool
) -> None:
    package = project.directory / "django_pulse"
    shutil.copytree(ROOT / "django_pulse", package, ignore=shutil.ignore_patterns("__pycache__"))
    left = package / "migrations" / "0001_initial.py"
    left.write_text(MIGRATION_OF_1_0_1)
    project.write_models(MODEL_OF_1_0_1)
    project.run(f"""
    manage("makemigrations", "shop")
    manage("migrate", "django_pulse", "0001_initial")
    manage("migrate", "shop")
    {ADD_ITEM}
    from shop.models import Product
    Product.objects.create(name="a")
    """)

    if not file_is_left:
        left.unlink()
    project.write_models(SYNCED_MODEL)
    found = project.run(f"""{MIGRATE}
    manage("makemigrations", "--check", "--dry-run")
    manage("check", "--fail-level", "ERROR")
    {READ_ITEMS}
    from django_pulse.models import Document, Scope
    from shop.models import Product
    Scope.objects.create(key="k")
    result = [items, Product.objects.get().name, Document.objects.count()]
    """)
    assert found == [["kept"], "a", 0]


ROUTER = """
    class Router:
        def db_for_read(self, model, **hints):
            return "other" if model._meta.app_label == "shop" else None
        db_for_write = db_for_read
        def allow_migrate(self, db, app_label, **hints):
            if db == "other":
                return app_label in ("shop", "django_pulse")
            return app_label != "shop"
"""


def test_a_model_in_a_second_database_is_migrated_mirrored_and_verified_there(
    tmp_path: Path, database: dict[str, Any]
) -> None:
    project = ScratchProject(tmp_path)
    other = {"ENGINE": "django.db.backends.sqlite3", "NAME": str(tmp_path / "other.sqlite3")}
    project.create(database, other=other | {"OPTIONS": {"transaction_mode": "IMMEDIATE"}})
    (tmp_path / "router.py").write_text(textwrap.dedent(ROUTER))
    project.write_models(PLAIN_MODEL)
    project.run(f"""{MIGRATE}
    manage("migrate", "--database=other")
    from shop.models import Product
    Product.objects.create(name="before")
    """)
    project.write_models(SYNCED_MODEL)
    found = project.run(f"""{MIGRATE}
    manage("migrate", "--database=other")
    manage("check", "--database=default", "--database=other")
    manage("makemigrations", "--check", "--dry-run")
    from shop.models import Product
    from django_pulse.tables import Document
    made = Product.objects.create(name="after")
    manage("pulse_adopt", "shop.Product")
    manage("pulse_verify", "shop.Product")
    made.name = "changed"
    made.save()
    result = [
        [Document.objects.using(alias).count() for alias in ("default", "other")],
        [(row.name, row.version) for row in Product.objects.order_by("pk")],
    ]
    """)
    assert found == [[0, 2], [["before", 1], ["changed", 2]]]
