"""Models to sync: two from the original README, one for merge rules, one for field types."""

from __future__ import annotations

from django.conf import settings
from django.db import models

from crdt.rules import Counter, ServerOnly, Text
from django_pulse.models import SyncModel


class Task(SyncModel):
    title = models.CharField(max_length=200)
    description = models.TextField(blank=True)
    completed = models.BooleanField(default=False)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, null=True, blank=True
    )

    def __str__(self) -> str:
        return self.title


class Item(SyncModel):
    name = models.CharField(max_length=255)
    description = models.TextField(blank=True)
    price = models.DecimalField(max_digits=10, decimal_places=2)

    def __str__(self) -> str:
        return self.name


class Note(SyncModel):
    title = models.CharField(max_length=200)
    body = models.TextField(blank=True)
    votes = models.IntegerField(default=0)
    reviewed_by = models.CharField(max_length=100, blank=True)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE)

    class Sync:
        merge = {"body": Text(), "votes": Counter(), "reviewed_by": ServerOnly()}

    def __str__(self) -> str:
        return self.title


class Category(models.Model):
    """Not synced; rows that are may point to it."""

    name = models.CharField(max_length=50)

    def __str__(self) -> str:
        return self.name


class Colour(models.TextChoices):
    RED = "r", "red"
    GREEN = "g", "green"


class Everything(SyncModel):
    """Every field type Django has, once required and, where it makes sense, once nullable."""

    big = models.BigIntegerField(default=0)
    big_or_null = models.BigIntegerField(null=True, blank=True)
    binary = models.BinaryField(default=b"", editable=True, blank=True)
    binary_or_null = models.BinaryField(null=True, editable=True, blank=True)
    boolean = models.BooleanField(default=False)
    boolean_or_null = models.BooleanField(null=True, blank=True)
    char = models.CharField(max_length=100, default="", blank=True)
    char_or_null = models.CharField(max_length=100, null=True, blank=True)
    colour = models.CharField(max_length=1, choices=Colour.choices, default=Colour.RED)
    date = models.DateField(null=True, blank=True)
    date_changed = models.DateField(auto_now=True)
    moment = models.DateTimeField(null=True, blank=True)
    decimal = models.DecimalField(max_digits=20, decimal_places=6, default=0)
    decimal_or_null = models.DecimalField(max_digits=20, decimal_places=6, null=True, blank=True)
    duration = models.DurationField(null=True, blank=True)
    email = models.EmailField(default="", blank=True)
    file = models.FileField(upload_to="files", default="", blank=True)
    file_path = models.FilePathField(path="/", default="", blank=True)
    floating = models.FloatField(default=0.0)
    floating_or_null = models.FloatField(null=True, blank=True)
    address = models.GenericIPAddressField(null=True, blank=True)
    integer = models.IntegerField(default=0)
    integer_or_null = models.IntegerField(null=True, blank=True)
    json = models.JSONField(default=dict, blank=True)
    json_or_null = models.JSONField(null=True, blank=True)
    positive = models.PositiveIntegerField(default=0)
    positive_big = models.PositiveBigIntegerField(default=0)
    positive_small = models.PositiveSmallIntegerField(default=0)
    slug = models.SlugField(default="", blank=True)
    small = models.SmallIntegerField(default=0)
    text = models.TextField(default="", blank=True)
    text_or_null = models.TextField(null=True, blank=True)
    time = models.TimeField(null=True, blank=True)
    url = models.URLField(default="", blank=True)
    uuid = models.UUIDField(null=True, blank=True)
    category = models.ForeignKey(Category, models.CASCADE, null=True, blank=True)
    partner = models.OneToOneField(
        Category, models.SET_NULL, null=True, blank=True, related_name="partner_of"
    )
    task = models.ForeignKey(Task, models.SET_NULL, null=True, blank=True)
    twice = models.GeneratedField(
        expression=models.F("small") * 2,
        output_field=models.IntegerField(),
        db_persist=True,
    )

    def __str__(self) -> str:
        return f"everything {self.pk}"
