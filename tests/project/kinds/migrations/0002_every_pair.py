from typing import Any

import django.db.models.functions.datetime
from django.contrib.contenttypes.fields import GenericForeignKey
from django.db import migrations, models

import django_pulse.bookkeeping
from tests.project.kinds.models import fields_of
from tests.project.kinds.rules import PAIRS

BOOKKEEPING: list[Any] = [
    (
        "id",
        models.BigAutoField(
            auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
        ),
    ),
    (
        "sync_id",
        models.UUIDField(
            db_default=django_pulse.bookkeeping.RandomUUID(), editable=False, unique=True
        ),
    ),
    ("version", models.PositiveIntegerField(db_default=0, default=0, editable=False)),
    ("is_local_only", models.BooleanField(db_default=False, default=False)),
    ("sync_error", models.TextField(blank=True, db_default="", default="")),
    (
        "created_at",
        models.DateTimeField(
            auto_now_add=True, db_default=django.db.models.functions.datetime.Now()
        ),
    ),
    (
        "updated_at",
        models.DateTimeField(auto_now=True, db_default=django.db.models.functions.datetime.Now()),
    ),
]


# Made as the model is, of the one table of pairs.
COLUMNS: list[Any] = [
    (field, made)
    for name, pair in PAIRS.items()
    for field, made in fields_of(name, *pair).items()
    if not isinstance(made, GenericForeignKey)
]


class Migration(migrations.Migration):
    dependencies = [
        ("contenttypes", "0002_remove_content_type_name"),
        ("kinds", "0001_initial"),
        ("relations", "0001_initial"),
    ]

    operations = [
        migrations.CreateModel(
            name="EveryPair",
            fields=[
                *BOOKKEEPING,
                *COLUMNS,
            ],
            options={
                "abstract": False,
            },
        ),
    ]
