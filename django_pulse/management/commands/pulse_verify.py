"""`manage.py pulse_verify`: see `django_pulse.upkeep.verifying`."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from typing import TYPE_CHECKING, Any

from django.core.management.base import BaseCommand, CommandError

from ...mapping.inheritance import own_rows
from ...mapping.schema import label_of
from ...upkeep import verifying
from ...upkeep.diagnosis import KINDS, Finding
from ...upkeep.progress import Progress
from ..choosing import add_batch_size, add_models, chosen

if TYPE_CHECKING:
    from ...sync_model import SyncModel

__all__ = ["Command"]

VERBOSE = 2
"""The verbosity from which on values are shown: they may be nobody's business."""


class Command(BaseCommand):
    """Compares rows with their documents, and repairs what differs."""

    help = (
        "Compares every row with its document, and the documents with the feed. Prints a line for "
        "each thing that is wrong, and exits with 1 if there is any that was not repaired."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        add_models(parser)
        add_batch_size(parser, verifying.VERIFIED_AT_ONCE)
        parser.add_argument("--fix", action="store_true", help="Repair what is found.")

    def handle(self, *args: Any, **options: Any) -> None:
        models = chosen(options["models"], everything=options["all"], database=options["database"])
        wrong = sum(self._model(model, using, options) for model, using in models)
        if wrong:
            hint = "" if options["fix"] else " `--fix` repairs what can be."
            raise CommandError(f"{wrong} things are wrong.{hint}")

    def _model(self, model: type[SyncModel], using: str, options: dict[str, Any]) -> int:
        """Verify one model; returns how much is wrong still."""
        label = label_of(model)
        shown = not options["no_progress"]
        total = own_rows(model, using).count() if shown and sys.stderr.isatty() else 0
        progress = Progress(sys.stderr, label, total, shown=shown)
        found = fixed = busy = 0
        steps = verifying.verify(model, using, fix=options["fix"], batch_size=options["batch_size"])
        for step in steps:
            progress.advance(step.looked)
            found += len(step.findings)
            fixed += sum(one.fixed for one in step.findings)
            busy += step.busy
            for one in step.findings:
                progress.finish()
                self.stdout.write(_line(one, options["verbosity"]))
        progress.finish()
        told = f"{label}: {progress.done} rows verified, {found} things wrong, {fixed} repaired."
        self.stdout.write(told)
        if busy:
            self.stdout.write(
                f"{label}: {busy} rows were being written and could not be looked at."
            )
        return found - fixed


def _line(found: Finding, verbosity: int) -> str:
    """One finding on one line, without values unless they were asked for."""
    named = [found.model, f"pk={found.pk}", f"sync_id={found.sync_id}"]
    if found.field:
        named.append(f"field={found.field}")
    if found.field and verbosity >= VERBOSE:
        named += [f"column={found.column!r}", f"document={found.document!r}"]
    reason = f": {found.reason}" if found.reason else ""
    repaired = " (repaired)" if found.fixed else ""
    return f"{' '.join(named)}: {KINDS[found.kind]}{reason}{repaired}"
