import django.db.models.deletion
import django.db.models.expressions
import django.db.models.functions.datetime
from django.conf import settings
from django.db import migrations, models

import django_pulse.bookkeeping


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Category",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("name", models.CharField(max_length=50)),
            ],
        ),
        migrations.CreateModel(
            name="Item",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "sync_id",
                    models.UUIDField(
                        db_default=django_pulse.bookkeeping.RandomUUID(),
                        editable=False,
                        unique=True,
                    ),
                ),
                ("version", models.PositiveIntegerField(db_default=0, default=0, editable=False)),
                ("is_local_only", models.BooleanField(db_default=False, default=False)),
                ("sync_error", models.TextField(blank=True, db_default="", default="")),
                (
                    "created_at",
                    models.DateTimeField(
                        auto_now_add=True, db_default=django.db.models.functions.datetime.Now()
                    ),
                ),
                (
                    "updated_at",
                    models.DateTimeField(
                        auto_now=True, db_default=django.db.models.functions.datetime.Now()
                    ),
                ),
                ("name", models.CharField(max_length=255)),
                ("description", models.TextField(blank=True)),
                ("price", models.DecimalField(decimal_places=2, max_digits=10)),
            ],
            options={
                "abstract": False,
            },
        ),
        migrations.CreateModel(
            name="Note",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "sync_id",
                    models.UUIDField(
                        db_default=django_pulse.bookkeeping.RandomUUID(),
                        editable=False,
                        unique=True,
                    ),
                ),
                ("version", models.PositiveIntegerField(db_default=0, default=0, editable=False)),
                ("is_local_only", models.BooleanField(db_default=False, default=False)),
                ("sync_error", models.TextField(blank=True, db_default="", default="")),
                (
                    "created_at",
                    models.DateTimeField(
                        auto_now_add=True, db_default=django.db.models.functions.datetime.Now()
                    ),
                ),
                (
                    "updated_at",
                    models.DateTimeField(
                        auto_now=True, db_default=django.db.models.functions.datetime.Now()
                    ),
                ),
                ("title", models.CharField(max_length=200)),
                ("body", models.TextField(blank=True)),
                ("votes", models.IntegerField(default=0)),
                ("reviewed_by", models.CharField(blank=True, max_length=100)),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, to=settings.AUTH_USER_MODEL
                    ),
                ),
            ],
            options={
                "abstract": False,
            },
        ),
        migrations.CreateModel(
            name="Task",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "sync_id",
                    models.UUIDField(
                        db_default=django_pulse.bookkeeping.RandomUUID(),
                        editable=False,
                        unique=True,
                    ),
                ),
                ("version", models.PositiveIntegerField(db_default=0, default=0, editable=False)),
                ("is_local_only", models.BooleanField(db_default=False, default=False)),
                ("sync_error", models.TextField(blank=True, db_default="", default="")),
                (
                    "created_at",
                    models.DateTimeField(
                        auto_now_add=True, db_default=django.db.models.functions.datetime.Now()
                    ),
                ),
                (
                    "updated_at",
                    models.DateTimeField(
                        auto_now=True, db_default=django.db.models.functions.datetime.Now()
                    ),
                ),
                ("title", models.CharField(max_length=200)),
                ("description", models.TextField(blank=True)),
                ("completed", models.BooleanField(default=False)),
                (
                    "user",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "abstract": False,
            },
        ),
        migrations.CreateModel(
            name="Everything",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "sync_id",
                    models.UUIDField(
                        db_default=django_pulse.bookkeeping.RandomUUID(),
                        editable=False,
                        unique=True,
                    ),
                ),
                ("version", models.PositiveIntegerField(db_default=0, default=0, editable=False)),
                ("is_local_only", models.BooleanField(db_default=False, default=False)),
                ("sync_error", models.TextField(blank=True, db_default="", default="")),
                (
                    "created_at",
                    models.DateTimeField(
                        auto_now_add=True, db_default=django.db.models.functions.datetime.Now()
                    ),
                ),
                (
                    "updated_at",
                    models.DateTimeField(
                        auto_now=True, db_default=django.db.models.functions.datetime.Now()
                    ),
                ),
                ("big", models.BigIntegerField(default=0)),
                ("big_or_null", models.BigIntegerField(blank=True, null=True)),
                ("binary", models.BinaryField(blank=True, default=b"", editable=True)),
                ("binary_or_null", models.BinaryField(blank=True, editable=True, null=True)),
                ("boolean", models.BooleanField(default=False)),
                ("boolean_or_null", models.BooleanField(blank=True, null=True)),
                ("char", models.CharField(blank=True, default="", max_length=100)),
                ("char_or_null", models.CharField(blank=True, max_length=100, null=True)),
                (
                    "colour",
                    models.CharField(
                        choices=[("r", "red"), ("g", "green")], default="r", max_length=1
                    ),
                ),
                ("date", models.DateField(blank=True, null=True)),
                ("date_changed", models.DateField(auto_now=True)),
                ("moment", models.DateTimeField(blank=True, null=True)),
                ("decimal", models.DecimalField(decimal_places=6, default=0, max_digits=20)),
                (
                    "decimal_or_null",
                    models.DecimalField(blank=True, decimal_places=6, max_digits=20, null=True),
                ),
                ("duration", models.DurationField(blank=True, null=True)),
                ("email", models.EmailField(blank=True, default="", max_length=254)),
                ("file", models.FileField(blank=True, default="", upload_to="files")),
                ("file_path", models.FilePathField(blank=True, default="", path="/")),
                ("floating", models.FloatField(default=0.0)),
                ("floating_or_null", models.FloatField(blank=True, null=True)),
                ("address", models.GenericIPAddressField(blank=True, null=True)),
                ("integer", models.IntegerField(default=0)),
                ("integer_or_null", models.IntegerField(blank=True, null=True)),
                ("json", models.JSONField(blank=True, default=dict)),
                ("json_or_null", models.JSONField(blank=True, null=True)),
                ("positive", models.PositiveIntegerField(default=0)),
                ("positive_big", models.PositiveBigIntegerField(default=0)),
                ("positive_small", models.PositiveSmallIntegerField(default=0)),
                ("slug", models.SlugField(blank=True, default="")),
                ("small", models.SmallIntegerField(default=0)),
                ("text", models.TextField(blank=True, default="")),
                ("text_or_null", models.TextField(blank=True, null=True)),
                ("time", models.TimeField(blank=True, null=True)),
                ("url", models.URLField(blank=True, default="")),
                ("uuid", models.UUIDField(blank=True, null=True)),
                (
                    "twice",
                    models.GeneratedField(
                        db_persist=True,
                        expression=django.db.models.expressions.CombinedExpression(
                            models.F("small"), "*", models.Value(2)
                        ),
                        output_field=models.IntegerField(),
                    ),
                ),
                (
                    "category",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        to="todo.category",
                    ),
                ),
                (
                    "partner",
                    models.OneToOneField(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="partner_of",
                        to="todo.category",
                    ),
                ),
                (
                    "task",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        to="todo.task",
                    ),
                ),
            ],
            options={
                "abstract": False,
            },
        ),
    ]
