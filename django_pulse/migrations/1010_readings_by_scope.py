"""Whether any client of the text protocol reads a scope is asked at each purge."""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("django_pulse", "1009_reminders")]

    operations = [
        migrations.AddIndex(
            model_name="reading",
            index=models.Index(fields=["scope"], name="pulse_reading_by_scope"),
        ),
    ]
