"""The benchmarks' own tables; they have no migrations, the temporary database gets them as is."""

from __future__ import annotations

from django.apps import AppConfig


class BenchConfig(AppConfig):
    default_auto_field = "django.db.models.BigAutoField"
    name = "tests.bench"
    label = "bench"
