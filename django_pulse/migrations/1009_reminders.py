"""Places at which clients of the text protocol are told a row once more."""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("django_pulse", "1008_pushed_clocks")]

    operations = [
        migrations.CreateModel(
            name="Reminder",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("scope", models.TextField()),
                ("position", models.BigIntegerField()),
                ("model", models.CharField(max_length=201)),
                ("sync_id", models.UUIDField()),
            ],
            options={
                "indexes": [
                    models.Index(fields=["scope", "position"], name="pulse_reminder_position")
                ],
                "constraints": [
                    models.UniqueConstraint(
                        fields=["scope", "model", "sync_id"], name="pulse_reminder_row"
                    )
                ],
            },
        ),
    ]
