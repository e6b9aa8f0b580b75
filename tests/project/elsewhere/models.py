"""Models whose rows a test may have live in the database `other`; their users never do."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import models

from crdt.rules import Counter
from django_pulse.models import SyncModel

USERS = settings.AUTH_USER_MODEL


class Label(SyncModel):
    """Everybody's."""

    name = models.CharField(max_length=50, unique=True)

    def __str__(self) -> str:
        return self.name


class Sheet(SyncModel):
    """Its user's, who is in another database, as is whoever reviewed it."""

    title = models.CharField(max_length=50)
    votes = models.IntegerField(default=0)
    user = models.ForeignKey(USERS, models.DO_NOTHING, db_constraint=False, related_name="+")
    reviewer = models.ForeignKey(
        USERS, models.DO_NOTHING, db_constraint=False, null=True, blank=True, related_name="+"
    )
    label = models.ForeignKey(Label, models.SET_NULL, null=True, blank=True)
    labels = models.ManyToManyField(Label, blank=True, related_name="sheets")

    class Sync:
        audience = "user"
        merge = {"votes": Counter()}

    def __str__(self) -> str:
        return self.title


class Circle(SyncModel):
    """Seen by its members."""

    name = models.CharField(max_length=50)
    members: models.ManyToManyField[Any, Any] = models.ManyToManyField(
        USERS, db_constraint=False, related_name="+"
    )

    class Sync:
        audience = "members"

    def __str__(self) -> str:
        return self.name


class Letter(SyncModel):
    """Seen by the members of its circle."""

    text = models.CharField(max_length=50)
    circle = models.ForeignKey(Circle, models.CASCADE)

    class Sync:
        audience = "circle__members"

    def __str__(self) -> str:
        return self.text
