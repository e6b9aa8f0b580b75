"""Absorbing: rows that were written past their instances are compared with their documents.

The differences become server entries, in the transaction that wrote the rows.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

from django.db import connections, models, transaction

from crdt.document import Document

from .. import identity
from ..broken import is_broken
from ..mapping.inheritance import by_model
from ..mapping.schema import schema_of
from ..visibility import scopes
from .locking import Held, hold_rows, lock_database
from .merging import Merged
from .storing import store_documents, store_rows, update_rows

if TYPE_CHECKING:
    from ..sync_model import SyncModel

__all__ = ["ABSORBED_AT_ONCE", "absorb_after_commit", "absorb_rows", "after_parent_save", "begin"]

ABSORBED_AT_ONCE = 500
"""Rows of a bulk write that are mirrored by one set of statements: bounds what is in memory."""


def absorb_rows(
    model: type[SyncModel], using: str, pks: Iterable[Any], *, again: bool = True
) -> None:
    """Mirror rows that were just written; a few queries per `ABSORBED_AT_ONCE` of them.

    Those that are linked to rows which are not there yet are mirrored `again` after the commit.
    """
    keys = list(pks)
    for start in range(0, len(keys), ABSORBED_AT_ONCE):
        some = keys[start : start + ABSORBED_AT_ONCE]
        for derived, own in by_model(model, using, some).items():
            if not _absorb(derived, using, own) and again:
                absorb_after_commit(derived, using, own)


def absorb_after_commit(model: type[SyncModel], using: str, pks: Iterable[Any]) -> None:
    """Mirror rows once what they refer to is there: when the transaction has committed."""
    connection = connections[using]
    here = set(connection.savepoint_ids)
    for savepoints, callback, *_ in reversed(connection.run_on_commit):
        if isinstance(callback, _Later) and callback.model is model and savepoints <= here:
            callback.pks.update(dict.fromkeys(pks))
            return
    transaction.on_commit(_Later(model, using, dict.fromkeys(pks)), using=using, robust=True)


class _Later:
    """Rows to be absorbed once their transaction has committed."""

    def __init__(self, model: type[SyncModel], using: str, pks: dict[Any, None]) -> None:
        self.model, self.using, self.pks = model, using, pks
        self.__qualname__ = "absorbing.absorb_rows"  # Django's log calls it so if it fails

    def __call__(self) -> None:
        with transaction.atomic(using=self.using):
            lock_database(self.using, wait=True)
            absorb_rows(self.model, self.using, self.pks, again=False)


def after_parent_save(
    sender: type[models.Model], instance: models.Model, using: str, **kwargs: Any
) -> None:
    """Mirror a row that was saved as one of a parent model that does not sync."""
    found = by_model(sender, using, [instance.pk])
    with transaction.atomic(using=using) if found else nullcontext():
        for derived, own in found.items():
            identity.take_write_lock(using)
            absorb_rows(derived, using, own)


def _absorb(model: type[SyncModel], using: str, pks: Sequence[Any]) -> bool:
    """Says whether everything that the rows are linked to is there."""
    held = hold_rows(model, using, pks)
    replica = identity.replica_id(using)
    merges = [begin(each, replica) for each in held]
    _note_moves(merges, using)
    changed = [merged for merged in merges if merged.changed]
    for merged in changed:
        merged.compact()
    store_rows(model, using, changed)
    store_documents(using, changed)
    _restore_versions(model, using, merges)
    return not any(each.keys.links_to_nothing for each in held[:1])  # all have the same


def begin(held: Held, replica: int, *, absorbed: bool = True) -> Merged:
    """Begin to write into the document of a row that is there."""
    assert held.row is not None, "whoever saves has a row"
    schema = schema_of(type(held.row))
    now_ms = time.time_ns() // 1_000_000
    if absorbed:
        return Merged.begin(held, schema, replica, now_ms)
    try:
        document = Document(bytes(held.document.state), replica)
    except BaseException as error:
        if not is_broken(error):
            raise
        return Merged.mirrored(held, schema, replica, now_ms)
    return Merged(held, schema, now_ms, document, schema.read(document))


def _restore_versions(model: type[SyncModel], using: str, merges: Sequence[Merged]) -> None:
    """A row's version is its document's, whatever was written to the column."""
    wrong = []
    for merged in merges:
        row, version = merged.row, merged.held.document.version
        if row is not None and row.version != version:
            row.version = version
            wrong.append((row, ()))
    update_rows(model, using, wrong)


def _note_moves(merges: Sequence[Merged], using: str) -> None:
    """A row may have entered or left a scope by what is in no document."""
    rows = [merged.row for merged in merges if merged.row is not None]
    for merged, found in zip(merges, scopes.of_rows(rows, using), strict=True):
        merged.changed |= found != merged.held.document.scopes
