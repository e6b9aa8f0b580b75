"""The Django application."""

from django.apps import AppConfig

__all__ = ["DjangoPulseConfig"]


class DjangoPulseConfig(AppConfig):
    """Wires system checks; everything else starts when it is first used."""

    name = "django_pulse"
    verbose_name = "Django Pulse"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from . import checks

        checks.register()
