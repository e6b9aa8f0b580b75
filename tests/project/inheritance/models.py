"""Rows that are spread over the tables of several models."""

from __future__ import annotations

from django.db import models

from crdt.rules import Counter
from django_pulse.models import SyncModel
from tests.project.relations.models import Project


class Place(SyncModel):
    """A row of its own, or a part of a restaurant's."""

    name = models.CharField(max_length=100)
    project = models.ForeignKey(Project, models.SET_NULL, null=True, blank=True)

    def __str__(self) -> str:
        return self.name


class Restaurant(Place):
    stars = models.IntegerField(default=0)

    class Sync:
        merge = {"stars": Counter()}


class Bistro(Restaurant):
    menu = models.TextField(blank=True)


class Vehicle(models.Model):
    """Not synced; cars are."""

    wheels = models.IntegerField(default=4)

    def __str__(self) -> str:
        return f"on {self.wheels} wheels"


class Car(SyncModel, Vehicle):  # type: ignore[misc]
    """Its manager is that of SyncModel, which therefore comes first."""

    colour = models.CharField(max_length=20, blank=True)


class Visit(SyncModel):
    """To a place, whatever else it is."""

    place = models.ForeignKey(Place, models.CASCADE)

    def __str__(self) -> str:
        return f"visit {self.pk}"
