import django.db.models.deletion
import django.db.models.functions.datetime
import django.db.models.functions.text
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
            name="Chapter",
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
                ("title", models.CharField(max_length=20)),
                ("slug", models.SlugField(max_length=8, unique=True)),
            ],
            options={
                "abstract": False,
            },
        ),
        migrations.CreateModel(
            name="Contact",
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
                ("email", models.CharField(max_length=40, unique=True)),
                ("name", models.CharField(blank=True, max_length=40)),
                ("notes", models.TextField(blank=True)),
                ("calls", models.IntegerField(default=0)),
                ("rating", models.IntegerField(default=0)),
            ],
            options={
                "abstract": False,
            },
        ),
        migrations.CreateModel(
            name="Tag",
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
                ("name", models.CharField(max_length=20, unique=True)),
                ("colour", models.CharField(blank=True, max_length=10)),
            ],
            options={
                "abstract": False,
            },
        ),
        migrations.CreateModel(
            name="Booking",
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
                ("room", models.CharField(max_length=10)),
                ("day", models.DateField()),
                ("code", models.CharField(max_length=10)),
                ("seat", models.IntegerField(blank=True, null=True)),
                ("row", models.IntegerField(default=0)),
                ("start", models.IntegerField(default=9)),
                ("end", models.IntegerField(default=10)),
                ("cancelled", models.BooleanField(default=False)),
                ("remark", models.CharField(blank=True, max_length=20)),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("cancelled", False)),
                        fields=("room", "day"),
                        name="one_booking_a_day",
                        violation_error_message="The room is taken on that day.",
                    ),
                    models.UniqueConstraint(
                        django.db.models.functions.text.Lower("code"), name="code_whatever_its_case"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("start__lt", models.F("end"))),
                        name="ends_after_it_starts",
                        violation_error_message="It must end after it starts.",
                    ),
                ],
                "unique_together": {("row", "seat")},
            },
        ),
        migrations.CreateModel(
            name="Call",
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
                (
                    "contact",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, to="constraints.contact"
                    ),
                ),
            ],
            options={
                "abstract": False,
            },
        ),
    ]
