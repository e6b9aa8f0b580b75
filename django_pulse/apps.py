"""The Django application."""

from django.apps import AppConfig
from django.db.models.signals import post_migrate

__all__ = ["DjangoPulseConfig"]


class DjangoPulseConfig(AppConfig):
    """Wires system checks and the database's clock; everything else starts when first used."""

    name = "django_pulse"
    verbose_name = "Django Pulse"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from . import checks, identity, recording

        checks.register()
        post_migrate.connect(identity.after_migrate, sender=self, dispatch_uid="pulse.clock")
        post_migrate.connect(recording.after_migrate, sender=self, dispatch_uid="pulse.names")
