"""Models that people edit in forms while devices edit them too."""

from django.apps import AppConfig


class FormsConfig(AppConfig):
    name = "tests.project.forms"
    label = "forms"
    default_auto_field = "django.db.models.BigAutoField"
