"""Pushes: the one way in for what devices wrote.

    batches of one model, each in a transaction (`batches`) -> commit -> stamp, hint -> ack

Laws:

1. A result is returned only after the transaction that holds its document, row, outbox row and
   outcome has committed.
2. One row that cannot be stored never takes others with it: a batch that fails is halved until
   the row stands alone. Then it is found out what is wrong with it; before, nobody asks.
3. A busy row is left out and tried again by itself, while no locks are held. Whatever the database
   says about itself, and not about the row, counts as busy: then nobody's edit is turned down.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING
from uuid import UUID

from django.db import DatabaseError, DataError, IntegrityError, InterfaceError, transaction
from django.db.models import ProtectedError, RestrictedError

from ...awaiting import depth
from ...mapping.schema import model_of
from ...visibility import scopes
from ..locking import is_about_locks
from .batches import Batch, Results, merge
from .items import ItemResult, PushItem, Upload, refused
from .joining import BusyError
from .outcomes import there_by_now
from .permitting import UnansweredError
from .placing import UnseenError
from .reaching import NO_SUCH_ROW
from .undoing import LargeError

if TYPE_CHECKING:
    from django.contrib.auth.base_user import AbstractBaseUser
    from django.contrib.auth.models import AnonymousUser

__all__ = ["push", "stored"]

BUSY_PAUSES = (0.01, 0.03, 0.1)
"""Seconds before each further try of rows that somebody holds. Then the client is told, and tries
later: a thread of the server is not to be slept in for long."""

PATIENCE_SECONDS = 1.0
"""Seconds after which a frame's rows that are still busy are answered so, without another try.
A batch that fails is halved, and every part of it may meet the same lock."""

MOST_TRIES = 2
"""Times that a row which was turned down when it was stored is tried again: once with what is found
wrong with it put right, and once with all of the push put aside."""

BUSY = ItemResult("busy")

UNANSWERED = ItemResult("busy", code="unanswered")
"""What comes of a fault in `can_sync`: for the client the same, and not worth another try now."""

READ_ONLY = "Whoever is not signed in reads, and writes nothing: sign in, and make the edit again."

PROTECTED = "protected"
"""The code of a deletion that other rows do not let happen."""

logger = logging.getLogger("django_pulse")


def push(
    user: AbstractBaseUser | AnonymousUser, replica: int, items: Sequence[PushItem | Upload]
) -> list[ItemResult]:
    """Merge what `user`'s device wrote as `replica`; returns what became of each item, in order.

    To be called outside a transaction. Raises nothing because of the items. Whoever is not signed
    in writes nothing.
    """
    if user.is_anonymous:
        return [refused("forbidden", READ_ONLY) for _ in items]
    results: Results = {}
    deadline = time.monotonic() + PATIENCE_SECONDS
    protected = []
    for batch in _batches(user, replica, items, results):
        results |= stored(batch, deadline)
        for pause in BUSY_PAUSES:
            busy = [place for place in batch.items if results[place] == BUSY]
            if not busy or time.monotonic() > deadline:
                break
            time.sleep(pause)
            results |= stored(batch.of(busy), deadline)
        kept = [place for place in batch.items if results[place].code == PROTECTED]
        protected += [replace(batch.of(kept), last=True)] if kept else []
    for batch in reversed(protected):  # what refers to others goes first
        results |= stored(batch, deadline)
    results |= there_by_now(items, results)
    return [results[place] for place in range(len(items))]


def _batches(
    user: AbstractBaseUser, replica: int, items: Sequence[PushItem | Upload], results: Results
) -> Iterator[Batch]:
    """The items by model, each row once in a batch; what names no model is answered at once.

    Models come after those they refer to, so that little has to wait.
    """
    rounds: dict[tuple[str, int], dict[int, PushItem | Upload]] = {}
    seen: dict[tuple[str, UUID], int] = {}
    for place, item in enumerate(items):
        if model_of(item.model) is None:
            results[place] = refused("unknown_model", f"There is no model {item.model!r} here.")
            continue
        nth = seen[item.model, item.id] = seen.get((item.model, item.id), -1) + 1
        rounds.setdefault((item.model, nth), {})[place] = item
    found = []
    for (label, nth), batch in rounds.items():
        model = model_of(label)
        assert model is not None
        found.append((nth, depth(model), model, batch))
    for _, _, model, batch in sorted(found, key=lambda each: each[:2]):
        yield Batch(user, replica, model, scopes.database_of(model), batch)


def stored(batch: Batch, deadline: float) -> Results:
    """Merge and commit a batch; where that fails, halve it. Returns what became of each item."""
    try:
        with transaction.atomic(using=batch.using):
            return merge(batch)
    except BaseException as error:
        if not _is_contained(error):
            raise
        places = list(batch.items)
        passing = _says_nothing_of_the_row(error)
        if passing and time.monotonic() > deadline:
            return dict.fromkeys(places, _passing(batch.items[places[0]], error))
        if len(places) > 1:
            middle = len(places) // 2
            first = stored(batch.of(places[:middle]), deadline)
            return first | stored(batch.of(places[middle:]), deadline)
        if isinstance(error, (ProtectedError, RestrictedError)) and not batch.last:
            # What protects it may be deleted in this very frame.
            return {places[0]: ItemResult("busy", code=PROTECTED)}
        turned_down = isinstance(error, (IntegrityError, DataError, UnseenError, LargeError))
        if turned_down and batch.tries < MOST_TRIES:
            return stored(replace(batch, tries=batch.tries + 1, cause=error), deadline)
        return {places[0]: _failure(batch.items[places[0]], error, passing=passing)}


def _failure(item: PushItem | Upload, error: BaseException, *, passing: bool) -> ItemResult:
    if passing:
        return _passing(item, error)
    if isinstance(error, UnseenError):
        return refused("forbidden", NO_SUCH_ROW)
    if isinstance(error, LargeError):
        first = next(iter(error.texts.values()))
        return refused(first["code"], first["message"])
    if isinstance(error, DatabaseError):
        logger.info("A push to %s %s was refused: %s", item.model, item.id, error)
        return refused("constraint", "The database's constraints do not allow this row.")
    logger.error("A push to %s %s failed.", item.model, item.id, exc_info=error)
    return refused("internal", "The server could not store this row; its log says why.")


def _passing(item: PushItem | Upload, error: BaseException) -> ItemResult:
    if isinstance(error, UnansweredError):
        logger.error("A push to %s %s: %s", item.model, item.id, error, exc_info=error)
        return UNANSWERED
    if not (isinstance(error, DatabaseError) and is_about_locks(error)):
        logger.warning("A push to %s %s has to be tried again: %s", item.model, item.id, error)
    return BUSY


def _says_nothing_of_the_row(error: BaseException) -> bool:
    """A lock, a lost connection, a missing table, a mistake in the project's own `can_sync`: the
    same push may well succeed later.
    """
    about_the_row = isinstance(error, (IntegrityError, DataError))
    passing = isinstance(error, (DatabaseError, InterfaceError, BusyError, UnansweredError))
    return passing and not about_the_row


def _is_contained(error: BaseException) -> bool:
    """May it be answered? The CRDT library's panics are no `Exception`s, and about a document."""
    return isinstance(error, Exception) or type(error).__name__ == "PanicException"
