"""Ownership: which foreign key says whose a row is.

The one that `audience` names, else the one called `user`; it must point to the user model. A model
with none goes to every signed-in user, unless it points to a user without saying what that means:
then nobody sees its rows, and a system check says what to write.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from django.contrib.auth import get_user_model
from django.db import models

from ..mapping.columns import AnyField

if TYPE_CHECKING:
    from ..sync_model import SyncModel

__all__ = ["OWNER", "is_unclear", "owner_field", "points_to_users"]

OWNER = "user"
"""What the foreign key from a row to its user is called where `class Sync` says nothing."""


@cache
def owner_field(model: type[SyncModel]) -> models.ForeignKey[Any, Any] | None:
    """The foreign key that says whose a row is, if the model has one."""
    if model._sync.everyone:
        return None
    name = OWNER if model._sync.audience is None else model._sync.audience
    for field in model._meta.concrete_fields:
        if field.name == name and points_to_users(field):
            assert isinstance(field, models.ForeignKey)
            return field if field.target_field.primary_key else None
    return None


@cache
def is_unclear(model: type[SyncModel]) -> bool:
    """Does the model leave open who sees its rows? Then nobody does."""
    if model._sync.everyone or owner_field(model) is not None:
        return False
    fields = model._meta.concrete_fields
    said = model._sync.audience is not None
    return said or any(
        points_to_users(field) or (field.name == OWNER and field.is_relation) for field in fields
    )


def points_to_users(field: AnyField) -> bool:
    """Is it a foreign key to the user model, or to a proxy of it?"""
    target = field.related_model
    if not isinstance(field, models.ForeignKey) or not isinstance(target, type):
        return False
    return target._meta.concrete_model is get_user_model()._meta.concrete_model
