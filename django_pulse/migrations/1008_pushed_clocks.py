"""Up to which clocks devices' pushes are merged, beside the documents' bytes."""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("django_pulse", "1007_text_protocol")]

    operations = [
        migrations.AddField(
            model_name="document", name="clocks", field=models.JSONField(null=True)
        ),
    ]
