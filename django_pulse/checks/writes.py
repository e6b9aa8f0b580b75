"""System checks of whatever could write a SyncModel's rows past its documents."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.core.checks import CheckMessage, Error
from django.core.checks import Warning as CheckWarning
from django.db import models

from ..manager import SyncQuerySet
from ..sync_model import SyncModel

__all__ = ["check_writers"]

SYNC_MANAGER = (
    "Base the manager on django_pulse.manager.SyncManager, or write "
    "SyncManager.from_queryset(YourQuerySet)() where YourQuerySet is a SyncQuerySet."
)


def check_writers(model: type[SyncModel]) -> Iterator[CheckMessage]:
    """E018, E045, W045, E046: the model's managers, and what its foreign keys say of deletions."""
    default, base = model._default_manager, model._base_manager
    if not _is_mirrored(default):
        yield Error(
            f"The default manager {default.name!r} gives querysets that are no SyncQuerySet, so "
            "what is written through them would reach no device.",
            hint=SYNC_MANAGER,
            obj=model,
            id="pulse.E018",
        )
    if not _is_mirrored(base) and base.name != default.name:
        yield Error(
            f"The base manager {base.name!r} gives querysets that are no SyncQuerySet, so what "
            "Django writes through it (related managers, SET_NULL) would reach no device.",
            hint=f"Remove base_manager_name from the model's Meta. Or: {SYNC_MANAGER}",
            obj=model,
            id="pulse.E045",
        )
    for manager in model._meta.managers:
        if manager.name not in {default.name, base.name} and not _is_mirrored(manager):
            yield CheckWarning(
                f"The manager {manager.name!r} gives querysets that are no SyncQuerySet: what is "
                "written through them reaches no device before the row's next write.",
                hint=f"{SYNC_MANAGER} If it only reads, silence this check.",
                obj=model,
                id="pulse.W045",
            )
    yield from _check_foreign_keys(model)


def _check_foreign_keys(model: type[SyncModel]) -> Iterator[CheckMessage]:
    for field in model._meta.concrete_fields:
        on_delete = getattr(field.remote_field, "on_delete", None)
        if hasattr(on_delete, "on_delete_sql"):  # Django 6.1's DB_CASCADE and the like
            instead = str(on_delete).removeprefix("DB_")
            yield Error(
                f"{field.name!r} has on_delete={on_delete}: the database would delete or change "
                "rows without a word to anybody, and devices would keep them as they were.",
                hint=f"Write on_delete=models.{instead}, which costs a query and is mirrored.",
                obj=model,
                id="pulse.E046",
            )


def _is_mirrored(manager: models.Manager[Any]) -> bool:
    return issubclass(_queryset_class(manager), SyncQuerySet)


def _queryset_class(manager: models.Manager[Any]) -> type:
    try:
        return type(manager.get_queryset())
    except Exception:  # noqa: BLE001 - a manager of the project may need a request to answer
        return manager._queryset_class  # type: ignore[attr-defined, no-any-return]
