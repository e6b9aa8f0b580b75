"""What the text protocol remembers of its clients, which keep no documents."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("django_pulse", "1006_device_certificates"),
    ]

    operations = [
        migrations.CreateModel(
            name="Reading",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("user", models.CharField(max_length=255)),
                ("scope", models.TextField()),
                ("position", models.BigIntegerField()),
                ("present", models.BooleanField(default=True)),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("user", "scope"), name="pulse_reading_scope")
                ],
            },
        ),
        migrations.CreateModel(
            name="Receipt",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("replica", models.BigIntegerField()),
                ("base", models.BigIntegerField()),
                ("chain", models.CharField(max_length=100)),
                ("values", models.BinaryField()),
                ("sent", models.BinaryField()),
                ("answer", models.JSONField(default=dict)),
                ("taken_at", models.DateTimeField(db_index=True)),
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
                "constraints": [
                    models.UniqueConstraint(
                        fields=("document", "replica", "base", "chain"), name="pulse_receipt_chain"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Told",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("version", models.BigIntegerField()),
                ("values", models.BinaryField()),
                ("vector", models.BinaryField(default=b"")),
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
                "verbose_name_plural": "told",
                "indexes": [models.Index(fields=["version"], name="pulse_told_age")],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("document", "version"), name="pulse_told_version"
                    )
                ],
            },
        ),
    ]
