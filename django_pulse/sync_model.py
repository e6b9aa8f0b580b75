"""`SyncModel`: the abstract base whose rows are mirrored as documents.

Its own bases must be abstract *models*, never plain classes: Django writes a plain base into the
migrations of every model below it.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterable
from typing import Any, ClassVar, Self

from django.db import models
from django.db.models.functions import Now
from django.db.models.signals import class_prepared, post_delete, post_save, pre_delete

from crdt.vector import VectorClock

from . import conflicts
from .bookkeeping import LocalOnlyField, MomentField, RandomUUID, SyncIdField
from .broken import opened
from .conflicts import Conflict
from .manager import SyncManager, give_base_manager
from .mapping.inheritance import children_of
from .mapping.options import SyncOptions, parse
from .mapping.schema import label_of
from .permissions import SyncAction, SyncAnswer, SyncChanges
from .tables import Document
from .visibility import scopes
from .writes import absorbing, noting
from .writes.orm import deleting, fetching, saving, seen

__all__ = ["SyncModel"]


class SyncModel(models.Model):
    """A model whose rows sync.

    sync_id: the row's identity on every device.
    version: how many updates were merged into the row; the server counts it.
    is_local_only: True keeps the row in this database: no device hears of it until this is cleared.
    sync_error: why the row could not be stored as it was synced; empty when all is well.
    created_at, updated_at: when the row was first and last written in this database.
    """

    sync_id = SyncIdField(default=uuid.uuid4, unique=True, editable=False, db_default=RandomUUID())
    version = models.PositiveIntegerField(default=0, editable=False, db_default=0)
    is_local_only = LocalOnlyField(default=False, db_default=False)
    sync_error = models.TextField(blank=True, default="", db_default="")
    created_at = MomentField(auto_now_add=True, db_default=Now())
    updated_at = MomentField(auto_now=True, db_default=Now())

    objects = SyncManager()

    _sync: ClassVar[SyncOptions] = SyncOptions()

    class Meta:
        abstract = True

    def __getstate__(self) -> dict[str, Any]:
        """What is pickled: saves that are not committed yet stay behind."""
        return seen.without_saves(super().__getstate__())

    @classmethod
    def from_db(
        cls, db: str | None, field_names: Collection[str], values: Collection[Any], **kwargs: Any
    ) -> Self:
        """As Django's, and remember what was loaded: what `save` will write is the difference."""
        instance = super().from_db(db, field_names, values, **kwargs)
        seen.note_loaded(instance, field_names, values)
        if kwargs:
            fetching.watch_fetches(instance)
        return instance

    def refresh_from_db(
        self,
        using: str | None = None,
        fields: Iterable[str] | None = None,
        from_queryset: models.QuerySet[Any] | None = None,
    ) -> None:
        """As Django's; what was read anew is not an edit."""
        names = None if fields is None else list(fields)
        super().refresh_from_db(using=using, fields=names, from_queryset=from_queryset)
        seen.note_refreshed(self, names)

    def delete(
        self, using: str | None = None, keep_parents: bool = False
    ) -> tuple[int, dict[str, int]]:
        """As Django's. With `keep_parents` the row goes on as one of the model above, and devices
        receive it as that.
        """
        if not keep_parents:
            return super().delete(using=using)
        return deleting.delete_below(self, using, super().delete)

    delete.alters_data = True  # type: ignore[attr-defined]

    def _save_table(
        self,
        raw: bool = False,
        cls: Any = None,
        force_insert: Any = False,
        force_update: bool = False,
        using: Any = None,
        update_fields: Any = None,
    ) -> bool:
        """Where Django writes one table, after `pre_save` and before `post_save`."""
        save = super()._save_table  # type: ignore[misc]
        return saving.save_table(
            self, save, raw, cls, force_insert, force_update, using, update_fields
        )

    def conflicts(self) -> dict[str, list[Conflict]]:
        """The fields that were written concurrently, with the values still alive, latest first.

        At most three queries, and one for each model that foreign keys in conflict refer to. Fields
        whose rule keeps every writer's part (`Text`, `Counter`) are never among them, nor are those
        whose values are equal. Raises `BrokenDocument` if the row's document cannot be read.
        """
        return conflicts.conflicts_of(self)

    def resolve(self, field: str, value: Any) -> None:
        """Settle a field: one value, of those in conflict or another, in place of all of them.

        Merges as a `save()` of this field does, and sends its signals. Raises `ValidationError` for
        a value that the field does not allow, and `DoesNotExist` for a row that is gone.
        """
        conflicts.resolve(self, field, value)

    def can_sync(self, user: Any, action: SyncAction, changes: SyncChanges) -> SyncAnswer:
        """May a device of `user` do this? To be overridden; whoever sees a row may write it.

        `self` is the row as it is stored: the new row, not inserted yet, for "create", and the row
        as it comes back for "undelete". `changes` are the fields that the device writes, with the
        values they would hold. A change that moves the row to where others see it is asked about
        twice: of the row as it is, and of the row as it would be.

        Returns True, False, or the names of the fields that may be written; or raises
        `PermissionDenied` or `ValidationError` with a message for the device. Whatever else it
        raises is logged, and the device tries again later. It is to ask, not to write, and is
        asked only about devices: what the server's own code does, it may do.
        """
        return True

    @property
    def vector_clock(self) -> VectorClock:
        """Who wrote the row, as far as it is stored: `{replica: next clock}`. One query.

        Raises `BrokenDocument` if the row's document cannot be read.
        """
        using = scopes.database_of(type(self))
        labels = [label_of(model) for model in (type(self), *children_of(type(self)))]
        rows = Document.objects.using(using).filter(model__in=labels, sync_id=self.sync_id)
        state = rows.values_list("state", flat=True).first()
        return VectorClock(opened(type(self), self.sync_id, state).vector)


def _prepare(sender: type[models.Model], **kwargs: Any) -> None:
    """Read a model's `class Sync`, and have its deletions told."""
    if issubclass(sender, SyncModel):
        sender._sync = parse(getattr(sender, "Sync", None))
        if not sender._meta.abstract:
            give_base_manager(sender)
            uid = f"pulse.{sender!r}"
            pre_delete.connect(noting.before_delete, sender=sender, dispatch_uid=uid)
            post_delete.connect(deleting.after_delete, sender=sender, dispatch_uid=uid)
        if not sender._meta.abstract and not sender._meta.proxy:
            for parent in sender._meta.get_parent_list():
                if not issubclass(parent, SyncModel):
                    saved, uid = absorbing.after_parent_save, f"pulse.parent.{parent!r}"
                    post_save.connect(saved, sender=parent, dispatch_uid=uid)


class_prepared.connect(_prepare, dispatch_uid="django_pulse.prepare")
