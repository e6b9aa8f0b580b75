"""Certificates of replica ids: how often each was welcomed, and what was edited under it."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("django_pulse", "1005_tickets"),
    ]

    operations = [
        migrations.AddField(
            model_name="device",
            name="generation",
            field=models.PositiveBigIntegerField(default=0),
        ),
        migrations.AddField(
            model_name="device",
            name="attempt",
            field=models.BigIntegerField(null=True),
        ),
        migrations.AddField(
            model_name="device",
            name="marks",
            field=models.JSONField(default=list),
        ),
    ]
