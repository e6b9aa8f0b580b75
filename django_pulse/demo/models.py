"""The one model of the demo: a task of a journey that two people plan."""

from django.db import models

from crdt import Counter, Text

from ..sync_model import SyncModel

__all__ = ["Task"]


class Task(SyncModel):
    """Everybody who is signed in sees every task: it has no `user`."""

    title = models.CharField(max_length=100)
    done = models.BooleanField(default=False)
    assignee = models.CharField(max_length=50, blank=True, default="")
    notes = models.TextField(blank=True, default="")
    votes = models.IntegerField(default=0)

    class Meta:
        app_label = "demo"

    class Sync:
        merge = {"notes": Text(), "votes": Counter()}

    def __str__(self) -> str:
        return self.title
