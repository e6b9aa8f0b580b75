from django.apps import AppConfig


class CrewsConfig(AppConfig):
    name = "tests.project.crews"
    default_auto_field = "django.db.models.BigAutoField"
