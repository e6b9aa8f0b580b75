"""What the tests of bulk writes, and of what goes round the manager, write to."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db import models

from crdt import Counter, Text
from django_pulse.manager import SyncManager
from django_pulse.models import SyncModel


class Folder(models.Model):
    """A model that does not sync, and that rows which do refer to in every way."""

    name = models.CharField(max_length=40)

    class Meta:
        app_label = "bulk"

    def __str__(self) -> str:
        return self.name


def first_folder() -> Any:
    """Where cards go whose drawer is gone."""
    return Folder.objects.order_by("pk").first()


def lost(collector: Any, field: Any, sub_objs: Any, using: str) -> None:
    """An `on_delete` of one's own, which Django asks whether there are rows."""
    collector.add_field_update(field, None, sub_objs)


class ShelfManager(SyncManager):
    """Shelves are called by their label in fixtures."""

    def get_by_natural_key(self, label: str) -> Shelf:
        found: Shelf = self.get(label=label)
        return found


class Shelf(SyncModel):
    """A row that syncs and that others refer to."""

    label = models.CharField(max_length=40, unique=True)

    objects: ClassVar[ShelfManager] = ShelfManager()

    class Meta:
        app_label = "bulk"

    def __str__(self) -> str:
        return self.label

    def natural_key(self) -> tuple[str]:
        return (self.label,)


class Card(SyncModel):
    """One column for each way in which a value can come about."""

    title = models.CharField(max_length=40, default="")
    code = models.CharField(max_length=20, unique=True, null=True, blank=True)
    body = models.TextField(default="", blank=True)
    votes = models.IntegerField(default=0)
    extra = models.JSONField(default=dict, blank=True)
    rank = models.IntegerField(db_default=7)
    twice = models.GeneratedField(
        expression=models.F("rank") * 2, output_field=models.IntegerField(), db_persist=True
    )
    shelf = models.ForeignKey(Shelf, models.SET_NULL, null=True, blank=True, related_name="cards")
    folder = models.ForeignKey(Folder, models.CASCADE, null=True, blank=True, related_name="cards")
    drawer = models.ForeignKey(
        Folder, models.SET_DEFAULT, null=True, default=None, related_name="in_drawer"
    )
    box = models.ForeignKey(Folder, models.SET(first_folder), null=True, related_name="in_box")
    tray = models.ForeignKey(Folder, lost, null=True, related_name="in_tray")
    parent = models.ForeignKey("self", models.CASCADE, null=True, related_name="children")

    class Meta:
        app_label = "bulk"

    class Sync:
        merge: ClassVar[dict[str, Any]] = {"body": Text(), "votes": Counter()}

    def __str__(self) -> str:
        return self.title


class Sticker(SyncModel):
    """What goes when its card goes."""

    card = models.ForeignKey(Card, models.CASCADE, related_name="stickers")
    text = models.CharField(max_length=20, default="")

    class Meta:
        app_label = "bulk"

    def __str__(self) -> str:
        return self.text


class Plain(SyncModel):
    """Nothing that the database decides but the primary key."""

    title = models.CharField(max_length=40, default="")
    votes = models.IntegerField(default=0)
    body = models.TextField(default="", blank=True)

    class Meta:
        app_label = "bulk"

    class Sync:
        merge: ClassVar[dict[str, Any]] = {"body": Text(), "votes": Counter()}

    def __str__(self) -> str:
        return self.title
