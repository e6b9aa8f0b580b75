"""Who sees what: teams with members, and rows that belong to them in every way there is."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.conf import settings
from django.db import models

from django_pulse.models import SyncModel

USERS = settings.AUTH_USER_MODEL


class Team(models.Model):
    """Not synced; its members see what its projects hold."""

    name = models.CharField(max_length=50)
    members: models.ManyToManyField[Any, Any] = models.ManyToManyField(
        USERS, related_name="teams", through="Membership"
    )

    def __str__(self) -> str:
        return self.name


class Membership(models.Model):
    team = models.ForeignKey(Team, on_delete=models.CASCADE)
    user = models.ForeignKey(USERS, on_delete=models.CASCADE)
    role = models.CharField(max_length=10, default="reader")

    def __str__(self) -> str:
        return f"{self.user_id} in {self.team_id}"


class Project(models.Model):
    """Not synced; in a team, and with admins of its own."""

    name = models.CharField(max_length=50)
    team = models.ForeignKey(Team, on_delete=models.CASCADE, null=True)
    admins: models.ManyToManyField[Any, Any] = models.ManyToManyField(
        USERS, related_name="administered"
    )

    def __str__(self) -> str:
        return self.name


class Ticket(SyncModel):
    """Seen by the members of its project's team."""

    title = models.CharField(max_length=100)
    project = models.ForeignKey(Project, on_delete=models.CASCADE, null=True)

    class Sync:
        audience = "project__team__members"
        filters = ["project", "title"]

    def __str__(self) -> str:
        return self.title


class Budget(SyncModel):
    """Seen by the admins of its project."""

    title = models.CharField(max_length=100)
    project = models.ForeignKey(Project, on_delete=models.CASCADE)

    class Sync:
        audience = "project__admins"

    def __str__(self) -> str:
        return self.title


class Letter(SyncModel):
    """Seen by each of its readers."""

    title = models.CharField(max_length=100)
    readers: models.ManyToManyField[Any, Any] = models.ManyToManyField(
        USERS, related_name="letters"
    )

    class Sync:
        audience = "readers"

    def __str__(self) -> str:
        return self.title


class Board(SyncModel):
    """Seen by the members of every team that it hangs at."""

    title = models.CharField(max_length=100)
    teams = models.ManyToManyField(Team, related_name="boards")

    class Sync:
        audience = "teams__members"

    def __str__(self) -> str:
        return self.title


class Shift(SyncModel):
    """Seen by those who were assigned to it."""

    title = models.CharField(max_length=100)

    class Sync:
        audience = "assignment__worker"

    def __str__(self) -> str:
        return self.title


class Assignment(models.Model):
    """Who works when; not synced."""

    shift = models.ForeignKey(Shift, on_delete=models.CASCADE)
    worker = models.ForeignKey(USERS, on_delete=models.CASCADE)

    def __str__(self) -> str:
        return f"{self.worker_id} at {self.shift_id}"


class Rumour(SyncModel):
    """Seen by the users whom it names."""

    title = models.CharField(max_length=100)

    class Sync:
        def audience(row: Any) -> Iterable[Any]:  # noqa: N805 - a function of the row
            from django.contrib.auth import get_user_model

            return get_user_model().objects.filter(username__in=row.title.split())

    def __str__(self) -> str:
        return self.title
