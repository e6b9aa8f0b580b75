"""Models of a project that had rows before it synced."""

from __future__ import annotations

from django.conf import settings
from django.db import models

from crdt.rules import Counter, Text
from django_pulse.models import SyncModel


class Shelf(SyncModel):
    """Everybody's."""

    name = models.CharField(max_length=50)

    def __str__(self) -> str:
        return self.name


class Book(SyncModel):
    """Its user's."""

    title = models.CharField(max_length=100)
    notes = models.TextField(blank=True)
    copies = models.IntegerField(default=0)
    weight = models.FloatField(null=True, blank=True)
    shelf = models.ForeignKey(Shelf, models.SET_NULL, null=True, blank=True)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, null=True, blank=True)

    class Sync:
        merge = {"notes": Text(), "copies": Counter()}

    def __str__(self) -> str:
        return self.title


class Atlas(Book):
    """A book with a column in a table of its own."""

    scale = models.IntegerField(default=1)
