"""Which database rows live in: those of this app in `other`, while a test wants that."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

__all__ = ["Router", "elsewhere"]

APPS = ("elsewhere", "django_pulse", "contenttypes")
"""The apps that have tables in `other`."""


class Router:
    """See https://docs.djangoproject.com/en/stable/topics/db/multi-db/."""

    active = False

    def db_for_read(self, model: Any, **hints: Any) -> str | None:
        """The same."""
        return self.db_for_write(model, **hints)

    def db_for_write(self, model: Any, **hints: Any) -> str | None:
        """That of the app's rows."""
        return "other" if Router.active and model._meta.app_label == "elsewhere" else None

    def allow_relation(self, one: Any, two: Any, **hints: Any) -> bool | None:
        """Rows of the app have users."""
        return True if "elsewhere" in {one._meta.app_label, two._meta.app_label} else None

    def allow_migrate(self, db: str, app_label: str, **hints: Any) -> bool | None:
        """In `default` everything is, for tests that have no other."""
        return app_label in APPS if db == "other" else None


@contextmanager
def elsewhere() -> Iterator[None]:
    """The app's rows live in `other`."""
    Router.active = True
    try:
        yield
    finally:
        Router.active = False
