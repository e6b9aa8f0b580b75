"""Where rows stand in the feed, as clients of the text protocol are told it.

A row stands where it changed last, in every scope that it is in, and where its readers are to be
told it once more (`Reminder`).

Laws:

1. A row whose latest change has no position yet stands nowhere: it will have one soon.
2. A row that changed behind a reminder stands only where it changed: what is told at one position
   is the same for everybody.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import inf
from operator import attrgetter
from typing import TYPE_CHECKING, NamedTuple
from uuid import UUID

from django.db.models import Exists, Max, OuterRef, QuerySet

from ..mapping.schema import label_of
from ..tables import Document, Feed, Outbox, Reminder
from ..visibility.scopes import database_of

if TYPE_CHECKING:
    from ..sync_model import SyncModel
    from .readings import Readings

__all__ = ["Place", "places"]


class Place(NamedTuple):
    """A place in the feed, and the document as it is; one that is not there any more is deleted.

    `document` is its primary key, `scopes` are the keys of those it is in.
    """

    position: int
    document: int
    sync_id: UUID
    version: int
    state: bytes | memoryview
    deleted: bool
    scopes: list[str]


_OF_DOCUMENT = ("sync_id", "version", "state", "deleted", "scopes")
_OF_PLACE = ("position", "document_id", *(f"document__{name}" for name in _OF_DOCUMENT))


def places(
    readings: Readings,
    model: type[SyncModel],
    scopes: Sequence[str],
    span: tuple[int, int],
    limit: int,
    reminded_of: int,
) -> list[Place]:
    """The first `limit` places of the rows of `model` in some of the scopes that a user reads or
    read, in order.

    Of a `span`: behind its first position, up to its last. What reminders up to the position
    `reminded_of` say was told.
    """
    after, until = span
    if after >= until:
        return []
    using = database_of(model)
    found: list[Place] = []
    if scopes:
        changed = _changed(using, model, scopes).filter(position__gt=after, position__lte=until)
        found += [Place(*row) for row in changed.values_list(*_OF_PLACE)[:limit]]
    reminders = Reminder.objects.using(using).filter(scope__in=[*scopes, readings.own])
    reminders = reminders.filter(position__gt=max(after, reminded_of), position__lte=until)
    found += _reminded(using, model, readings, reminders.order_by("position"), limit)
    return sorted(found, key=attrgetter("position"))[:limit]


def _changed(using: str, model: type[SyncModel], scopes: Sequence[str]) -> QuerySet[Feed]:
    """In one query: positions and documents that belong together."""
    unstamped = Outbox.objects.using(using).filter(document=OuterRef("document_id"))
    found = Feed.objects.using(using).filter(scope__key__in=scopes)
    return found.filter(~Exists(unstamped), document__model=label_of(model)).order_by("position")


def _reminded(
    using: str,
    model: type[SyncModel],
    readings: Readings,
    reminders: QuerySet[Reminder],
    limit: int,
) -> list[Place]:
    rows = reminders.filter(model=label_of(model)).values_list("position", "sync_id")
    wanted = list(rows[:limit])
    known = _documents(using, model, [sync_id for _, sync_id in wanted])
    found = []
    for position, sync_id in wanted:
        place, latest = known.get(sync_id, (Place(0, 0, sync_id, 0, b"", True, []), 0))
        is_seen = not place.deleted and not readings.reads.keys().isdisjoint(place.scopes)
        if latest < position or not is_seen:
            found.append(place._replace(position=position))
    return found


def _documents(
    using: str, model: type[SyncModel], ids: Sequence[UUID]
) -> Mapping[UUID, tuple[Place, float]]:
    """The documents of these rows that are there, each with the position of its latest change."""
    if not ids:
        return {}
    rows = Document.objects.using(using).filter(model=label_of(model), sync_id__in=ids)
    unstamped = Outbox.objects.using(using).filter(document=OuterRef("pk"))
    rows = rows.annotate(is_unstamped=Exists(unstamped))
    found = list(rows.values_list("is_unstamped", "pk", *_OF_DOCUMENT))
    positions = Feed.objects.using(using).filter(document__in=[pk for _, pk, *_ in found])
    latest = dict(positions.values_list("document").annotate(latest=Max("position")))
    return {
        row[0]: (Place(0, pk, *row), inf if is_unstamped else latest.get(pk, 0))
        for is_unstamped, pk, *row in found
    }
