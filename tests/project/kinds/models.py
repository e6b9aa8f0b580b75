"""Rules on fields of kinds that no other app has them on."""

from __future__ import annotations

from django.db import models

from crdt.rules import Text
from django_pulse.models import SyncModel


class Rhyme(SyncModel):
    """Text that merges, in a column that is short."""

    line = models.CharField(max_length=10, blank=True)

    class Sync:
        merge = {"line": Text()}

    def __str__(self) -> str:
        return self.line
