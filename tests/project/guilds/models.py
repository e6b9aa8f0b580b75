"""Who reads rows is said by memberships that sync, and that devices make themselves."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import models

from django_pulse.models import SyncModel
from django_pulse.permissions import SyncAction, SyncAnswer, SyncChanges

USERS = settings.AUTH_USER_MODEL


class Guild(SyncModel):
    """Seen by its members: devices found guilds, and join those that they found."""

    name = models.CharField(max_length=50)
    motto = models.CharField(max_length=50, default="Onward")

    class Sync:
        audience = "memberships__member"

    def __str__(self) -> str:
        return self.name

    def can_sync(self, user: Any, action: SyncAction, changes: SyncChanges) -> SyncAnswer:
        return True


class Membership(SyncModel):
    """Seen by all members of the guild."""

    guild = models.ForeignKey(Guild, on_delete=models.CASCADE, related_name="memberships")
    member = models.ForeignKey(USERS, on_delete=models.CASCADE, related_name="+")

    class Sync:
        audience = "guild__memberships__member"

    def __str__(self) -> str:
        return f"{self.member_id} in {self.guild_id}"


class Quest(SyncModel):
    title = models.CharField(max_length=50)
    guild = models.ForeignKey(Guild, on_delete=models.CASCADE, related_name="quests")
    after = models.ForeignKey("self", on_delete=models.SET_NULL, null=True, blank=True)

    class Sync:
        audience = "guild__memberships__member"

    def __str__(self) -> str:
        return self.title
