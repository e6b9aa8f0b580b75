"""A Django project that lives in memory, for the bank; put back to its beginning in no time."""

from __future__ import annotations

import sqlite3
from functools import cache
from types import SimpleNamespace
from typing import Any, Final

import django
from django.conf import settings
from django.db import connections

__all__ = ["BRANCHES", "USERS", "begin_anew", "set_up"]

USERS: Final = 6
"""Users there are. Devices are theirs in turn, so that some of them have two."""

BRANCHES: Final = 3

HINT_BYTES: Final = 300
"""Bytes of changes in a hint: so few that some are too large for one, which only says so then."""

SERVER: Final = 2**52 + 7
"""The server's replica id: always the same, so that a seed tells everything."""


@cache
def set_up() -> None:
    """Configure Django, and make the tables; once in a process that has no project of its own."""
    settings.configure(
        DATABASES={"default": {"ENGINE": "fuzz.simulation.sqlite", "NAME": ":memory:"}},
        INSTALLED_APPS=[
            "django.contrib.auth",
            "django.contrib.contenttypes",
            "django_pulse",
            "fuzz.bank",
        ],
        CHANNEL_LAYERS={},
        DJANGO_PULSE={"HINT_MAX_BYTES": HINT_BYTES},
        DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
        PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"],
        SECRET_KEY="only for simulations",  # noqa: S106 - nobody signs in
        USE_TZ=True,
    )
    # There is one thread: connections are found without asking which.
    connections._connections = SimpleNamespace()  # type: ignore[attr-defined]
    django.setup()
    from ..bank.releases import LATEST, bank, deploy

    bank(LATEST)
    deploy(1)
    _make_tables()
    _remember()


def _make_tables() -> None:
    from django.contrib.auth import get_user_model
    from django.core.management import call_command
    from django.db import connection

    from django_pulse.tables import Clock

    from ..bank.memos import LABELS
    from ..bank.releases import bank

    call_command("migrate", verbosity=0)
    models = bank(1)
    with connection.schema_editor() as editor:
        for model in models:
            editor.create_model(model)
    Clock.objects.update(replica=SERVER, epoch="simulation")
    users = [get_user_model()(username=f"user{number}") for number in range(USERS)]
    users = get_user_model().objects.bulk_create(users)
    for number in range(BRANCHES):
        branch = models.branch.objects.create(name=f"branch{number}")
        branch.members.add(*users)
    labels = models.label.objects
    labels.bulk_create(models.label(name=f"label{number}") for number in range(LABELS))
    from django_pulse.mapping.schema import schema_of

    for model in (models.account, models.memo):
        schema_of(model)  # writes down the names that documents use


_pristine: list[sqlite3.Connection] = []


def _remember() -> None:
    from django.db import connection

    _pristine[:] = [sqlite3.connect(":memory:")]
    connection.connection.backup(_pristine[0])


def begin_anew() -> Any:
    """Put back the tables, and the first release; returns its models."""
    from django.db import connection

    from django_pulse.upkeep import purging

    from ..bank.releases import deploy

    connection.ensure_connection()
    _pristine[0].backup(connection.connection)
    purging._last.clear()
    return deploy(1)
