"""Models for bulk writes and what goes round the manager."""

from django.apps import AppConfig


class BulkConfig(AppConfig):
    name = "tests.project.bulk"
    label = "bulk"
    default_auto_field = "django.db.models.BigAutoField"
