"""Who reads rows is said by other rows that sync themselves, in every way that a path can go."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import models

from django_pulse.models import SyncModel

USERS = settings.AUTH_USER_MODEL


class Crew(SyncModel):
    """Everybody sees who is in it."""

    name = models.CharField(max_length=50)
    members: models.ManyToManyField[Any, Any] = models.ManyToManyField(USERS, related_name="crews")

    class Sync:
        audience = None

    def __str__(self) -> str:
        return self.name


class Job(SyncModel):
    """Seen by its crew: over a foreign key, then a set that syncs."""

    title = models.CharField(max_length=50)
    crew = models.ForeignKey(Crew, on_delete=models.CASCADE)

    class Sync:
        audience = "crew__members"

    def __str__(self) -> str:
        return self.title


class Site(SyncModel):
    """Seen by whoever stays there: against a foreign key of rows that sync."""

    title = models.CharField(max_length=50)

    class Sync:
        audience = "stay__guest"

    def __str__(self) -> str:
        return self.title


class Stay(SyncModel):
    site = models.ForeignKey(Site, on_delete=models.CASCADE)
    guest = models.ForeignKey(USERS, on_delete=models.CASCADE)

    class Sync:
        audience = None

    def __str__(self) -> str:
        return f"{self.guest_id} at {self.site_id}"


class Boat(SyncModel):
    """Seen by the owners of its fleets: against a set that syncs."""

    title = models.CharField(max_length=50)

    class Sync:
        audience = "fleets__owner"

    def __str__(self) -> str:
        return self.title


class Fleet(SyncModel):
    owner = models.ForeignKey(USERS, on_delete=models.CASCADE)
    boats = models.ManyToManyField(Boat, related_name="fleets")

    class Sync:
        audience = None

    def __str__(self) -> str:
        return f"fleet of {self.owner_id}"


class Club(SyncModel):
    """Its members are rows that sync."""

    name = models.CharField(max_length=50)
    members: models.ManyToManyField[Any, Any] = models.ManyToManyField(
        USERS, through="Entry", related_name="clubs"
    )

    class Sync:
        audience = None

    def __str__(self) -> str:
        return self.name


class Entry(SyncModel):
    club = models.ForeignKey(Club, on_delete=models.CASCADE)
    member = models.ForeignKey(USERS, on_delete=models.CASCADE)

    class Sync:
        audience = None

    def __str__(self) -> str:
        return f"{self.member_id} in {self.club_id}"


class Meeting(SyncModel):
    """Seen by a club's members: over links that sync."""

    title = models.CharField(max_length=50)
    clubs = models.ManyToManyField(Club)

    class Sync:
        audience = "clubs__members"

    def __str__(self) -> str:
        return self.title
