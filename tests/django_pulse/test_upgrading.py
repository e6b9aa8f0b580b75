"""A project of 1.0.1 is upgraded as the page on it says, and its apps go on where they were."""

from __future__ import annotations

from tests.django_pulse.scratch_project import ScratchProject
from tests.django_pulse.test_migrating import database, project

__all__ = ["database", "project"]

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
"""

ROWS = """
    from django.contrib.auth.models import User
    from shop.models import Product
    ada, bob = User.objects.create(username="ada"), User.objects.create(username="bob")
    ids = [f"00000000-0000-4000-8000-00000000000{number}" for number in range(4)]
    rows = [("kept", ada.pk, 57, False), ("hidden", bob.pk, 58, False)]
    rows += [("gone", ada.pk, 59, True), ("orphan", 999, 60, False)]
    for sync_id, (name, owner, version, deleted) in zip(ids, rows):
        values = {"sync_id": sync_id, "user_id": owner, "version": version, "stock": 5}
        Product.objects.create(name=name, is_deleted=deleted, **values)
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
"""

OWNERS = """
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


def forget_owners_that_are_gone(apps, schema_editor):
    users = apps.get_model("auth", "User").objects.values("pk")
    products = apps.get_model("shop", "Product").objects
    products.exclude(user__in=users).update(user=None)


class Migration(migrations.Migration):
    dependencies = [
        ("shop", "0001_initial"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]
    operations = [
        migrations.RenameField("product", "user_id", "user"),
        migrations.RunPython(forget_owners_that_are_gone, migrations.RunPython.noop),
        migrations.AlterField(
            "product",
            "user",
            models.ForeignKey(
                settings.AUTH_USER_MODEL,
                django.db.models.deletion.CASCADE,
                null=True,
                blank=True,
            ),
        ),
    ]
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


def test_a_project_of_1_0_1_is_upgraded_without_losing_a_row_an_owner_or_an_edit(
    project: ScratchProject,
) -> None:
    project.write_models(MODELS_OF_1_0_1)
    project.run(f"""
    manage("makemigrations", "shop")
    manage("migrate")
    {ROWS}
    """)

    project.write_models(FIRST_RELEASE)
    (project.directory / "shop" / "migrations" / "0002_owners.py").write_text(OWNERS)
    told = project.run(f"""
    manage("makemigrations", "shop")
    manage("migrate")
    manage("pulse_adopt", "shop.Product", no_progress=True)
    manage("pulse_verify", "shop.Product", no_progress=True)
    from shop.models import Product
    Product.objects.filter(stock=5).update(stock=7)
    Product.objects.filter(is_deleted=True).delete()
    {APP}
    edited = {{"sync_id": "00000000-0000-4000-8000-000000000000", "version": 57, "user_id": 1,
              "is_deleted": False, "name": "edited offline", "price": "0.00", "stock": 6}}
    acks = say(type="SYNC_BATCH_UPLOAD", table="product", payloads=[edited])
    acks += say(type="SYNC_REQUEST_DELTA", table="product", last_version=57)
    rows = Product.objects.order_by("name").values_list("name", "stock", "user__username")
    result = [acks, list(rows)]
    """)
    (ack, *updates), rows = told
    assert (ack["synced_ids"], ack["errors"]) == (["00000000-0000-4000-8000-000000000000"], [])
    assert "notes" not in ack, "what version 57 was is remembered"
    assert rows == [["edited offline", 8, "ada"], ["hidden", 7, "bob"], ["orphan", 7, None]]
    assert {each["data"]["sync_id"][-1]: "data" in each["data"] for each in updates} == {
        "0": True,
        "2": False,
    }, "the row that was marked as deleted is gone, and others' rows are nobody else's business"

    project.write_models(SECOND_RELEASE)
    [update] = project.run(f"""
    manage("makemigrations", "shop")
    manage("migrate")
    manage("makemigrations", "--check", "--dry-run")
    manage("check", "--fail-level", "ERROR")
    {APP}
    result = say(type="SYNC_REQUEST_DELTA", table="product", last_version=0)
    """)
    assert update["data"]["data"]["is_deleted"] is False
    assert update["data"]["data"]["name"] == "edited offline"
