"""The Django application of the simulated bank; only simulations install it."""

from django.apps import AppConfig

__all__ = ["BankConfig"]


class BankConfig(AppConfig):
    """Its models are made by `releases`, one release at a time."""

    name = "fuzz.bank"
    label = "bank"
    default_auto_field = "django.db.models.BigAutoField"
