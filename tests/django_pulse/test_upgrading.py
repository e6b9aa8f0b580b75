"""A project of 1.0.1 is upgraded as the page on it says, and its apps go on where they were."""

from __future__ import annotations

import shutil
from typing import Any

import pytest

from tests.django_pulse.scratch_project import ROOT, ScratchProject
from tests.django_pulse.test_migrating import MIGRATION_OF_1_0_1, database, project
from tests.test_docs import BLOCK

__all__ = ["database", "project"]

pytestmark = pytest.mark.beside

MODELS_OF_1_0_1 = """
    import uuid
    from django.db import models

    class Product(models.Model):
        sync_id = models.UUIDField(default=uuid.uuid4, editable=False, unique=True)
        version = models.BigIntegerField(default=0)
        updated_at = models.DateTimeField(auto_now=True)
        is_deleted = models.BooleanField(default=False)
        user_id = models.IntegerField(db_index=True, null=True, blank=True)
        name = models.CharField(max_length=50)
        price = models.DecimalField(max_digits=8, decimal_places=2, default=0)
        stock = models.IntegerField(default=0)

    class Memo(models.Model):
        sync_id = models.UUIDField(default=uuid.uuid4, editable=False, unique=True)
        version = models.BigIntegerField(default=0)
        updated_at = models.DateTimeField(auto_now=True)
        is_deleted = models.BooleanField(default=False)
        text = models.CharField(max_length=50)
        user = models.ForeignKey("auth.User", models.CASCADE, null=True, blank=True)
"""

ROWS = """
    from django.contrib.auth.models import User
    from django.db import connection
    from shop.models import Memo, Product
    ada, bob = User.objects.create(username="ada"), User.objects.create(username="bob")
    ids = [f"00000000-0000-4000-8000-00000000000{number}" for number in range(4)]
    rows = [("kept", ada.pk, 57, False), ("hidden", bob.pk, 58, False)]
    rows += [("gone", ada.pk, 59, True), ("orphan", 999, 60, False)]
    for sync_id, (name, owner, version, deleted) in zip(ids, rows):
        values = {"sync_id": sync_id, "user_id": owner, "version": version, "stock": 5}
        Product.objects.create(name=name, is_deleted=deleted, **values)
    Memo.objects.create(text="hers", user=ada, version=61)
    Memo.objects.create(text="his", user=bob, version=62)
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO django_pulse_globalsyncsequence (last_version) VALUES (62)")
        cursor.execute(
            "INSERT INTO django_pulse_synclog"
            " (object_id, action, version, timestamp, user_id, content_type_id)"
            " SELECT %s, 'CREATE', 57, '2020-01-01', 1, min(id) FROM django_content_type",
            [ids[0].replace("-", "")],
        )
"""

FIRST_RELEASE = """
    from django.conf import settings
    from django.db import models
    from django_pulse.models import SyncModel
    from crdt import Counter

    class Product(SyncModel):
        is_deleted = models.BooleanField(default=False)
        user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, null=True, blank=True)
        name = models.CharField(max_length=50)
        price = models.DecimalField(max_digits=8, decimal_places=2, default=0)
        stock = models.IntegerField(default=0)

        class Sync:
            merge = {"stock": Counter()}
            renamed = {"user": "user_id"}

    class Memo(SyncModel):
        is_deleted = models.BooleanField(default=False)
        text = models.CharField(max_length=50)
        user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, null=True, blank=True)
"""

SECOND_RELEASE = FIRST_RELEASE.replace(
    "        is_deleted = models.BooleanField(default=False)\n", ""
)

APP = """
    import json
    from django.contrib.auth.models import User
    from django_pulse.sign_in.auth import Handshake
    from django_pulse.server.exchange import drive
    from django_pulse.text.services import TextBackend
    from django_pulse.text.session import TextSession
    scope = {"type": "websocket", "path": "/", "headers": []}
    session = TextSession(
        TextBackend(), Handshake.of(scope | {"user": User.objects.get(username="ada")})
    )
    def say(**said):
        steps = drive(session.receive(json.dumps(said)))
        return [json.loads(step.frame) for step in steps if hasattr(step, "frame")]
"""


PAGE = (ROOT / "django_pulse" / "docs" / "upgrading.md").read_text("utf-8")
DROP = """
    from django.db import connection
    with connection.cursor() as cursor:
        for name in ("synclog", "globalsyncsequence", "item"):
            cursor.execute("SELECT count(*) FROM django_pulse_" + name)
            result.append(cursor.fetchone()[0])
        for statement in {statements!r}:
            cursor.execute(statement)
"""


def shown(language: str, start: str) -> str:
    """The block of the page that begins so."""
    found: list[str] = [
        text for kind, text in BLOCK.findall(PAGE) if kind == language and text.startswith(start)
    ]
    assert len(found) == 1
    return found[0]


def asked(result: list[Any]) -> dict[str, dict[str, Any]]:
    """What an app was told, by the name or the text of the row, or its id where it is gone."""
    told = [each["data"] for each in result]
    return {
        (each["data"].get("name") or each["data"]["text"])
        if "data" in each
        else each["sync_id"][-1]: each
        for each in told
    }


def test_a_project_of_1_0_1_is_upgraded_without_losing_a_row_an_owner_or_an_edit(
    project: ScratchProject,
) -> None:
    package = project.directory / "django_pulse"
    shutil.copytree(ROOT / "django_pulse", package, ignore=shutil.ignore_patterns("__pycache__"))
    (package / "migrations" / "0001_initial.py").write_text(MIGRATION_OF_1_0_1)
    project.write_models(MODELS_OF_1_0_1)
    project.run(f"""
    manage("makemigrations", "shop")
    manage("migrate", "django_pulse", "0001_initial")
    manage("migrate", "auth")
    manage("migrate", "shop")
    {ROWS}
    """)

    project.write_models(FIRST_RELEASE)
    owners = project.directory / "shop" / "migrations" / "0002_owners.py"
    owners.write_text(shown("python", "# shop/migrations/0002_owners.py"))
    told = project.run(f"""
    manage("makemigrations")
    manage("migrate")
    manage("pulse_adopt", "--all", no_progress=True)
    manage("pulse_verify", "--all", no_progress=True)
    from shop.models import Product
    Product.objects.filter(stock=5).update(stock=7)
    Product.objects.filter(is_deleted=True).delete()
    {APP}
    edited = {{"sync_id": "00000000-0000-4000-8000-000000000000", "version": 57, "user_id": 1,
              "is_deleted": False, "name": "edited offline", "price": "0.00", "stock": 6}}
    acks = say(type="SYNC_BATCH_UPLOAD", table="product", payloads=[edited])
    products = say(type="SYNC_REQUEST_DELTA", table="product", last_version=62)
    memos = say(type="SYNC_REQUEST_DELTA", table="memo", last_version=62)
    rows = Product.objects.order_by("name").values_list("name", "stock", "user__username")
    result = [acks, products, memos, list(rows)]
    """)
    [ack], products, memos, rows = told
    assert (ack["synced_ids"], ack["errors"]) == (["00000000-0000-4000-8000-000000000000"], [])
    assert "notes" not in ack, "what version 57 was is remembered"
    assert rows == [["edited offline", 8, "ada"], ["hidden", 7, "bob"], ["orphan", 7, None]]
    assert asked(products).keys() == {"edited offline", "2"}, "2 was marked as deleted"
    product = asked(products)["edited offline"]["data"]
    names = ["id", "sync_id", "version", "is_deleted", "user_id", "name", "price", "stock"]
    assert product.keys() == set(names), "as 1.0.1 called them"
    assert asked(memos).keys() == {"hers"}
    names = ["id", "sync_id", "version", "is_deleted", "text", "user"]
    assert asked(memos)["hers"]["data"].keys() == set(names)

    project.write_models(SECOND_RELEASE)
    drop = shown("sql", "DROP TABLE").replace("\n", " ").split(";")
    statements = [statement for statement in drop if statement.strip()]
    updates, *counts = project.run(f"""
    manage("makemigrations")
    manage("migrate")
    manage("makemigrations", "--check", "--dry-run")
    manage("check", "--fail-level", "ERROR")
    {APP}
    gone = {{"sync_id": "00000000-0000-4000-8000-000000000000", "version": 57, "is_deleted": 1}}
    result = [say(type="SYNC_REQUEST_DELTA", table="product", last_version=0)]
    say(type="SYNC_UPLOAD", table="product", payload=gone)
    from shop.models import Product
    result.append(Product.objects.count())
    {DROP.format(statements=statements)}
    """)
    assert asked(updates).keys() == {"edited offline"}
    assert asked(updates)["edited offline"]["data"]["is_deleted"] is False
    assert counts == [2, 1, 1, 0], "an app that marks a row deletes it; what 1.0.1 had is untouched"
