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

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from django.core.exceptions import ValidationError
from django.db import DatabaseError, DataError, IntegrityError, InterfaceError, models

if TYPE_CHECKING:
    from .sync_model import SyncModel

__all__ = ["each_alone", "is_about_rows", "most_derived", "reason_of", "windows"]

M = TypeVar("M", bound=models.Model)
T = TypeVar("T")


def most_derived(model: type[SyncModel], using: str) -> models.QuerySet[SyncModel]:
    """The rows of `model` that are not also rows of a model below it: those with documents of
    this model.
    """
    rows: models.QuerySet[SyncModel] = model._base_manager.using(using)
    for relation in model._meta.related_objects:
        is_link = isinstance(relation, models.OneToOneRel) and relation.parent_link
        if is_link and issubclass(relation.related_model, model):
            rows = rows.filter(**{f"{relation.name}__isnull": True})
    return rows


def windows(rows: models.QuerySet[M], size: int) -> Iterator[models.QuerySet[M]]:
    """`rows` in the order of their primary keys, in parts of at most `size`; one query each."""
    rest = rows.order_by("pk")
    while keys := list(rest.values_list("pk", flat=True)[:size]):
        yield rows.filter(pk__gte=keys[0], pk__lte=keys[-1]).order_by("pk")
        rest = rows.filter(pk__gt=keys[-1]).order_by("pk")


def each_alone(
    work: Callable[[Sequence[Any]], T], keys: Sequence[Any], failed: Callable[[Any, str], T]
) -> Iterator[T]:
    """What `work` makes of the keys; for one because of which it fails, `failed(key, reason)`."""
    try:
        yield work(keys)
    except BaseException as error:
        if not is_about_rows(error):
            raise
        if len(keys) == 1:
            yield failed(keys[0], reason_of(error))
            return
        middle = len(keys) // 2
        yield from each_alone(work, keys[:middle], failed)
        yield from each_alone(work, keys[middle:], failed)


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
