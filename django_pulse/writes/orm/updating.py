"""Updating many instances at once: `bulk_update`, which merges what each of them changed."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Any

from ...mapping.inheritance import by_model
from ..locking import hold_rows
from .editing import edit_of, merge_edits

if TYPE_CHECKING:
    from ...sync_model import SyncModel

__all__ = ["UPDATED_AT_ONCE", "update_instances"]

UPDATED_AT_ONCE = 500
"""Instances that are merged by one set of statements: bounds what is in memory."""


def update_instances(
    model: type[SyncModel],
    using: str,
    pks: Collection[Any],
    instances: Collection[SyncModel],
    names: Collection[str],
) -> None:
    """Merge what the instances changed of these fields, as far as their rows are among `pks`.

    To be called inside the transaction that locked the rows.
    """
    fields = [model._meta.get_field(name) for name in names]
    for instance in instances:
        instance._prepare_related_fields_for_save(operation_name="bulk_update", fields=fields)  # type: ignore[attr-defined]
    key: Any = model._meta.pk
    for derived, own in by_model(model, using, pks).items():
        rows = hold_rows(derived, using, own)
        held = {getattr(each.row, key.attname): each for each in rows}
        merge_edits(
            derived,
            using,
            [
                (edit_of(instance, using, names, prepare=False), held[instance.pk])
                for instance in instances
                if instance.pk in held
            ],
        )
