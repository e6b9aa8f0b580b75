"""Going through a table of any size, in steps of a bounded size.

Laws:

1. No query gives more rows than one step has, however many the table has, and every step takes the
   same number of queries.
2. A row that stays where it is comes once. The table may change meanwhile: who works on a step
   looks again at what he was given, under a lock.
3. One row that cannot be read or stored never takes others with it: a step that fails is halved
   until the row stands alone.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

from django.core.exceptions import ValidationError
from django.db import DatabaseError, DataError, IntegrityError, InterfaceError, connections, models

from ..writes.locking import is_about_locks

__all__ = ["breath", "is_about_rows", "patiently", "reason_of", "steps"]

K = TypeVar("K")
M = TypeVar("M", bound=models.Model)
T = TypeVar("T")

PAUSES = (0.05, 0.2, 1.0)
"""Seconds before each further try of rows that somebody holds."""

BREATH = 0.25
"""Seconds of rest per second of work, where the whole database is locked (SQLite): those who wait
for it look again ten times a second, and are to find it free now and then."""


def steps(rows: models.QuerySet[M], size: int) -> Iterator[list[Any]]:
    """The primary keys of `rows`, in order, in lists of at most `size`; one query each."""
    rest = rows.order_by("pk")
    while keys := list(rest.values_list("pk", flat=True)[:size]):
        yield keys
        rest = rows.filter(pk__gt=keys[-1]).order_by("pk")


def patiently(
    work: Callable[[Sequence[K]], tuple[T, Collection[K]]],
    keys: Sequence[K],
    failed: Callable[[K, str], T],
    rest: Callable[[float], None],
) -> tuple[list[T], Collection[K]]:
    """What `work` makes of the keys, and those that stayed busy.

    `work(keys)` is one transaction; it returns those of its keys that somebody else holds. They are
    tried again, a few times. Where it fails because of one key, that becomes `failed(key, reason)`.
    `rest` is called with seconds to wait.
    """
    found: list[T] = []
    left: Collection[K] = keys
    for pause in (*PAUSES, None):
        busy: list[K] = []
        found += _each_alone(work, list(left), failed, busy)
        left = busy
        if not left or pause is None:
            break
        rest(pause)
    return found, left


def _each_alone(
    work: Callable[[Sequence[K]], tuple[T, Collection[K]]],
    keys: Sequence[K],
    failed: Callable[[K, str], T],
    busy: list[K],
) -> Iterator[T]:
    """One result for each part; notes in `busy` the keys that somebody holds."""
    try:
        part, held = work(keys)
        busy.extend(held)
        yield part
    except BaseException as error:
        is_busy = isinstance(error, DatabaseError) and is_about_locks(error)
        if not is_busy and not is_about_rows(error):
            raise
        if len(keys) > 1:
            middle = len(keys) // 2
            yield from _each_alone(work, keys[:middle], failed, busy)
            yield from _each_alone(work, keys[middle:], failed, busy)
        elif is_busy:
            busy.extend(keys)
        else:
            yield failed(keys[0], reason_of(error))


@contextmanager
def breath(using: str, rest: Callable[[float], None]) -> Iterator[None]:
    """A transaction of work, after which others have their turn."""
    began = time.monotonic()
    yield
    if not connections[using].features.has_select_for_update:
        rest(BREATH * (time.monotonic() - began))


def is_about_rows(error: BaseException) -> bool:
    """Does it tell of what rows hold, and not of the database or of a key that was pressed?

    The CRDT library's panics are no `Exception`s, and about a document.
    """
    if type(error).__name__ == "PanicException":
        return True
    if isinstance(error, models.ObjectDoesNotExist | MemoryError):
        return False
    return isinstance(error, Exception) and not _is_about_the_database(error)


def _is_about_the_database(error: Exception) -> bool:
    about_rows = isinstance(error, DataError | IntegrityError)
    return isinstance(error, DatabaseError | InterfaceError) and not about_rows


def reason_of(error: BaseException) -> str:
    """What to tell people, on one line."""
    told = "; ".join(error.messages) if isinstance(error, ValidationError) else str(error)
    return " ".join(told.split()) or type(error).__name__
