"""Tickets: what a page signs its socket in with, once."""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("django_pulse", "1004_names_in_documents")]

    operations = [
        migrations.CreateModel(
            name="Ticket",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("digest", models.CharField(max_length=64, unique=True)),
                ("user", models.CharField(max_length=255)),
                ("auth_hash", models.CharField(max_length=255)),
                ("session", models.TextField(null=True)),
                ("expires_at", models.DateTimeField(db_index=True)),
            ],
        ),
    ]
