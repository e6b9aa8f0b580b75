"""Models that refer to each other, in every way that Django has."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib.contenttypes.fields import GenericForeignKey
from django.contrib.contenttypes.models import ContentType
from django.db import models

from django_pulse.models import SyncModel


class CategoryManager(models.Manager["Category"]):
    def get_by_natural_key(self, name: str) -> Category:
        return self.get(name__iexact=name)


class Category(models.Model):
    """Not synced, with a natural key that is found in any case."""

    name = models.CharField(max_length=50, unique=True)

    objects = CategoryManager()

    def __str__(self) -> str:
        return self.name

    def natural_key(self) -> tuple[Any, ...]:
        return (self.name,)


class Country(models.Model):
    """Not synced, without a natural key; others may refer to its code."""

    code = models.CharField(max_length=2, unique=True)

    def __str__(self) -> str:
        return self.code


class Project(SyncModel):
    name = models.CharField(max_length=100)

    def __str__(self) -> str:
        return self.name


class LargeProject(Project):
    class Meta:
        proxy = True


class Private(SyncModel):
    """Seen by its user only."""

    name = models.CharField(max_length=100)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE)

    def __str__(self) -> str:
        return self.name


class Titled(SyncModel):
    """An abstract base with a foreign key."""

    title = models.CharField(max_length=100, blank=True)
    project = models.ForeignKey(
        Project, models.CASCADE, null=True, blank=True, related_name="%(class)ss"
    )

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return self.title


class Task(Titled):
    """Refers by every kind of key."""

    large = models.ForeignKey(
        LargeProject, models.SET_NULL, null=True, blank=True, related_name="+"
    )
    category = models.ForeignKey(Category, models.SET_NULL, null=True, blank=True)
    country = models.ForeignKey(Country, models.SET_NULL, null=True, blank=True)
    by_code = models.ForeignKey(
        Country, models.SET_NULL, null=True, blank=True, to_field="code", related_name="+"
    )
    private = models.ForeignKey(Private, models.SET_NULL, null=True, blank=True)
    parent = models.ForeignKey("self", models.CASCADE, null=True, blank=True)
    loose = models.ForeignKey(
        Project, models.DO_NOTHING, null=True, blank=True, db_constraint=False, related_name="+"
    )


class Cover(SyncModel):
    project = models.OneToOneField(Project, models.CASCADE)
    colour = models.CharField(max_length=20, default="white")

    def __str__(self) -> str:
        return self.colour


class Comment(SyncModel):
    """On anything: a row that syncs, or one with a natural key, or one with a number."""

    text = models.CharField(max_length=200)
    content_type = models.ForeignKey(ContentType, models.CASCADE, null=True, blank=True)
    object_id = models.CharField(max_length=64, null=True, blank=True)
    subject = GenericForeignKey()

    def __str__(self) -> str:
        return self.text


class Star(SyncModel):
    """On projects and categories only, and always on one."""

    content_type = models.ForeignKey(
        ContentType, models.CASCADE, limit_choices_to={"model__in": ["project", "category"]}
    )
    object_id = models.PositiveBigIntegerField()
    subject = GenericForeignKey()

    def __str__(self) -> str:
        return f"star {self.pk}"
