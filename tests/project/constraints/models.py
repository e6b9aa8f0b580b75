"""Models whose rows depend on others: by foreign keys, by unique values, by checks."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models.functions import Lower

from crdt.rules import Counter, ServerOnly, Text
from django_pulse.models import SyncModel


class Owned(SyncModel):
    """A row that only its user sees."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")

    class Meta:
        abstract = True


class Team(Owned):
    name = models.CharField(max_length=20)
    captain = models.ForeignKey(
        "Player", models.SET_NULL, null=True, blank=True, related_name="leads"
    )

    def __str__(self) -> str:
        return self.name


class Player(Owned):
    name = models.CharField(max_length=20)
    team = models.ForeignKey(Team, models.CASCADE)

    def __str__(self) -> str:
        return self.name


class Page(SyncModel):
    """Seen by everybody; refers to itself."""

    title = models.CharField(max_length=20)
    parent = models.ForeignKey(
        "self", models.CASCADE, null=True, blank=True, related_name="children"
    )

    def __str__(self) -> str:
        return self.title


class Twin(SyncModel):
    """One of a pair; neither can be there without the other."""

    name = models.CharField(max_length=20)
    other = models.OneToOneField("self", models.CASCADE, related_name="+")

    def __str__(self) -> str:
        return self.name


class Tag(SyncModel):
    """A new one whose name is taken waits until it is free."""

    name = models.CharField(max_length=20, unique=True)
    colour = models.CharField(max_length=10, blank=True)

    def __str__(self) -> str:
        return self.name


class Booking(SyncModel):
    """Constraints of every kind at once."""

    room = models.CharField(max_length=10)
    day = models.DateField()
    code = models.CharField(max_length=10)
    seat = models.IntegerField(null=True, blank=True)
    row = models.IntegerField(default=0)
    start = models.IntegerField(default=9)
    end = models.IntegerField(default=10)
    cancelled = models.BooleanField(default=False)
    remark = models.CharField(max_length=20, blank=True)

    class Meta:
        unique_together = (("row", "seat"),)
        constraints = (
            models.UniqueConstraint(
                fields=["room", "day"],
                condition=models.Q(cancelled=False),
                name="one_booking_a_day",
                violation_error_message="The room is taken on that day.",
            ),
            models.UniqueConstraint(Lower("code"), name="code_whatever_its_case"),
            models.CheckConstraint(
                condition=models.Q(start__lt=models.F("end")),
                name="ends_after_it_starts",
                violation_error_message="It must end after it starts.",
            ),
        )

    def __str__(self) -> str:
        return f"{self.room} on {self.day}"


class Folder(Owned):
    """Not deleted as long as there is a file in it; its links go, its bookmarks forget it."""

    name = models.CharField(max_length=20)

    def __str__(self) -> str:
        return self.name


class File(Owned):
    folder = models.ForeignKey(Folder, models.PROTECT)

    def __str__(self) -> str:
        return f"file {self.pk}"


class Link(Owned):
    folder = models.ForeignKey(Folder, models.CASCADE)

    def __str__(self) -> str:
        return f"link {self.pk}"


class Bookmark(Owned):
    folder = models.ForeignKey(Folder, models.SET_NULL, null=True, blank=True)

    def __str__(self) -> str:
        return f"bookmark {self.pk}"


class Visit(models.Model):
    """Not synced, and gone with its folder."""

    folder = models.ForeignKey(Folder, models.CASCADE)

    def __str__(self) -> str:
        return f"visit {self.pk}"


class Contact(SyncModel):
    """A new one with a known address is taken in by the one that has it."""

    email = models.CharField(max_length=40, unique=True)
    name = models.CharField(max_length=40, blank=True)
    notes = models.TextField(blank=True)
    calls = models.IntegerField(default=0)
    rating = models.IntegerField(default=0)

    class Sync:
        merge = {"notes": Text(), "calls": Counter(), "rating": ServerOnly()}
        on_unique = "merge"

    def __str__(self) -> str:
        return self.email


class Call(SyncModel):
    """Refers to a contact that another may take in."""

    contact = models.ForeignKey(Contact, models.CASCADE)

    def __str__(self) -> str:
        return f"call {self.pk}"


class Chapter(SyncModel):
    """A new one whose slug is taken gets another."""

    title = models.CharField(max_length=20)
    slug = models.SlugField(max_length=8, unique=True)

    class Sync:
        on_unique = "rename"

    def __str__(self) -> str:
        return self.slug
