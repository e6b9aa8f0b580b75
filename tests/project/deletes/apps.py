"""Models that are deleted while they are edited."""

from django.apps import AppConfig


class DeletesConfig(AppConfig):
    name = "tests.project.deletes"
    label = "deletes"
    default_auto_field = "django.db.models.BigAutoField"
