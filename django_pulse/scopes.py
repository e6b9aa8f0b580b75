"""Scopes: who sees a row.

A scope is named by its key: database, what it belongs to, and which. A row without a `user` foreign
key is everybody's who is signed in; a row with one is that user's, and nobody's where it is null.
A row marked `is_local_only` is in no scope.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import models, router

from . import schema

if TYPE_CHECKING:
    from django.contrib.auth.base_user import AbstractBaseUser

    from .sync_model import SyncModel

__all__ = ["database_of", "everybody", "of_row", "of_user", "owner_field", "personal"]

OWNER = "user"
"""The name of the foreign key that scopes a row to its user."""


def everybody(using: str) -> str:
    """The scope of rows that every signed-in user sees."""
    return f"{using}/*"


def personal(using: str, user_pk: object) -> str:
    """The scope of one user's rows."""
    return f"{using}/{settings.AUTH_USER_MODEL.lower()}/{OWNER}/{user_pk}"


@cache
def owner_field(model: type[SyncModel]) -> models.ForeignKey[object, object] | None:
    """The foreign key that says whose a row is, if the model has one."""
    for field in model._meta.concrete_fields:
        if field.name == OWNER and isinstance(field, models.ForeignKey):
            label = field.remote_field.model._meta.label
            return field if label == settings.AUTH_USER_MODEL else None
    return None


def of_row(row: SyncModel, using: str) -> list[str]:
    """The keys of the scopes a row is in."""
    if row.is_local_only:
        return []
    owner = owner_field(type(row))
    if owner is None:
        return [everybody(using)]
    key = getattr(row, owner.attname)
    return [] if key is None else [personal(using, key)]


def of_user(user: AbstractBaseUser) -> dict[str, str]:
    """The scopes that a user reads, each with the alias of the database it is in."""
    databases = sorted({database_of(model) for model in schema.sync_models()})
    return {
        key: using for using in databases for key in (everybody(using), personal(using, user.pk))
    }


def database_of(model: type[SyncModel]) -> str:
    """The alias of the database in which the model's rows, and their documents, are written."""
    return router.db_for_write(model)
