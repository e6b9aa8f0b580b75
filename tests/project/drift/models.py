"""A model whose past is written down by tests."""

from __future__ import annotations

from django.db import models

from django_pulse.models import SyncModel


class Gauge(SyncModel):
    title = models.CharField(max_length=50)
    count = models.IntegerField(default=0)
    text = models.TextField(blank=True, default="")
    items = models.JSONField(default=list, blank=True)
    flag = models.BooleanField(default=False)
    price = models.DecimalField(max_digits=12, decimal_places=2, default=0)
    moment = models.DateTimeField(null=True, blank=True)
    code = models.CharField(max_length=20, blank=True, default="")

    def __str__(self) -> str:
        return self.title
