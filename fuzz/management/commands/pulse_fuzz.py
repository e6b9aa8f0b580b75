"""`manage.py pulse_fuzz app.Model`: see `fuzz.convergence`."""

from __future__ import annotations

import os
import sys
from argparse import ArgumentParser
from typing import Any

from django.apps import apps
from django.core.management.base import BaseCommand, CommandError
from django.test.utils import setup_databases, teardown_databases

from django_pulse.models import SyncModel
from django_pulse.upkeep.progress import Progress
from django_pulse.visibility.scopes import database_of

from ...convergence import SEED, check_histories
from ...histories import Kit

__all__ = ["Command"]


class Command(BaseCommand):
    """Plays histories with a model, in a test database."""

    help = (
        "Makes up histories of devices and of your own server code, plays them with a model in a "
        "test database, and tells the shortest that shows something wrong."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("model", help='The model, as "app.Model".')
        parser.add_argument("--examples", type=int, default=1_000, help="How many histories.")
        parser.add_argument("--devices", type=int, default=3, help="How many devices.")
        parser.add_argument("--seed", type=int, help="Play the histories of an earlier run again.")

    def handle(self, *args: Any, **options: Any) -> None:
        model = _model(options["model"])
        if options["seed"] is not None:
            os.environ[SEED] = str(options["seed"])
        using = database_of(model)
        created = setup_databases(verbosity=0, interactive=False, aliases={using: None})
        try:
            story = self._played(model, options["devices"], options["examples"])
        finally:
            teardown_databases(created, verbosity=0)
        if story is not None:
            raise CommandError(f"{story}")
        self.stdout.write(
            f"{options['examples']} histories of {model._meta.label}: nothing is wrong with them."
        )

    def _played(self, model: Any, devices: int, examples: int) -> str | None:
        kit = Kit.of(model, devices, {}, lambda model, number: None)
        progress = Progress(sys.stderr, model._meta.label, examples)
        story = check_histories(kit, examples, lambda: progress.advance(1))
        progress.finish()
        return story


def _model(label: str) -> Any:
    try:
        model = apps.get_model(label)
    except (LookupError, ValueError) as error:
        raise CommandError(f'There is no model {label!r}: give it as "app.Model".') from error
    if not issubclass(model, SyncModel):
        raise CommandError(f"{label} does not sync: it is no SyncModel.")
    return model
