from django.apps import AppConfig


class RelationsConfig(AppConfig):
    name = "tests.project.relations"
    default_auto_field = "django.db.models.BigAutoField"
