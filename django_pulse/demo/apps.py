"""The demo as a Django application."""

from django.apps import AppConfig

__all__ = ["DemoConfig"]


class DemoConfig(AppConfig):
    """Has no migrations: its tables live for a few seconds, made by `migrate --run-syncdb`."""

    name = "django_pulse.demo"
    label = "demo"
    default_auto_field = "django.db.models.BigAutoField"
