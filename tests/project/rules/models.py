"""A field for every merge rule, and one for every rule that takes arguments."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError
from django.db import models

from crdt import (
    AddWinsSet,
    Conflicts,
    Counter,
    DeepMerge,
    First,
    Flag,
    List,
    Max,
    Min,
    ServerOnly,
    Text,
)
from django_pulse.models import SyncModel


def at_most_five(value: Any) -> None:
    if len(value) > 5:
        raise ValidationError("At most five.", code="too_many")


class Trip(SyncModel):
    name = models.CharField(max_length=40, default="A trip")
    driver = models.CharField(max_length=40, blank=True)
    highest = models.IntegerField(default=0)
    deadline = models.DateField(null=True, blank=True)
    lowest = models.IntegerField(default=100)
    votes = models.IntegerField(default=0)
    cost = models.DecimalField(max_digits=10, decimal_places=2, default=0)
    tags = models.JSONField(default=list, blank=True, validators=[at_most_five])
    urgent = models.BooleanField(default=False)
    public = models.BooleanField(default=False)
    meeting_point = models.CharField(max_length=40, blank=True)
    notes = models.TextField(blank=True)
    stops = models.JSONField(default=list, blank=True, validators=[at_most_five])
    options = models.JSONField(default=dict, blank=True)
    plan = models.JSONField(default=dict, blank=True, null=True)
    approved_by = models.CharField(max_length=40, blank=True)

    class Sync:
        merge = {
            "driver": First(),
            "highest": Max(),
            "deadline": Max(),
            "lowest": Min(),
            "votes": Counter(),
            "cost": Counter(),
            "tags": AddWinsSet(),
            "urgent": Flag(wins=True),
            "public": Flag(wins=False),
            "meeting_point": Conflicts(),
            "notes": Text(),
            "stops": List(),
            "options": DeepMerge(),
            "plan": DeepMerge(lists="merge"),
            "approved_by": ServerOnly(),
        }

    def __str__(self) -> str:
        return self.name
