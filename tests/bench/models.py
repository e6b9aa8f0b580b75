"""What the benchmarks write: a plain twin of the test project's `Task`, and eight fields."""

from __future__ import annotations

import uuid
from typing import ClassVar

from django.conf import settings
from django.db import models

from django_pulse.models import SyncModel


class PlainTask(models.Model):
    """The columns and indexes of `Task`, and no sync."""

    objects: ClassVar[models.Manager[PlainTask]] = models.Manager()

    sync_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    version = models.PositiveIntegerField(default=0, editable=False)
    is_local_only = models.BooleanField(default=False)
    sync_error = models.TextField(blank=True, default="")
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)
    title = models.CharField(max_length=200)
    description = models.TextField(blank=True)
    completed = models.BooleanField(default=False)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, null=True, blank=True
    )

    class Meta:
        app_label = "bench"

    def __str__(self) -> str:
        return self.title


class Eight(SyncModel):
    """Eight fields of eight types."""

    name = models.CharField(max_length=100, default="")
    notes = models.TextField(default="")
    done = models.BooleanField(default=False)
    amount = models.IntegerField(default=0)
    price = models.DecimalField(max_digits=12, decimal_places=2, default=0)
    ratio = models.FloatField(default=0.0)
    due = models.DateField(null=True)
    extra = models.JSONField(default=dict)

    class Meta:
        app_label = "bench"

    def __str__(self) -> str:
        return self.name
