"""The manager and queryset through which SyncModels are read and written.

Bulk writes are made by Django, in the same transaction as what mirrors them: the rows they wrote
are compared with their documents, and the differences become server entries.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
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

    def bulk_create(self, objs: Iterable[M_co], *args: Any, **kwargs: Any) -> list[M_co]:
        """As Django's; every row gets its document."""
        rows = list(objs)
        with transaction.atomic(using=self._write_alias()):
            identity.take_write_lock(self.db)
            created = super().bulk_create(rows, *args, **kwargs)
            ids = [row.sync_id for row in rows]
            found = self._plain().filter(sync_id__in=ids)
            self._absorb(list(found.values_list("pk", flat=True)))
        return created

    bulk_create.alters_data = True  # type: ignore[attr-defined]

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
