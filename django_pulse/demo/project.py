"""The demo's Django project: settings, tables, two users and the tasks to begin with."""

import secrets
from pathlib import Path
from uuid import UUID

import django
from django.conf import settings

from . import plan

__all__ = ["configure", "prepare"]


def configure(directory: Path) -> None:
    """Set Django up with everything it keeps in `directory`."""
    settings.configure(
        ASGI_APPLICATION="django_pulse.demo.asgi.application",
        CHANNEL_LAYERS={"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}},
        DATABASES={
            "default": {
                "ENGINE": "django.db.backends.sqlite3",
                "NAME": directory / "server.sqlite3",
                "OPTIONS": {
                    "transaction_mode": "IMMEDIATE",
                    "timeout": 20,
                    "init_command": "PRAGMA journal_mode=WAL;",
                },
            }
        },
        DJANGO_PULSE={"AUTHENTICATE": "django_pulse.demo.tokens.user_of"},
        INSTALLED_APPS=[
            "django.contrib.auth",
            "django.contrib.contenttypes",
            "channels",
            "django_pulse",
            "django_pulse.demo",
        ],
        SECRET_KEY=secrets.token_urlsafe(),
        USE_TZ=True,
    )
    django.setup()


def prepare() -> tuple[dict[str, str], dict[str, UUID]]:
    """Make tables, users and tasks; returns each person's token and each task's `sync_id`."""
    from django.contrib.auth import get_user_model
    from django.core.management import call_command

    from .models import Task
    from .tokens import token_for

    call_command("migrate", run_syncdb=True, verbosity=0)
    users = get_user_model()._default_manager
    tokens = {name: token_for(users.create(username=name.lower())) for name in plan.PEOPLE}
    ids = {key: Task.objects.create(**values).sync_id for key, values in plan.START.items()}
    return tokens, ids
