"""A board: cards with steps, labels and whatever else a form can show."""

from __future__ import annotations

from django.core.exceptions import ValidationError
from django.db import models

from crdt.rules import AddWinsSet, Counter, DeepMerge, List, Max, Text
from django_pulse.models import SyncModel


class Label(models.Model):
    """Not synced."""

    name = models.CharField(max_length=20)

    def __str__(self) -> str:
        return self.name


class Board(SyncModel):
    name = models.CharField(max_length=40)

    def __str__(self) -> str:
        return self.name


class Card(SyncModel):
    title = models.CharField(max_length=40)
    notes = models.CharField(max_length=60, blank=True)
    story = models.TextField(blank=True)
    votes = models.IntegerField(default=0)
    done = models.BooleanField(default=False)
    due = models.DateTimeField(null=True, blank=True)
    data = models.JSONField(default=dict, blank=True)
    scan = models.FileField(upload_to="scans", blank=True)
    secret = models.CharField(max_length=40, blank=True)
    board = models.ForeignKey(Board, models.CASCADE, null=True, blank=True)
    labels = models.ManyToManyField(Label, blank=True)

    class Sync:
        merge = {"notes": Text(), "votes": Counter()}

    def __str__(self) -> str:
        return self.title

    def clean(self) -> None:
        if self.done and self.votes < 0:
            raise ValidationError({"done": "What nobody wants cannot be done."})


class Step(SyncModel):
    card = models.ForeignKey(Card, models.CASCADE)
    text = models.CharField(max_length=40)
    done = models.BooleanField(default=False)

    def __str__(self) -> str:
        return self.text


class Sheet(SyncModel):
    """A field for each rule that merges the parts of a value."""

    tags = models.JSONField(default=list, blank=True)
    lines = models.JSONField(default=list, blank=True)
    tree = models.JSONField(default=dict, blank=True)
    best = models.IntegerField(default=0)

    class Sync:
        merge = {"tags": AddWinsSet(), "lines": List(), "tree": DeepMerge(), "best": Max()}

    def __str__(self) -> str:
        return f"sheet {self.pk}"


class Shortcut(Card):
    class Meta:
        proxy = True
