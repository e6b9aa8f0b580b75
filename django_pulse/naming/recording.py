"""Recording names: what `migrate` brought the models to goes into the register.

The plan says what was renamed. Everything else shows when the models are compared with what the
register knows of them.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.apps import apps as installed_apps
from django.db import models, router

from ..mapping import schema
from ..tables import Naming
from ..visibility.audience import audience_of
from . import register
from .renames import renames_of

__all__ = ["after_migrate"]


def after_migrate(
    using: str, apps: Any = installed_apps, plan: Iterable[tuple[Any, bool]] = (), **kwargs: Any
) -> None:
    """For `post_migrate`. `apps` are the models as far as they were migrated."""
    tables = {model._meta.db_table: model for model in apps.get_models(include_auto_created=True)}
    schema.forget()
    if Naming._meta.db_table in tables and router.allow_migrate_model(using, Naming):
        found = [model for model in _models() if _is_settled(model, using, tables)]
        now = [schema.model_now(model) for model in found]
        known = register.record(using, now, schema.labels(), renames_of(plan), settled=True)
        register.remember(using, known)


def _models() -> Iterable[type[models.Model]]:
    """Those that sync, and those of which the keys of scopes speak."""
    found: dict[type[models.Model], None] = dict.fromkeys(schema.sync_models())
    for audience in filter(None, map(audience_of, schema.sync_models())):
        for hop in audience.hops:
            found |= dict.fromkeys(m._meta.concrete_model or m for m in (hop.model, hop.target))
    return found


def _is_settled(
    model: type[models.Model], using: str, tables: dict[str, type[models.Model]]
) -> bool:
    """Was everything that the code knows of the model migrated?"""
    migrated = tables.get(model._meta.db_table)
    if migrated is None or router.db_for_write(model) != using:
        return False
    columns = {field.column for field in migrated._meta.concrete_fields}
    return all(field.column in columns for field in model._meta.concrete_fields)
