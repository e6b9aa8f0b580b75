"""Locking: rows first, then documents.

Laws:

1. A document's bytes are only changed by whoever holds its lock. One that is missing is inserted
   whole; two inserts of the same one cannot both succeed, and the loser starts again.
2. A push never waits for a row or a document, nor for a row that its foreign keys point to: it
   skips what is locked, without locking anything of that row, and comes back. So a user's own
   transaction is never the victim of a deadlock with a push, and one busy row delays nobody.
3. A push asks as many questions whether its rows are there or not: who may not see one must not
   learn of it by the time that an answer takes.
4. Where rows cannot be locked one by one (SQLite), the lock is the database's write lock, taken
   by a write before anything is read.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Collection, Container, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, TypeVar
from uuid import UUID

from django.db import DatabaseError, connections
from django.db.models import F, ForeignKey, Model, QuerySet

from .. import identity
from ..manager import BaseManager
from ..mapping.columns import columns_of
from ..mapping.inheritance import children_of, own_rows, parent_links
from ..mapping.keys import Keys
from ..mapping.schema import label_of
from ..prepared import OneOf, Prepared, is_fixed
from ..sql import among
from ..tables import Document

if TYPE_CHECKING:
    from ..sync_model import SyncModel

__all__ = ["Held", "busy_targets", "hold", "hold_documents", "hold_row", "hold_rows"]
__all__ += ["Stored", "is_about_locks", "lock_database", "stored_documents"]

M = TypeVar("M", bound=Model)

LOCK_WAIT_MS = 50
"""How long a push waits for a lock that cannot be skipped: another transaction's entry in a unique
index. Far below PostgreSQL's deadlock timeout of a second, after which it would choose a victim.
Not next to nothing, because PostgreSQL's own short locks (a file being extended) count as well."""

LOCK_STATES = frozenset({"40001", "40P01", "55P03"})
"""How PostgreSQL says that somebody else was there first (SQLSTATE)."""


@dataclass(slots=True)
class Stored:
    """What the table says of a document; no instance of its model, which takes ten times as long
    to make. Without primary key where it is new.
    """

    model: str
    sync_id: UUID
    pk: int | None = None
    state: bytes = b""
    version: int = 0
    deleted: bool = False
    scopes: list[str] = field(default_factory=list)
    parked: dict[str, Any] | None = None
    waiting: dict[str, Any] | None = None
    clocks: dict[str, int] | None = None
    is_counted: bool = field(init=False, default=False)
    """Are `clocks` others than when it was read?"""

    _marks: tuple[Any, Any] = field(init=False)
    """What `parked` and `waiting` were when it was read."""

    was_deleted: bool = field(init=False)
    """Was the row deleted when it was read?"""

    def __post_init__(self) -> None:
        self.was_deleted = self.deleted
        self._marks = (self.parked, dict(self.waiting) if self.waiting else None)

    def count(self, replica: int, clock: int) -> None:
        """Note that what `replica` wrote is merged, up to this clock."""
        known = self.clocks or {}
        if clock > known.get(str(replica), 0):
            self.clocks = {**known, str(replica): clock}
            self.is_counted = True

    @property
    def was_parked(self) -> bool:
        """Was it parked when it was read?"""
        return self._marks[0] is not None

    @property
    def was_marked(self) -> bool:
        """Was it parked or waiting when it was read?"""
        return self._marks != (None, None)

    @property
    def is_marked(self) -> bool:
        """Is it parked or waiting?"""
        return self.parked is not None or bool(self.waiting)

    @property
    def is_marked_anew(self) -> bool:
        """Is it parked or waiting, or was it, for another reason than when it was read?"""
        return (self.parked, self.waiting or None) != self._marks


@dataclass(slots=True)
class Held:
    """A row and its document, both locked until the transaction ends. `row` is None where there is
    none. `keys` knows what the rows of the batch refer to.
    """

    sync_id: UUID
    row: SyncModel | None
    document: Stored
    keys: Keys


def hold(
    model: type[SyncModel], using: str, ids: Collection[UUID], *, wait: bool
) -> dict[UUID, Held]:
    """Lock the rows and documents with these `sync_id`s; without `wait`, leaves out busy ones."""

    def all_rows() -> QuerySet[SyncModel]:
        return own_rows(model, using)

    rows = _rows_by(model, using, all_rows, "sync_id", ids, wait=wait)
    busy = _skipped(using, all_rows, ids, rows, wait=wait)
    held = hold_documents(model, using, set(ids) - busy, wait=wait, rows=rows)
    # A document without a row may be that of a row that came back since the rows were locked.
    for sync_id in _skipped(using, all_rows, held, rows, wait=wait):
        del held[sync_id]
    return held


def hold_documents(
    model: type[SyncModel],
    using: str,
    ids: Collection[UUID],
    *,
    wait: bool,
    rows: Mapping[UUID, SyncModel] = MappingProxyType({}),
) -> dict[UUID, Held]:
    """Lock the documents with these `sync_id`s, of `rows` that are locked already or not there."""
    keys = Keys(using, columns_of(model))
    keys.note(rows.values())
    label = label_of(model)
    locked = _stored(_LOCKED if wait else _NOT_BUSY, using, label, ids)

    def documents() -> QuerySet[Document]:
        return Document.objects.using(using).filter(model=label)

    busy = _skipped(using, documents, ids, locked, wait=wait)
    return {
        sync_id: Held(
            sync_id, rows.get(sync_id), locked.get(sync_id) or Stored(label, sync_id), keys
        )
        for sync_id in ids
        if sync_id not in busy
    }


def stored_documents(
    model: type[SyncModel], using: str, ids: Collection[UUID]
) -> dict[UUID, Stored]:
    """The documents with these `sync_id`s as they are, without a lock: to be read only."""
    return _stored(_UNLOCKED, using, label_of(model), ids)


def hold_row(model: type[SyncModel], using: str, pk: object) -> Held | None:
    """Lock one row by its primary key, then its document; None if there is no such row."""
    return next(iter(hold_rows(model, using, [pk])), None)


def hold_rows(model: type[SyncModel], using: str, pks: Collection[Any]) -> list[Held]:
    """Lock the rows with these primary keys, then their documents, in the order of the keys."""

    def all_rows() -> QuerySet[SyncModel]:
        return model._base_manager.using(using)

    rows = _rows_by(model, using, all_rows, "pk", pks, wait=True)
    return list(hold_documents(model, using, list(rows), wait=True, rows=rows).values())


def lock_database(using: str, *, wait: bool) -> None:
    """What has to come before the first lock: see laws 2 and 4."""
    identity.take_write_lock(using)
    if not wait:
        identity.limit_lock_waits(using, LOCK_WAIT_MS)


def is_about_locks(error: DatabaseError) -> bool:
    """Does the error say that somebody else was there first?"""
    locked = isinstance(error.__cause__, sqlite3.OperationalError) and "locked" in str(error)
    return locked or getattr(error.__cause__, "sqlstate", None) in LOCK_STATES


def busy_targets(field: ForeignKey[Any, Any], using: str, keys: Collection[Any]) -> Collection[Any]:
    """Those of the keys whose row somebody holds so that no foreign key may point to it now.

    The others are locked as the database's own check of the constraint would lock them, which waits
    where this skips. Keys of rows that are not there are not busy.
    """
    connection = connections[using]
    checked = getattr(field, "db_constraint", True)
    if connection.vendor != "postgresql" or not checked or not keys:
        return ()
    target: Any = field.target_field
    quote = connection.ops.quote_name
    column, table = quote(target.column), quote(target.model._meta.db_table)
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT {column} FROM {table} WHERE {column} = ANY(%s) FOR KEY SHARE SKIP LOCKED",  # noqa: S608
            [[target.get_db_prep_value(key, connection) for key in keys]],
        )
        free = {target.to_python(key) for (key,) in cursor.fetchall()}
    left = {key for key in keys if target.to_python(key) not in free}
    if not left:
        return ()
    there = target.model._base_manager.using(using).filter(**{f"{target.attname}__in": left})
    return set(there.values_list(target.attname, flat=True))


def _stored(
    documents: Prepared, using: str, label: str, ids: Collection[UUID]
) -> dict[UUID, Stored]:
    return {
        sync_id: Stored(model, sync_id, pk, bytes(state), *rest)
        for model, sync_id, pk, state, *rest in documents.rows(using, label, list(ids))
    }


def _documents(label: Any, ids: Any) -> QuerySet[Document, Any]:
    content = ("state", "version", "deleted", "scopes", "parked", "waiting", "clocks")
    found = Document.objects.filter(OneOf(F("sync_id"), ids), model=label).order_by("pk")
    return found.values_list("model", "sync_id", "pk", *content)


_UNLOCKED = Prepared(_documents)
_LOCKED = Prepared(lambda *slots: _documents(*slots).select_for_update(no_key=True))
_NOT_BUSY = Prepared(
    lambda *slots: _documents(*slots).select_for_update(no_key=True, skip_locked=True)
)


@cache
def _is_plain(model: type[SyncModel]) -> bool:
    """Are its rows those of one table, and is the query for them always the same?"""
    manager = model._base_manager
    is_spread = bool(model._meta.parents or children_of(model))
    return not is_spread and (type(manager) is BaseManager or is_fixed(manager))


def _rows_by(
    model: type[SyncModel],
    using: str,
    all_rows: Callable[[], QuerySet[SyncModel]],
    name: str,
    values: Collection[Any],
    *,
    wait: bool,
) -> dict[UUID, SyncModel]:
    """Lock those of the rows whose field holds one of the values, in the order of their keys."""
    if _is_plain(model):
        found = _prepared_rows(model, name, wait).rows(using, list(values))
        columns = _columns(model)
        rows: Iterable[SyncModel] = (model.from_db(using, columns, row) for row in found)
    else:
        rows = _lockable(all_rows().filter(among(using, name, values)), wait=wait).order_by("pk")
    return {row.sync_id: row for row in rows}


@cache
def _prepared_rows(model: type[SyncModel], name: str, wait: bool) -> Prepared:
    def build(values: Any) -> Any:
        chosen = model._base_manager.filter(OneOf(F(name), values)).order_by("pk")
        locked = chosen.select_for_update(skip_locked=not wait, of=("self",), no_key=True)
        return locked.values_list(*_columns(model))

    return Prepared(build)


@cache
def _columns(model: type[SyncModel]) -> tuple[str, ...]:
    return tuple(field.attname for field in model._meta.concrete_fields)


def _lockable(rows: QuerySet[M], *, wait: bool) -> QuerySet[M]:
    """Locked in all tables that the rows are spread over."""
    if not connections[rows.db].features.has_select_for_update:
        return rows
    skip = not wait and connections[rows.db].features.has_select_for_update_skip_locked
    of = ("self", *parent_links(rows.model))
    return rows.select_for_update(skip_locked=skip, of=of, no_key=True)


def _skipped(
    using: str,
    rows: Callable[[], QuerySet[Any]],
    ids: Collection[UUID],
    locked: Container[UUID],
    *,
    wait: bool,
) -> set[UUID]:
    """Those of the ids, of which no row was locked, that are there: somebody holds them."""
    if wait or not ids or not connections[using].features.has_select_for_update_skip_locked:
        return set()
    there = rows().filter(sync_id__in=list(ids)).values_list("sync_id", flat=True)
    return {sync_id for sync_id in there if sync_id not in locked}
