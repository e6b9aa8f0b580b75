"""What documents call models and their fields."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("django_pulse", "1003_tombstones"),
    ]

    operations = [
        migrations.CreateModel(
            name="Naming",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("label", models.CharField(max_length=201, unique=True)),
                ("names", models.JSONField(default=list)),
                ("table", models.TextField()),
                ("fields", models.JSONField(default=list)),
            ],
        ),
    ]
