"""Verifying: does every row say what its document says, and the feed that it is there?

Columns that raw SQL or historical models changed reach devices with the row's next write only.
This finds them, and with `fix` takes them in as the write path would have.

Laws:

1. Rows and documents are read without locks. What looks wrong is looked at again under them, and
   only then told of: nobody's write in between is a finding.
2. The row is right and the document follows. A column is changed only where its rule says that what
   was there wins.
3. What was found in a batch is put right in one transaction, by the statements of the write path.
   A second run finds nothing.
4. A document that cannot be read is rebuilt from its row. Its bytes are logged before. One that is
   parked has no row: it is emptied, and whoever pushed it is told to push it again.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING
from uuid import UUID

from django.db import transaction

from .. import identity
from ..mapping.columns import columns_of
from ..mapping.inheritance import own_rows
from ..mapping.keys import Keys
from ..mapping.schema import label_of, schema_of
from ..tables import Document
from ..visibility import scopes
from ..writes.locking import Held, Stored, hold, lock_database, stored_documents
from ..writes.repairing import ask_again, repaired
from ..writes.storing import store_documents, store_rows
from .diagnosis import Finding, diagnose, feeds_of
from .sweeping import breath, patiently, steps

if TYPE_CHECKING:
    from ..sync_model import SyncModel

__all__ = ["VERIFIED_AT_ONCE", "Verified", "verify"]

VERIFIED_AT_ONCE = 500
"""Rows read at once, and put right in one transaction: well under a second of locks."""


@dataclass(frozen=True, slots=True)
class Verified:
    """One step: how many rows and documents were looked at, what was found, how many rows somebody
    held so that they could not be looked at closely.
    """

    looked: int
    findings: tuple[Finding, ...] = ()
    busy: int = 0


def verify(
    model: type[SyncModel],
    using: str,
    *,
    fix: bool = False,
    batch_size: int = VERIFIED_AT_ONCE,
    rest: Callable[[float], None] = time.sleep,
) -> Iterator[Verified]:
    """Compare every row of `model` with its document, and every document with its row.

    To be called outside a transaction. `rest` is called with seconds to wait.
    """
    check = _Check(model, using, fix, rest)
    for keys in steps(own_rows(model, using), batch_size):
        yield check.rows(keys)
    for keys in steps(Document.objects.using(using).filter(model=label_of(model)), batch_size):
        yield check.rowless(keys)


@dataclass(frozen=True, slots=True)
class _Looked:
    """Rows that look wrong, by their `sync_id`s, and findings about those that cannot be read."""

    suspects: tuple[UUID, ...] = ()
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True, slots=True)
class _Check:
    """What is the same for all steps of one run."""

    model: type[SyncModel]
    using: str
    fix: bool
    rest: Callable[[float], None]

    def rows(self, keys: Sequence[object]) -> Verified:
        """Look at the rows with these primary keys."""
        found, _ = patiently(self._read, keys, self._unreadable, self.rest)
        suspects = [sync_id for each in found for sync_id in each.suspects]
        findings = [finding for each in found for finding in each.findings]
        return self._closely(len(keys), suspects, findings)

    def rowless(self, keys: Sequence[int]) -> Verified:
        """Look at those of the documents with these primary keys that have no row."""
        of_keys = Document.objects.using(self.using).filter(pk__in=keys)
        ids = set(of_keys.values_list("sync_id", flat=True))
        rows = own_rows(self.model, self.using).filter(sync_id__in=ids)
        gone = ids - set(rows.values_list("sync_id", flat=True))
        stored = stored_documents(self.model, self.using, gone)
        wrong = self._diagnosed([(None, each) for each in stored.values()])
        return self._closely(len(gone), [one.sync_id for one in wrong if one.sync_id], [])

    def _read(self, keys: Sequence[object]) -> tuple[_Looked, Sequence[object]]:
        """Those of the rows that look wrong."""
        rows = list(own_rows(self.model, self.using).filter(pk__in=keys))
        stored = stored_documents(self.model, self.using, [row.sync_id for row in rows])
        label = label_of(self.model)
        cases = [(row, stored.get(row.sync_id) or Stored(label, row.sync_id)) for row in rows]
        wrong = self._diagnosed(cases)
        return _Looked(tuple(one.sync_id for one in wrong if one.sync_id)), ()

    def _diagnosed(self, cases: Sequence[tuple[SyncModel | None, Stored]]) -> list[Finding]:
        feeds = feeds_of(self.using, [stored for _, stored in cases])
        rows = [row for row, _ in cases if row is not None]
        keys = Keys(self.using, columns_of(self.model))
        keys.note(rows)
        schema = schema_of(self.model)
        in_scopes = iter(scopes.of_rows(rows, self.using))
        found: list[Finding] = []
        for row, stored in cases:
            belongs = () if row is None else next(in_scopes)
            found += diagnose(row, stored, schema, keys, belongs, feeds)
        return found

    def _closely(
        self, looked: int, suspects: Iterable[UUID], findings: Sequence[Finding]
    ) -> Verified:
        """Look at the suspects again, under locks, and put right what is wrong."""
        ids = list(dict.fromkeys(suspects))
        if not ids:
            return Verified(looked, tuple(findings))
        with breath(self.using, self.rest):
            parts, busy = patiently(self._settled, ids, self._unfit, self.rest)
        found = (*findings, *(finding for part in parts for finding in part))
        return Verified(looked, found, len(busy))

    def _settled(self, ids: Sequence[UUID]) -> tuple[tuple[Finding, ...], Sequence[UUID]]:
        """One transaction: what is wrong with the rows that nobody holds, and the others."""
        with transaction.atomic(using=self.using):
            lock_database(self.using, wait=False)
            held = hold(self.model, self.using, ids, wait=False)
            ordered = [held[sync_id] for sync_id in ids if sync_id in held]
            wrong = self._diagnosed([(each.row, each.document) for each in ordered])
            fixed = self._fixed(held, wrong) if self.fix and wrong else frozenset()
        found = tuple(replace(one, fixed=one.sync_id in fixed) for one in wrong)
        return found, [sync_id for sync_id in ids if sync_id not in held]

    def _fixed(self, held: Mapping[UUID, Held], wrong: Iterable[Finding]) -> Collection[UUID]:
        """Put right what is wrong, where that can be; returns which rows that was."""
        found: dict[UUID, set[str]] = {}
        for one in wrong:
            assert one.sync_id is not None, "held by it"
            found.setdefault(one.sync_id, set()).add(one.kind)
        replica, now_ms = identity.replica_id(self.using), time.time_ns() // 1_000_000
        merges = [
            repaired(held[sync_id], kinds, schema_of(self.model), replica, now_ms)
            for sync_id, kinds in found.items()
            if "unfit" not in kinds
        ]
        store_rows(self.model, self.using, merges)
        store_documents(self.using, merges)
        ask_again(self.using, merges)
        return {merged.held.sync_id for merged in merges}

    def _unreadable(self, key: object, reason: str) -> _Looked:
        return _Looked(findings=(Finding(label_of(self.model), "unfit", pk=key, reason=reason),))

    def _unfit(self, sync_id: UUID, reason: str) -> tuple[Finding, ...]:
        return (Finding(label_of(self.model), "unfit", sync_id, reason=reason),)
