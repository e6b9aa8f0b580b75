"""Documents that have no row yet, and what they wait for."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("django_pulse", "1001_sync_tables"),
    ]

    operations = [
        migrations.AddField(
            model_name="document",
            name="parked",
            field=models.JSONField(null=True),
        ),
        migrations.AddField(
            model_name="document",
            name="waiting",
            field=models.JSONField(null=True),
        ),
        migrations.CreateModel(
            name="Awaited",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("model", models.CharField(max_length=201)),
                ("key", models.CharField(max_length=36)),
                ("user", models.CharField(max_length=255)),
                ("ready", models.BooleanField(default=True)),
                (
                    "document",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="django_pulse.document",
                    ),
                ),
            ],
            options={
                "verbose_name_plural": "awaited",
                "indexes": [
                    models.Index(fields=["model", "key"], name="pulse_awaited_row"),
                    models.Index(fields=["user"], name="pulse_awaited_user"),
                    models.Index(
                        condition=models.Q(("ready", True)),
                        fields=["id"],
                        name="pulse_awaited_ready",
                    ),
                ],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("document", "model", "key", "user"), name="pulse_awaited_once"
                    )
                ],
            },
        ),
    ]
