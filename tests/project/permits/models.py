"""Who may write what: the pages of a workspace, in which every member has a role."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from django.conf import settings
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import models
from django.db.models.functions import Now

from crdt.rules import AddWinsSet, Counter, Text
from django_pulse.bookkeeping import RandomUUID
from django_pulse.models import SyncModel
from django_pulse.permissions import SyncAction, SyncAnswer, SyncChanges


class Workspace(models.Model):
    """Not synced; its members see its pages."""

    name = models.CharField(max_length=50)
    members: models.ManyToManyField[Any, Any] = models.ManyToManyField(
        settings.AUTH_USER_MODEL, related_name="workspaces", through="Seat"
    )

    def __str__(self) -> str:
        return self.name


class Seat(models.Model):
    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="seats")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE)
    role = models.CharField(max_length=10)

    def __str__(self) -> str:
        return f"{self.user_id} as {self.role}"


class Label(models.Model):
    """Not synced."""

    name = models.CharField(max_length=20)

    def __str__(self) -> str:
        return self.name


class Page(SyncModel):
    """Admins may do anything, editors write, voters vote, readers read; a locked one is left as it
    is by everybody but admins.
    """

    title = models.CharField(max_length=50)
    body = models.TextField(blank=True, default="Empty.")
    votes = models.IntegerField(default=0)
    tags = models.JSONField(default=list, blank=True)
    status = models.CharField(max_length=10, default="open")
    approved = models.BooleanField(default=False)
    workspace = models.ForeignKey(Workspace, models.CASCADE)
    parent = models.ForeignKey("self", models.SET_NULL, null=True, blank=True)
    labels = models.ManyToManyField(Label, blank=True)

    class Sync:
        audience = "workspace__members"
        merge = {"body": Text(), "votes": Counter(), "tags": AddWinsSet()}
        read_only = ["approved"]
        prefetch = ["workspace__seats"]

    def __str__(self) -> str:
        return self.title

    def can_sync(self, user: Any, action: SyncAction, changes: SyncChanges) -> SyncAnswer:
        role = next((s.role for s in self.workspace.seats.all() if s.user_id == user.pk), "none")
        if role == "admin":
            return True
        if self.status == "locked":
            raise PermissionDenied("This page is locked.")
        if changes.get("title") == "Untitled":
            raise ValidationError({"title": "Find a better title."})
        if role == "editor" and action in {"create", "update"}:
            return changes.keys() - {"status"}
        return action == "update" and role == "voter" and ["votes", "tags"]


class Guest(SyncModel):
    """A new one with a known address is taken in by the one that has it, but for the host."""

    email = models.CharField(max_length=40, unique=True)
    name = models.CharField(max_length=40, blank=True)

    class Sync:
        on_unique = "merge"

    def __str__(self) -> str:
        return self.email

    def can_sync(self, user: Any, action: SyncAction, changes: SyncChanges) -> SyncAnswer:
        return self.name != "Host"


class Errand(SyncModel):
    """Its user's, with every kind of default."""

    title = models.CharField(max_length=50)
    size = models.IntegerField(default=3)
    colour = models.CharField(max_length=10, db_default="red")
    places = models.JSONField(default=list, blank=True)
    since = models.DateTimeField(db_default=Now())
    number = models.UUIDField(default=uuid4)
    token = models.UUIDField(db_default=RandomUUID())
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE)

    def __str__(self) -> str:
        return self.title

    def clean(self) -> None:
        if self.colour == "black":
            raise ValidationError({"colour": "Not at night."}, code="night")


class Desk(SyncModel):
    """Stands beside at most one other, and none beside two; readers move none."""

    name = models.CharField(max_length=20)
    code = models.CharField(max_length=20, unique=True, null=True, blank=True)
    workspace = models.ForeignKey(Workspace, models.CASCADE)
    beside = models.OneToOneField("self", models.SET_NULL, null=True, blank=True)

    class Sync:
        audience = "workspace__members"

    def __str__(self) -> str:
        return self.name

    def can_sync(self, user: Any, action: SyncAction, changes: SyncChanges) -> SyncAnswer:
        seat = self.workspace.seats.filter(user=user).first()
        return seat is not None and seat.role != "reader"
