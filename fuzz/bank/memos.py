"""Memos, which every user sees: they have what accounts do not, so that it meets everything else.

A user who may not do everything (`can_sync`), a value that only one memo may have, memos that
answer others, and labels, many of which hang at many memos.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

from django.db import models

from crdt import Counter, Text
from django_pulse.models import SyncModel

__all__ = ["APP", "LABELS", "denied_to", "label", "memo"]

APP: Final = "bank"

LABELS: Final = 200
"""Labels there are: more than a run hangs anywhere, so that it needs none of them twice."""

_DENIED: Final[Mapping[int, str]] = {0: "create", 1: "delete", 2: "votes", 3: "labels"}
"""By what is left of a memo and a user: what he may not do with it, or write there."""

_TURNS: Final = 5


def denied_to(user: int, memo: UUID) -> str:
    """What the user may not do with the memo, or which of its fields he may not write; or ""."""
    return _DENIED.get((user + memo.int) % _TURNS, "")


def label() -> Any:
    """The model of labels, which does not sync."""

    class Label(models.Model):
        name = models.CharField(max_length=20)

        class Meta:
            app_label = APP

        def __str__(self) -> str:
            return self.name

    return Label


def memo(label: Any) -> Any:
    """The model of memos, which hang at labels of that model."""

    class Memo(SyncModel):
        body = models.TextField(blank=True)
        votes = models.IntegerField(default=0)
        left = models.CharField(max_length=20, blank=True)
        right = models.CharField(max_length=20, blank=True)
        code = models.CharField(max_length=20, unique=True, null=True, blank=True)
        answers = models.ForeignKey("self", models.SET_NULL, null=True, blank=True)
        labels = models.ManyToManyField(label, blank=True, related_name="+")

        class Meta:
            app_label = APP

        class Sync:
            merge = {"body": Text(), "votes": Counter()}

        def can_sync(self, user: Any, action: str, changes: Mapping[str, Any]) -> Any:
            denied = denied_to(user.pk, self.sync_id)
            if action == denied:
                return False
            return action == "delete" or changes.keys() - {denied}

    return Memo
