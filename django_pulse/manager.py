"""The manager and queryset through which SyncModels are read and written.

Bulk writes are made by Django, in the same transaction as what mirrors them: the rows they wrote
are compared with their documents, and the differences become server entries.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar

from django.db import connections, models, transaction

from . import identity
from .sql import Among

if TYPE_CHECKING:
    from .parked import ParkedRow
    from .sync_model import SyncModel

__all__ = ["BaseManager", "BaseQuerySet", "SyncManager", "SyncQuerySet", "give_base_manager"]
__all__ += ["put_base_manager"]

M_co = TypeVar("M_co", bound="SyncModel", covariant=True)


class SyncQuerySet(models.QuerySet[M_co]):
    """A queryset whose writes are mirrored into the rows' documents."""

    def update(self, **kwargs: Any) -> int:
        """As Django's; each row's document learns what changed. `bulk_update` comes here too.

        Raises `ValueError` where rows would be given another `sync_id`.
        """
        from .writes.absorbing import absorb_rows

        _keep_identity(kwargs)
        query = self.query
        if query.is_sliced or query.combinator or query.distinct_fields:
            return super().update(**kwargs)  # Django's own refusal
        using = self._write_alias()
        with transaction.atomic(using=using):
            identity.take_write_lock(using)
            pks = self._lock()
            # Only what is locked: a row that begins to match meanwhile is none of this update's.
            locked = self.filter(Among(models.F("pk"), pks)) if _locks_rows(using) else self
            moves = any(self._is_primary_key(name) for name in kwargs)
            rows = self._plain().filter(pk__in=pks)
            ids = list(rows.values_list("sync_id", flat=True)) if moves else []
            count = super(SyncQuerySet, locked).update(**kwargs)
            if moves:
                pks = list(self._plain().filter(sync_id__in=ids).values_list("pk", flat=True))
            absorb_rows(self.model, using, pks)
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
        from .writes.orm import creating

        _keep_identity(update_fields or ())
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
        """As Django's, but what each instance changed is merged, as `save()` merges it.

        Raises `ValueError` where rows would be given another `sync_id`.
        """
        from .writes.orm.updating import UPDATED_AT_ONCE, update_instances

        rows, names = list(objs), list(fields)
        _keep_identity(names)
        if not rows or any(row.pk is None for row in rows):
            return super().bulk_update(rows, names, batch_size)  # Django's own refusal
        super().bulk_update([], names, batch_size)  # which looks at the names
        using = self._write_alias()
        size = min(batch_size or UPDATED_AT_ONCE, UPDATED_AT_ONCE)
        count = 0
        with transaction.atomic(using=using):
            identity.take_write_lock(using)
            for start in range(0, len(rows), size):
                some = rows[start : start + size]
                pks = self.filter(pk__in={row.pk for row in some})._lock()
                update_instances(self.model, using, pks, some, names)
                count += len(pks)
        return count

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
        if _locks_rows(self.db):
            matching = matching.select_for_update(of=("self",), no_key=True)
        return list(matching.values_list("pk", flat=True))

    def _is_primary_key(self, name: str) -> bool:
        """Is it one that Django lets be updated? It says itself what it does not."""
        fields = self.model._meta.pk_fields
        return any(name in {field.name, field.attname} for field in fields)

    def _plain(self) -> models.QuerySet[M_co]:
        return models.QuerySet(self.model, using=self._write_alias())

    def _write_alias(self) -> str:
        self._for_write = True
        return self.db


def _keep_identity(names: Collection[str]) -> None:
    from .writes.orm.saving import ONE_IDENTITY

    if "sync_id" in names:
        raise ValueError(ONE_IDENTITY)


def _locks_rows(using: str) -> bool:
    """Otherwise the whole database is locked."""
    return connections[using].features.has_select_for_update


class SyncManager(models.Manager.from_queryset(SyncQuerySet)):  # type: ignore[misc]
    """The default manager of every SyncModel."""

    def parked(self) -> list[ParkedRow]:
        """The rows of the model that devices pushed and that cannot be in the table yet, and why.

        They get in by themselves once nothing is in their way.
        """
        from .parked import parked_rows

        return parked_rows(self.model, self.db)


class BaseQuerySet(SyncQuerySet[M_co]):
    """What Django itself reads and writes rows through: related managers, `on_delete`."""

    def __bool__(self) -> bool:
        """Whether there are rows, without reading them: `on_delete` functions such as SET_DEFAULT
        are asked for only then, and rows that were read Django would update past us.
        """
        if self._result_cache is None and _is_set_on_delete(self.model):
            return self.exists()
        return super().__bool__()


class BaseManager(models.Manager.from_queryset(BaseQuerySet)):  # type: ignore[misc]
    """The base manager of every SyncModel that does not name one of its own."""


def give_base_manager(model: type[SyncModel]) -> None:
    """Have Django write the model's rows through a `BaseManager`, unless `base_manager_name` or a
    parent says otherwise.

    Not by that option, of which migrations would tell.
    """
    if model._meta.base_manager.auto_created:
        put_base_manager(model, BaseManager())


def put_base_manager(model: type[models.Model], manager: models.Manager[Any]) -> None:
    """Have Django read and write the model's rows through `manager`, for good: what Django has
    worked out of a model it forgets whenever another model is made.
    """
    meta: Any = model._meta
    manager.name, manager.model, manager.auto_created = "_base_manager", model, True
    meta.FORWARD_PROPERTIES = meta.FORWARD_PROPERTIES - {"base_manager"}
    meta.base_manager = manager


@cache
def _is_set_on_delete(model: type[models.Model]) -> bool:
    """Has the model foreign keys whose `on_delete` sets them, and does not say that it does?"""
    return any(
        field.is_relation
        and field.remote_field is not None
        and field.remote_field.on_delete not in _SETS_NOTHING
        and not getattr(field.remote_field.on_delete, "lazy_sub_objs", False)
        for field in model._meta.concrete_fields
    )


_SETS_NOTHING = (models.CASCADE, models.PROTECT, models.RESTRICT, models.DO_NOTHING)
