"""What a client may ask a part of: cards by their folder and more."""

from __future__ import annotations

from django.conf import settings
from django.db import models

from django_pulse.models import SyncModel


class Folder(SyncModel):
    name = models.CharField(max_length=50)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE)

    def __str__(self) -> str:
        return self.name


class Card(SyncModel):
    title = models.CharField(max_length=50)
    folder = models.ForeignKey(Folder, on_delete=models.SET_NULL, null=True)
    price = models.DecimalField(max_digits=8, decimal_places=2, default=0)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE)

    class Sync:
        filters = ["folder", "price"]

    def __str__(self) -> str:
        return self.title
