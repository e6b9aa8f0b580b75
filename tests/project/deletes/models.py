"""A model for each policy of deletion: everybody who is signed in sees the rows."""

from django.db import models

from crdt.rules import Counter, Text
from django_pulse.models import SyncModel


class Shelf(SyncModel):
    """A parent, so that deleting it deletes what stands on it."""

    name = models.CharField(max_length=50)

    def __str__(self) -> str:
        return self.name


class Shop(models.Model):
    """A parent that does not sync."""

    name = models.CharField(max_length=50)

    def __str__(self) -> str:
        return self.name


class Fields(SyncModel):
    """What both kinds of book hold."""

    title = models.CharField(max_length=50)
    notes = models.TextField(blank=True)
    copies = models.IntegerField(default=0)
    lent = models.BooleanField(default=False)
    shelf = models.ForeignKey(Shelf, on_delete=models.CASCADE, null=True, blank=True)
    shop = models.ForeignKey(Shop, on_delete=models.CASCADE, null=True, blank=True)

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return self.title


class Book(Fields):
    """Deleted is deleted."""

    class Sync:
        merge = {"notes": Text(), "copies": Counter()}


class Diary(Fields):
    """Whoever acts last wins."""

    class Sync:
        merge = {"notes": Text(), "copies": Counter()}
        deletes = "last_action_wins"
