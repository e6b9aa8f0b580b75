"""`manage.py pulse_restored`: see `django_pulse.identity`."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from ... import identity
from ...mapping.schema import sync_models
from ...visibility import scopes

__all__ = ["Command"]


class Command(BaseCommand):
    """Says that the databases were restored from a backup, or lost commits in a failover."""

    help = (
        "To be run after a database was restored from a backup, or lost commits in a failover: "
        "devices then send again what it lost of theirs, and nothing that it wrote before is "
        "mistaken for what it writes from now on."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        for using in sorted({scopes.database_of(model) for model in sync_models()}):
            epoch = identity.begin_epoch(using).epoch
            self.stdout.write(
                f"{using}: epoch {epoch} begins. Devices read everything anew when they connect "
                "next, and send what this database does not have of theirs."
            )
