"""The Django application."""

from django.apps import AppConfig
from django.db.models.signals import post_migrate

__all__ = ["DjangoPulseConfig"]


class DjangoPulseConfig(AppConfig):
    """Wires system checks, the database's clock and who reads what; the rest starts when used."""

    name = "django_pulse"
    verbose_name = "Django Pulse"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from . import identity
        from .checks import project as checks
        from .naming import recording
        from .visibility import access
        from .writes import membership

        checks.register()
        access.watch()
        membership.connect()
        post_migrate.connect(identity.after_migrate, sender=self, dispatch_uid="pulse.clock")
        post_migrate.connect(recording.after_migrate, sender=self, dispatch_uid="pulse.names")
