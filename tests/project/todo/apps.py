"""The test project's one application."""

from django.apps import AppConfig


class TodoConfig(AppConfig):
    name = "tests.project.todo"
    label = "todo"
    default_auto_field = "django.db.models.BigAutoField"
