from django.apps import AppConfig


class MembersConfig(AppConfig):
    name = "tests.project.members"
    default_auto_field = "django.db.models.BigAutoField"
