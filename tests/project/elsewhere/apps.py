from django.apps import AppConfig


class ElsewhereConfig(AppConfig):
    name = "tests.project.elsewhere"
    default_auto_field = "django.db.models.BigAutoField"
