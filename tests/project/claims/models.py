"""What only one row may have, beside what adds up: rows that wait for a code keep the rest."""

from __future__ import annotations

from django.db import models

from crdt import Counter
from django_pulse.models import SyncModel


class Colour(models.Model):
    """Does not sync: what refers to it need not wait."""

    name = models.CharField(max_length=20)

    def __str__(self) -> str:
        return self.name


class Claim(SyncModel):
    code = models.CharField(max_length=20, unique=True, null=True, blank=True)
    votes = models.IntegerField(default=0)
    colours = models.ManyToManyField(Colour, blank=True, related_name="+")

    class Sync:
        merge = {"votes": Counter()}

    def __str__(self) -> str:
        return str(self.code)
