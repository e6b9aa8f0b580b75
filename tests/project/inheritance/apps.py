from django.apps import AppConfig


class InheritanceConfig(AppConfig):
    name = "tests.project.inheritance"
    default_auto_field = "django.db.models.BigAutoField"
