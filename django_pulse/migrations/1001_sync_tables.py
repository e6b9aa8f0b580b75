"""The tables of Django Pulse.

Not called `0001_initial`: people who used django-pulse 1.0.1 made a migration of that name
themselves, and their databases remember it as applied. Its file may still lie in this folder.
Then it comes first, and its models are forgotten here while their tables stay untouched.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import django.db.models.deletion
from django.db import migrations, models

_HERE = Path(__file__)


def _earlier() -> list[tuple[str, str]]:
    """The migrations in this folder that are not ours: those of 1.0.1 are numbered below 1000."""
    names = (path.stem for path in _HERE.parent.glob("0*.py"))
    return [("django_pulse", name) for name in sorted(names) if name[:4].isdigit()]


class ForgetModels(migrations.operations.base.Operation):
    """Take the models of 1.0.1 out of Django's bookkeeping; leave their tables alone."""

    reduces_to_sql = False

    def state_forwards(self, app_label: str, state: Any) -> None:
        for label, name in [key for key in state.models if key[0] == app_label]:
            state.remove_model(label, name)

    def database_forwards(self, app_label: str, schema_editor: Any, *states: Any) -> None:
        pass

    def database_backwards(self, app_label: str, schema_editor: Any, *states: Any) -> None:
        pass

    def describe(self) -> str:
        return "Forget the models of django-pulse 1.0.1, keep their tables"


def _id() -> models.BigAutoField[Any, Any]:
    return models.BigAutoField(
        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
    )


def _reference(to: str) -> models.ForeignKey[Any, Any]:
    return models.ForeignKey(
        db_constraint=False,
        db_index=False,
        on_delete=django.db.models.deletion.DO_NOTHING,
        related_name="+",
        to=to,
    )


class Migration(migrations.Migration):
    dependencies = _earlier()

    operations = [
        *([ForgetModels()] if dependencies else []),
        migrations.CreateModel(
            name="Clock",
            fields=[
                ("id", models.BigIntegerField(primary_key=True, serialize=False)),
                ("replica", models.BigIntegerField()),
                ("epoch", models.CharField(max_length=32)),
                ("position", models.BigIntegerField(default=0)),
            ],
        ),
        migrations.CreateModel(
            name="Device",
            fields=[
                ("id", _id()),
                ("replica", models.BigIntegerField(unique=True)),
                ("user", models.CharField(max_length=255)),
                ("device", models.CharField(max_length=100)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
            ],
        ),
        migrations.CreateModel(
            name="Document",
            fields=[
                ("id", _id()),
                ("model", models.CharField(max_length=201)),
                ("sync_id", models.UUIDField()),
                ("state", models.BinaryField(default=b"")),
                ("version", models.PositiveBigIntegerField(default=0)),
                ("deleted", models.BooleanField(default=False)),
                ("scopes", models.JSONField(default=list)),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("model", "sync_id"), name="pulse_document_row")
                ],
            },
        ),
        migrations.CreateModel(
            name="Scope",
            fields=[
                ("id", _id()),
                ("key", models.TextField(unique=True)),
                ("head", models.BigIntegerField(default=0)),
                ("access", models.PositiveIntegerField(default=0)),
            ],
        ),
        migrations.CreateModel(
            name="Outbox",
            fields=[
                ("id", _id()),
                ("update", models.BinaryField(default=b"")),
                ("document", _reference("django_pulse.document")),
                ("scope", models.TextField()),
            ],
            options={"verbose_name_plural": "outbox"},
        ),
        migrations.CreateModel(
            name="Outcome",
            fields=[
                ("id", _id()),
                ("replica", models.BigIntegerField(db_index=True)),
                ("clock", models.BigIntegerField()),
                ("payload", models.JSONField(default=dict)),
                ("document", _reference("django_pulse.document")),
            ],
        ),
        migrations.CreateModel(
            name="Feed",
            fields=[
                ("id", _id()),
                ("position", models.BigIntegerField()),
                ("present", models.BooleanField(default=True)),
                ("document", _reference("django_pulse.document")),
                ("scope", _reference("django_pulse.scope")),
            ],
            options={
                "verbose_name_plural": "feed",
                "indexes": [models.Index(fields=["scope", "position"], name="pulse_feed_position")],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("scope", "document"), name="pulse_feed_document"
                    )
                ],
            },
        ),
    ]
