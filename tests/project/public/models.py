"""A model that whoever is not signed in may read, where the settings allow it."""

from __future__ import annotations

from django.db import models

from django_pulse.models import SyncModel


class Notice(SyncModel):
    """On the door, for everybody."""

    text = models.CharField(max_length=200)

    class Meta:
        app_label = "public"

    class Sync:
        audience = None
        anonymous = True

    def __str__(self) -> str:
        return self.text


class Rota(SyncModel):
    """In the staff room, for everybody who is signed in."""

    text = models.CharField(max_length=200)

    class Meta:
        app_label = "public"

    class Sync:
        audience = None

    def __str__(self) -> str:
        return self.text
