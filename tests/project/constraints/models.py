"""Models whose rows depend on others: by foreign keys, by unique values, by checks."""

from __future__ import annotations

from django.conf import settings
from django.db import models

from django_pulse.models import SyncModel


class Owned(SyncModel):
    """A row that only its user sees."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")

    class Meta:
        abstract = True


class Team(Owned):
    name = models.CharField(max_length=20)
    captain = models.ForeignKey(
        "Player", models.SET_NULL, null=True, blank=True, to_field="sync_id", related_name="leads"
    )

    def __str__(self) -> str:
        return self.name


class Player(Owned):
    name = models.CharField(max_length=20)
    team = models.ForeignKey(Team, models.CASCADE, to_field="sync_id")

    def __str__(self) -> str:
        return self.name


class Page(SyncModel):
    """Seen by everybody; refers to itself."""

    title = models.CharField(max_length=20)
    parent = models.ForeignKey(
        "self", models.CASCADE, null=True, blank=True, to_field="sync_id", related_name="children"
    )

    def __str__(self) -> str:
        return self.title


class Twin(SyncModel):
    """One of a pair; neither can be there without the other."""

    name = models.CharField(max_length=20)
    other = models.OneToOneField("self", models.CASCADE, to_field="sync_id", related_name="+")

    def __str__(self) -> str:
        return self.name
