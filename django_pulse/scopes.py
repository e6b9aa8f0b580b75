"""Scopes: who sees a row.

A scope is named by its key: database, what it belongs to, and which. A row that belongs to nobody
in particular is everybody's who is signed in; a row with a foreign key to its user is that user's,
and nobody's where it is null.
A row marked `is_local_only` is in no scope.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.conf import settings
from django.db import router

from . import schema
from .ownership import OWNER, is_unclear, owner_field

if TYPE_CHECKING:
    from django.contrib.auth.base_user import AbstractBaseUser

    from .sync_model import SyncModel

__all__ = ["database_of", "everybody", "of_row", "of_user", "owner_field", "personal"]


def everybody(using: str) -> str:
    """The scope of rows that every signed-in user sees."""
    return f"{using}/*"


def personal(using: str, user_pk: object, owner: str = OWNER) -> str:
    """The scope of one user's rows of those models whose foreign key to him is called `owner`."""
    return f"{using}/{settings.AUTH_USER_MODEL.lower()}/{owner}/{user_pk}"


def of_row(row: SyncModel, using: str) -> list[str]:
    """The keys of the scopes a row is in."""
    model = type(row)
    if row.is_local_only or is_unclear(model):
        return []
    owner = owner_field(model)
    if owner is None:
        return [everybody(using)]
    key = getattr(row, owner.attname)
    return [] if key is None else [personal(using, key, owner.name)]


def of_user(user: AbstractBaseUser) -> dict[str, str]:
    """The scopes that a user reads, each with the alias of the database it is in."""
    found = {}
    for model in schema.sync_models():
        using = database_of(model)
        owner = owner_field(model)
        found[everybody(using)] = using
        if owner is not None:
            found[personal(using, user.pk, owner.name)] = using
    return dict(sorted(found.items()))


def database_of(model: type[SyncModel]) -> str:
    """The alias of the database in which the model's rows, and their documents, are written."""
    return router.db_for_write(model)
