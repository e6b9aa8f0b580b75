"""The manager and queryset through which SyncModels are read and written.

Bulk writes are made by Django, in the same transaction as what mirrors them: the rows they wrote
are compared with their documents, and the differences become server entries.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from django.db import connections, models, transaction

from . import identity

if TYPE_CHECKING:
    from .sync_model import SyncModel

__all__ = ["SyncManager", "SyncQuerySet"]

M_co = TypeVar("M_co", bound="SyncModel", covariant=True)


class SyncQuerySet(models.QuerySet[M_co]):
    """A queryset whose writes are mirrored into the rows' documents."""

    def update(self, **kwargs: Any) -> int:
        """As Django's; each row's document learns what changed. `bulk_update` comes here too."""
        query = self.query
        if query.is_sliced or query.combinator or query.distinct_fields:
            return super().update(**kwargs)  # Django's own refusal
        using = self._write_alias()
        with transaction.atomic(using=using):
            identity.take_write_lock(using)
            pks = self._lock()
            # Only what is locked: a row that begins to match meanwhile is none of this update's.
            count = super(SyncQuerySet, self.filter(pk__in=pks)).update(**kwargs)
            self._absorb(pks)
        self._result_cache = None
        return count

    update.alters_data = True  # type: ignore[attr-defined]

    def bulk_create(
        self,
        objs: Iterable[M_co],
        batch_size: int | None = None,
        ignore_conflicts: bool = False,
        update_conflicts: bool = False,
        update_fields: Collection[str] | None = None,
        unique_fields: Collection[str] | None = None,
    ) -> list[M_co]:
        """As Django's; every row that is inserted or updated is mirrored.

        Also those of `ignore_conflicts` that were inserted have their primary keys afterwards.
        Raises `ValueError` where conflicting rows would be given another `sync_id`.
        """
        from .writes import creating

        if update_fields is not None and "sync_id" in update_fields:
            raise ValueError("sync_id names a row on every device: update_fields must not have it.")
        plain = super().bulk_create
        options = (batch_size, ignore_conflicts, update_conflicts, update_fields, unique_fields)

        def write(some: list[Any]) -> object:
            return plain(some, *options)

        rows: list[Any] = list(objs)
        using = self._write_alias()
        if not rows or (batch_size is not None and batch_size <= 0):
            write(rows)  # Django's own refusal
        elif ignore_conflicts:
            creating.create_or_leave(self.model, using, rows, write)
        elif update_conflicts:
            creating.create_or_update(self.model, using, rows, write)
        else:
            creating.create_rows(self.model, using, rows, write, batch_size)
        return rows

    bulk_create.alters_data = True  # type: ignore[attr-defined]

    def bulk_update(
        self, objs: Iterable[M_co], fields: Iterable[str], batch_size: int | None = None
    ) -> int:
        """As Django's, but what each instance changed is merged, as `save()` merges it."""
        rows, names = list(objs), list(fields)
        return super().bulk_update(rows, names, batch_size=batch_size)

    bulk_update.alters_data = True  # type: ignore[attr-defined]

    def delete(self) -> tuple[int, dict[str, int]]:
        """As Django's; each row's document learns that it is gone."""
        deferred, _ = self.query.deferred_loading
        if deferred and self._fields is None:  # type: ignore[attr-defined]
            return self.defer(None).delete()  # what is noted of each row is read with the rows
        return super().delete()

    delete.alters_data = True  # type: ignore[attr-defined]
    delete.queryset_only = True  # type: ignore[attr-defined]

    def _lock(self) -> list[Any]:
        """Lock the rows, in one order for everybody, and no other tables; their primary keys.

        By a subquery, since rows that are grouped, distinct or joined cannot be locked.
        """
        matching = self._plain().filter(pk__in=self.order_by().values("pk")).order_by("pk")
        if connections[self.db].features.has_select_for_update:
            matching = matching.select_for_update(of=("self",), no_key=True)
        return list(matching.values_list("pk", flat=True))

    def _absorb(self, pks: Sequence[Any]) -> None:
        from .writes.absorbing import absorb_rows

        absorb_rows(self.model, self._write_alias(), pks)

    def _plain(self) -> models.QuerySet[M_co]:
        return models.QuerySet(self.model, using=self._write_alias())

    def _write_alias(self) -> str:
        self._for_write = True
        return self.db


class SyncManager(models.Manager.from_queryset(SyncQuerySet)):  # type: ignore[misc]
    """The default manager of every SyncModel."""
