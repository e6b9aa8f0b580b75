"""The feed: in which order documents changed, per scope.

Laws:

1. A writer's own transaction only inserts outbox rows. Positions are given out later, by the
   stamper, in a short transaction of its own that holds the clock row: whoever has read a head has
   every position up to it committed before its eyes, so no reader ever skips a row.
2. Whoever delivers next stamps: a commit, a pull, a ping. A crash between a commit and its
   stamping heals there. Who finds that somebody else does not get done with it goes on without.
3. Positions are microseconds, or one more than the last: they tell nobody how much others write.
4. A page ends at a head that was read before the page. One behind which something was purged by
   then begins a complete listing.
5. Nothing is told to anybody before it is committed, not even where the caller keeps a
   transaction open around the stamping.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple
from uuid import UUID

from django.db import OperationalError, connections, transaction
from django.db.models import F, Q
from pycrdt import merge_updates

from crdt.document import Document as CrdtDocument
from crdt.messages import Listing

from .. import awaiting, identity
from ..broken import is_readable
from ..conf import conf
from ..prepared import OneOf, Prepared
from ..sql import delete_many, update_many, upsert_many
from ..tables import Document, Feed, Outbox, Scope
from ..visibility import scopes
from . import hints
from .pages import Change, Heads, Page

if TYPE_CHECKING:
    from django.contrib.auth.base_user import AbstractBaseUser

__all__ = ["ACCESS", "admit_after_commit", "documents", "pull", "scope_heads", "stamp"]
__all__ += ["stamp_after_commit"]

STAMPED_AT_ONCE = 1_000
"""Outbox rows stamped in one transaction: bounds how long the clock row is held."""

STAMP_WAIT_MS = 2_000
"""How long to wait for another stamper. They take milliseconds; but one whose machine died keeps
its lock until the database notices, and no commit and no ping is to wait for that."""

ACCESS = 0
"""In the outbox, the document that there is not: who reads the scope has changed."""

_SCOPES = Prepared(
    lambda keys: Scope.objects.filter(OneOf(F("key"), keys)).values_list(
        "pk", "key", "head", "purged", "access"
    )
)
_ANY_OUTBOX = Prepared(lambda: Outbox.objects.values_list("pk")[:1])
_NAMES = Prepared(
    lambda keys: Document.objects.filter(OneOf(F("pk"), keys)).values_list(
        "pk", "model", "sync_id", "scopes"
    )
)
_DOCUMENTS = Prepared(
    lambda keys: Document.objects.filter(OneOf(F("pk"), keys)).values_list(
        "pk", "model", "sync_id", "state", "scopes"
    )
)

logger = logging.getLogger("django_pulse")


def scope_heads(user: AbstractBaseUser) -> Heads:
    """The scopes that `user` reads, with the position of the latest change in each."""
    by_database: dict[str, list[str]] = {}
    for key, using in scopes.of_user(user).items():
        by_database.setdefault(using, []).append(key)
    heads = Heads()
    for using, keys in by_database.items():
        stamp(using)
        found = _scopes(using, keys)
        for key in keys:
            row = found.get(key)
            heads[key], heads.access[key] = (row.head, row.access) if row else (0, 0)
    return heads


def pull(scope: str, cursor: int, limit: int | None = None, begun: int = -1) -> Page:
    """The next page of `scope` behind position `cursor`, of at most `limit` rows.

    Where the feed has forgotten something behind the cursor, the page begins a complete listing, or
    goes on with one: `begun` is the head at which that was. So does a cursor beyond the head, which
    is none of this feed's.
    """
    using = scope.partition("/")[0]
    limit = min(limit or conf.PAGE_ROWS, conf.PAGE_ROWS)
    while True:
        row = _scopes(using, [scope]).get(scope)
        if row is None:
            return Page(scope, cursor, cursor, False, (), ())
        start, listing = cursor, None
        if not row.purged <= cursor <= row.head:
            goes_on = begun >= row.purged and cursor <= row.head
            start = cursor if goes_on else 0
            listing = Listing(row.purged, begun if goes_on else row.head)
        page = _page(using, row, start, limit, listing)
        if page is not None:
            return page


def _page(
    using: str, row: _ScopeRow, cursor: int, limit: int, listing: Listing | None
) -> Page | None:
    """The page behind `cursor`; None if something was purged while it was read."""
    scope = row.key
    found = _entries(limit + 1).rows(using, row.pk, cursor, row.head)
    rows = _documents(using, [document for _, _, document, _ in found[:limit]])
    if not found or len(rows) < min(len(found), limit) or found[0][3] != row.purged:
        purged = Scope.objects.using(using).filter(pk=row.pk).values_list("purged", flat=True)
        if purged.get() != row.purged:
            return None
    items: list[Change] = []
    leaves: list[tuple[str, UUID]] = []
    end, size = cursor, 0
    for position, present, document, _ in found[:limit]:
        if document not in rows:  # somebody deleted it from our table
            end = position
            continue
        change, in_scopes = rows[document]
        if present and scope in in_scopes:
            size += len(change.update)
            if items and size > conf.PAGE_BYTES:
                return Page(scope, cursor, end, True, tuple(items), tuple(leaves), listing=listing)
            items.append(change)
        else:  # it left; where that is not stamped yet, its new state is none of their business
            leaves.append((change.model, change.id))
        end = position
    more = len(found) > limit
    end = end if more else row.head
    return Page(scope, cursor, end, more, tuple(items), tuple(leaves), listing=listing)


def documents(user: AbstractBaseUser, keys: Iterable[tuple[str, UUID]]) -> list[Change]:
    """Those of the documents that `user` may see, or that wait for their row since he pushed them,
    whole; the others are passed over.
    """
    by_model: dict[str, list[UUID]] = {}
    for model, sync_id in keys:
        by_model.setdefault(model, []).append(sync_id)
    wanted = Q(pk__in=[])
    for model, ids in by_model.items():
        wanted |= Q(model=model, sync_id__in=ids)
    visible = scopes.of_user(user)
    return [
        Change(row.model, row.sync_id, bytes(row.state) if is_seen else _waiting(row))
        for using in sorted(set(visible.values()))
        for row in Document.objects.using(using).filter(wanted)
        if (is_seen := any(key in visible for key in row.scopes)) or _waits_for(row, user)
    ]


def _waits_for(document: Document, user: AbstractBaseUser) -> bool:
    """Did this user push it, and is it parked?"""
    return document.parked is not None and document.parked["user"] == str(user.pk)


def _waiting(document: Document) -> bytes:
    """What waits. What is broken counts for empty, as it will be once it is repaired: his device
    keeps what it has, and pushes that again when it is told.
    """
    state = bytes(document.state)
    return state if is_readable(state) else CrdtDocument().encode()


def stamp_after_commit(using: str) -> None:
    """Stamp once the transaction has committed; once, however often this is called in it."""
    connection = connections[using]
    here = set(connection.savepoint_ids)
    for savepoints, callback, *_ in reversed(connection.run_on_commit):
        if isinstance(callback, _Stamping) and savepoints <= here:
            return  # where a rollback could still take it away, another one is needed
    transaction.on_commit(_Stamping(using), using=using, robust=True)


def admit_after_commit(using: str) -> None:
    """Once the transaction has committed, let in the rows that waited for what it brought."""
    from ..writes.pushes.admitting import admit  # which writes, and so comes back here

    transaction.on_commit(lambda: admit(using), using=using, robust=True)


def stamp(using: str) -> None:
    """Give every committed outbox row its position, and tell the scopes' listeners."""
    more = True
    while more and _ANY_OUTBOX.rows(using):
        try:
            more = _stamp_some(using)
        except OperationalError as error:
            logger.warning("Stamping is left to the next to come by: %s", error)
            return


def _stamp_some(using: str) -> bool:
    """Stamp what is waiting, as far as that is good at once; says whether there may be more."""
    nested = connections[using].in_atomic_block  # the limit would outlast us there
    with transaction.atomic(using=using):
        if not nested:
            identity.limit_lock_waits(using, STAMP_WAIT_MS)
        clock = identity.clock(using, lock=True)
        waiting = [_Waiting(*row) for row in _oldest(STAMPED_AT_ONCE).rows(using)]
        for page in _stamped(using, clock, waiting):
            transaction.on_commit(_Broadcast(page), using=using, robust=True)
    return len(waiting) == STAMPED_AT_ONCE


class _Stamping:
    """Stamps when it is called."""

    def __init__(self, using: str) -> None:
        self.using = using
        self.__qualname__ = "feed.stamp"  # Django's log calls it so if it fails

    def __call__(self) -> None:
        stamp(self.using)


class _Broadcast:
    """Broadcasts a page when it is called."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.__qualname__ = "hints.broadcast"

    def __call__(self) -> None:
        hints.broadcast(self.page)


class _Waiting(NamedTuple):
    """An outbox row."""

    pk: int
    scope: str
    document: int
    update: bytes | memoryview


def _stamped(using: str, clock: identity.ClockRow, waiting: Sequence[_Waiting]) -> list[Page]:
    """Write the positions of `waiting`; returns what to broadcast, a page per scope."""
    if not waiting:
        return []
    delete_many(Outbox, using, [row.pk for row in waiting])
    documents = _names(using, {row.document for row in waiting})
    if awaiting.wake(using, [(named.model, named.id) for named in documents.values()]):
        admit_after_commit(using)
    turned = {row.scope for row in waiting if row.document == ACCESS}
    waiting = [row for row in waiting if row.scope and row.document in documents]
    rows = _scope_rows(using, turned | {row.scope for row in waiting})
    for key in turned:
        rows[key].access += 1
    update_many(Scope, using, ("access",), [(rows[key].pk, (rows[key].access,)) for key in turned])
    if not waiting:
        return []
    latest = dict.fromkeys((row.scope, row.document) for row in reversed(waiting))
    positions = _positions(clock, len(latest))
    heads = {}
    entries = []
    for scope, document in reversed(latest):
        heads[scope] = next(positions)
        present = scope in documents[document].scopes
        entries.append((rows[scope].pk, document, heads[scope], present))
    upsert_many(
        Feed,
        using,
        ("scope", "document", "position", "present"),
        entries,
        unique=("scope", "document"),
    )
    update_many(Scope, using, ("head",), [(rows[key].pk, (head,)) for key, head in heads.items()])
    identity.store_position(using, clock)
    return [_live_page(rows[key], head, waiting, documents) for key, head in heads.items()]


def _positions(clock: identity.ClockRow, count: int) -> Iterator[int]:
    """The next `count` positions; leaves the last of them in `clock`."""
    first = max(clock.position + 1, time.time_ns() // 1_000)
    clock.position = first + count - 1
    return iter(range(first, first + count))


@dataclass(slots=True)
class _ScopeRow:
    """What the table says of a scope."""

    pk: int
    key: str
    head: int
    purged: int
    access: int


def _scope_rows(using: str, keys: set[str]) -> dict[str, _ScopeRow]:
    """The scopes' rows, made where they are missing; the clock row keeps others out."""
    rows = _scopes(using, keys)
    missing = keys - rows.keys()
    if missing:
        Scope.objects.using(using).bulk_create([Scope(key=key) for key in sorted(missing)])
        rows = _scopes(using, keys)
    return rows


def _scopes(using: str, keys: Iterable[str]) -> dict[str, _ScopeRow]:
    """Those of the scopes that have a row."""
    return {row[1]: _ScopeRow(*row) for row in _SCOPES.rows(using, list(keys))}


@lru_cache(maxsize=8)
def _oldest(limit: int) -> Prepared:
    """The outbox rows that wait the longest."""
    return Prepared(
        lambda: Outbox.objects.order_by("pk").values_list("pk", "scope", "document_id", "update")[
            :limit
        ]
    )


@lru_cache(maxsize=64)
def _entries(limit: int) -> Prepared:
    """The first entries of a scope's feed behind a cursor, up to a head."""
    return Prepared(
        lambda scope, cursor, head: (
            Feed.objects.filter(scope=scope, position__gt=cursor, position__lte=head)
            .order_by("position")
            .values_list("position", "present", "document_id", "scope__purged")[:limit]
        )
    )


def _live_page(
    row_of_scope: _ScopeRow,
    end: int,
    waiting: Sequence[_Waiting],
    documents: Mapping[int, _Named],
) -> Page:
    """What to broadcast: the changes themselves, unless they are too large."""
    scope, start, access = row_of_scope.key, row_of_scope.head, row_of_scope.access
    waiting = [row for row in waiting if row.scope == scope]
    if sum(len(row.update) for row in waiting) > conf.HINT_MAX_BYTES:
        return Page(scope, start, end, True, (), (), access)
    updates: dict[tuple[str, UUID], list[bytes]] = {}  # a frame names each document once
    leaves: dict[tuple[str, UUID], None] = {}  # a set that keeps its order
    for row in waiting:
        named = documents[row.document]
        if scope not in named.scopes:
            leaves[named.model, named.id] = None
        elif row.update:
            updates.setdefault((named.model, named.id), []).append(bytes(row.update))
    items = tuple(
        Change(*key, found[0] if len(found) == 1 else merge_updates(*found))
        for key, found in updates.items()
    )
    return Page(scope, start, end, False, items, tuple(leaves), access)


class _Named(NamedTuple):
    """Which document it is, and which scopes it is in."""

    model: str
    id: UUID
    scopes: list[str]


def _names(using: str, keys: set[int]) -> Mapping[int, _Named]:
    return {pk: _Named(*named) for pk, *named in _NAMES.rows(using, list(keys))}


def _documents(using: str, ids: Sequence[int]) -> Mapping[int, tuple[Change, list[str]]]:
    """The documents of these ids, whole, and the scopes each is in."""
    return {
        pk: (Change(model, sync_id, bytes(state)), in_scopes)
        for pk, model, sync_id, state, in_scopes in _DOCUMENTS.rows(using, list(ids))
    }
