"""`manage.py pulse_purge`: see `django_pulse.upkeep.purging`."""

from __future__ import annotations

from argparse import ArgumentParser, ArgumentTypeError
from typing import Any

from django.core.management.base import BaseCommand

from ...conf import conf
from ...mapping.schema import sync_models
from ...upkeep import purging
from ...visibility import scopes

__all__ = ["Command"]


class Command(BaseCommand):
    """Forgets what was deleted long ago."""

    help = (
        "Forgets rows that were deleted, or left somebody's sight, longer ago than TOMBSTONE_DAYS. "
        "A device that was away for longer reads everything anew, and keeps its unsent edits."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--days",
            type=_days,
            default=None,
            help=f"Instead of TOMBSTONE_DAYS, which is {conf.TOMBSTONE_DAYS:g}.",
        )
        parser.add_argument("--dry-run", action="store_true", help="Only count what there is.")

    def handle(self, *args: Any, **options: Any) -> None:
        until, dry_run = purging.horizon(options["days"]), options["dry_run"]
        for using in sorted({scopes.database_of(model) for model in sync_models()}):
            done = purging.purge(using, until, dry_run=dry_run)
            self.stdout.write(
                f"{using}: {done.documents} deleted rows and {done.places} places of rows that "
                f"left {'would be' if dry_run else 'are'} forgotten, from before {until:%Y-%m-%d}."
            )


def _days(text: str) -> float:
    days = float(text)
    if not 0 <= days < 36_525:  # a century: dates have an end
        raise ArgumentTypeError("Days are a number from 0 on.")
    return days
