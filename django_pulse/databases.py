"""Databases: where the rows are that others refer to."""

from __future__ import annotations

from django.db import models, router

__all__ = ["database_for"]


def database_for(model: type[models.Model], using: str) -> str:
    """The alias of the database in which rows of `model` are, to which rows in `using` refer.

    That is `using`, unless the project's routers let it have no such table: the users may be in
    another, where nothing checks the reference.
    """
    if router.allow_migrate_model(using, model):
        return using
    return router.db_for_write(model)
