"""`manage.py pulse_adopt`: see `django_pulse.upkeep.adopting`."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from typing import TYPE_CHECKING, Any

from django.core.management.base import BaseCommand, CommandError

from ...mapping.schema import label_of
from ...upkeep import adopting
from ...upkeep.progress import Progress
from ..choosing import add_batch_size, add_models, chosen

if TYPE_CHECKING:
    from ...sync_model import SyncModel

__all__ = ["Command"]


class Command(BaseCommand):
    """Mirrors rows that have no document yet."""

    help = (
        "Mirrors the rows of a table that have no document yet, so that devices receive them. "
        "May be stopped and started again; others may work meanwhile."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        add_models(parser)
        add_batch_size(parser, adopting.ADOPTED_AT_ONCE)
        parser.add_argument("--dry-run", action="store_true", help="Only count the rows.")

    def handle(self, *args: Any, **options: Any) -> None:
        models = chosen(options["models"], everything=options["all"], database=options["database"])
        left = sum(self._model(model, using, options) for model, using in models)
        if left and not options["dry_run"]:
            raise CommandError(f"{left} rows are without a document still.")

    def _model(self, model: type[SyncModel], using: str, options: dict[str, Any]) -> int:
        """Adopt the rows of one model; returns how many are left."""
        label = label_of(model)
        missing = adopting.without_document(model, using)
        total = missing.count()
        if options["dry_run"]:
            self.stdout.write(f"{label}: {total} rows have no document.")
            return total
        progress = Progress(sys.stderr, label, total, shown=not options["no_progress"])
        unfit = busy = 0
        for batch in adopting.adopt(model, using, options["batch_size"]):
            progress.advance(batch.rows)
            unfit += len(batch.unfit)
            busy += batch.busy
            for row in batch.unfit:
                progress.finish()
                self.stderr.write(f"{label} {row.pk}: {row.reason}")
        progress.finish()
        self.stdout.write(
            f"{label}: {progress.done} rows adopted, {progress.rate:,.0f} per second."
        )
        if unfit:
            self.stdout.write(f"{label}: {unfit} rows hold what no document can: see above.")
        if busy:
            self.stdout.write(f"{label}: {busy} rows were being written: run this again.")
        return missing.count()
