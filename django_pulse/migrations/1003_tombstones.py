"""When rows were deleted, and what the feed has forgotten since."""

from __future__ import annotations

from typing import Any

from django.db import migrations, models
from django.utils import timezone


def date_tombstones(apps: Any, schema_editor: Any) -> None:
    """Of rows deleted earlier nobody knows when: they are kept as long as those of today."""
    documents = apps.get_model("django_pulse", "Document").objects.using(
        schema_editor.connection.alias
    )
    documents.filter(deleted=True).update(deleted_at=timezone.now())


class Migration(migrations.Migration):
    dependencies = [("django_pulse", "1002_parked_documents")]

    operations = [
        migrations.AddField(
            model_name="scope", name="purged", field=models.BigIntegerField(default=0)
        ),
        migrations.AddField(
            model_name="document", name="deleted_at", field=models.DateTimeField(null=True)
        ),
        migrations.RunPython(date_tombstones, migrations.RunPython.noop),
        migrations.AddIndex(
            model_name="document",
            index=models.Index(
                condition=models.Q(("deleted_at__isnull", False)),
                fields=["deleted_at"],
                name="pulse_document_tombstone",
            ),
        ),
        migrations.AddIndex(
            model_name="feed",
            index=models.Index(
                condition=models.Q(("present", False)), fields=["position"], name="pulse_feed_left"
            ),
        ),
    ]
