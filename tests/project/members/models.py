"""Models with many-to-many fields: to rows that sync, to others, by links of every kind."""

from __future__ import annotations

from django.conf import settings
from django.db import models

from django_pulse.models import SyncModel
from tests.project.relations.models import Category


class Tag(SyncModel):
    name = models.CharField(max_length=50)

    def __str__(self) -> str:
        return self.name


class Secret(SyncModel):
    """Seen by its user only."""

    name = models.CharField(max_length=50)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE)

    def __str__(self) -> str:
        return self.name


class Labelled(models.Model):
    """Not synced, with links that those below it have."""

    name = models.CharField(max_length=50)
    labels = models.ManyToManyField(Tag, blank=True, related_name="labelled")

    def __str__(self) -> str:
        return self.name


class Truck(SyncModel, Labelled):  # type: ignore[misc]
    """Synced, with its parent's links."""


class Article(SyncModel):
    title = models.CharField(max_length=100, blank=True)
    tags = models.ManyToManyField(Tag, blank=True, related_name="articles")
    categories = models.ManyToManyField(Category, blank=True)
    secrets = models.ManyToManyField(Secret, blank=True)
    related = models.ManyToManyField("self", symmetrical=False, blank=True)
    twins = models.ManyToManyField("self", blank=True)
    readers = models.ManyToManyField(Tag, through="Reading", related_name="read")
    ranked = models.ManyToManyField(Tag, through="Rank", related_name="ranked_in")

    def __str__(self) -> str:
        return self.title


class Reading(SyncModel):
    """A link that syncs: a row of its own."""

    article = models.ForeignKey(Article, models.CASCADE)
    tag = models.ForeignKey(Tag, models.CASCADE)
    minutes = models.IntegerField(default=0)

    def __str__(self) -> str:
        return f"{self.minutes} minutes"


class Rank(models.Model):
    """A link that must be given more than its two ends."""

    article = models.ForeignKey(Article, models.CASCADE)
    tag = models.ForeignKey(Tag, models.CASCADE)
    place = models.IntegerField()

    def __str__(self) -> str:
        return str(self.place)


class Card(SyncModel):
    """A new one with a known code is taken in, with what it refers to."""

    code = models.CharField(max_length=20, unique=True)
    title = models.CharField(max_length=20, blank=True)
    secret = models.ForeignKey(Secret, models.SET_NULL, null=True, blank=True, related_name="+")
    secrets = models.ManyToManyField(Secret, blank=True, related_name="+")

    class Sync:
        on_unique = "merge"

    def __str__(self) -> str:
        return self.code
