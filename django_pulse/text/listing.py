"""What a client has to be told of one table, page by page, in the order of versions.

Laws:

1. The version of a row is its place in the feed (see `places`). Lines come in the order of their
   versions, so that whoever remembers the last one has missed nothing before it.
2. What is told under a version is stored before it is told (`Told`): it is what the client edits.
   Two clients that are told a row under one version are told the same.
3. A row that the user does not see is told by its `sync_id` alone, and only as gone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple
from uuid import UUID

from .. import identity
from ..mapping.columns import sets_of
from ..tables import Document
from ..visibility.scopes import database_of
from . import as_json
from .places import Place, places
from .readings import OWN_POSITIONS, Readings
from .remembering import remember

if TYPE_CHECKING:
    from ..sync_model import SyncModel

__all__ = ["Cursor", "Line", "Lines", "lines"]


BEFORE_ALL = 1
"""A position before every change. Unlike one that asks from 0, a client may hold rows there."""


@dataclass(frozen=True, slots=True)
class Cursor:
    """How far a client has been told a table.

    `inside` is how far it has been told the scope whose coming or leaving is the next event.
    `fresh` is the position up to which it holds no rows that could be gone: it began with none.
    """

    position: int
    inside: int = 0
    fresh: int = 0


@dataclass(frozen=True, slots=True)
class Line:
    """A row as it is told, or, without `data`, that it is gone."""

    sync_id: UUID
    version: int
    data: Mapping[str, Any] | None


@dataclass(frozen=True, slots=True)
class Lines:
    """A page, where it ends, and whether there is more."""

    lines: tuple[Line, ...]
    cursor: Cursor
    more: bool


class _Event(NamedTuple):
    """The coming of a user to a scope, or his leaving it."""

    position: int
    scope: str
    is_coming: bool


def lines(readings: Readings, model: type[SyncModel], cursor: Cursor, limit: int) -> Lines:
    """The next page of the rows of `model` behind `cursor`, of at most `limit` lines.

    To be called outside a transaction, after a stamping (see `readings.observe`).
    """
    using = database_of(model)
    readings = readings.of(using)
    head = identity.clock(using).position
    if cursor.position > head:
        cursor = Cursor(BEFORE_ALL)  # it is none of this feed's
    if not cursor.position and not cursor.fresh:
        cursor = replace(cursor, fresh=head)
    events = _events(readings, cursor.position)
    event = events[0] if events else None
    until = head if event is None else event.position - OWN_POSITIONS
    settled = [key for key, since in readings.reads.items() if since <= cursor.position]
    found: list[Place] = []
    if not cursor.inside:
        span = cursor.position, until
        found = places(readings, model, settled, span, limit + 1, cursor.position)
    if found:
        page, more = found[:limit], len(found) > limit
        versions = [place.position for place in page]
        end = replace(cursor, position=versions[-1] if more else until)
    elif event is not None:
        span = cursor.inside, event.position
        found = places(readings, model, [event.scope], span, limit + 1, cursor.position)
        page, more = found[:limit], len(found) > limit
        versions = [event.position - 1] * len(page)
        if more:
            end = replace(cursor, inside=page[-1].position)
        else:
            versions[-1:] = [event.position] * bool(page)
            end = replace(cursor, position=event.position, inside=0)
    else:
        return Lines((), replace(cursor, position=max(until, cursor.position)), more=False)
    told = _told(using, model, readings, page, versions, cursor.fresh)
    return Lines(tuple(told), end, more or event is not None)


def _events(readings: Readings, position: int) -> list[_Event]:
    """What came and went behind a position, in order."""
    coming = [_Event(at, key, True) for key, at in readings.reads.items() if at > position]
    leaving = [_Event(at, key, False) for key, at in readings.left.items() if at > position]
    return sorted(coming + leaving)


def _told(
    using: str,
    model: type[SyncModel],
    readings: Readings,
    page: Sequence[Place],
    versions: Sequence[int],
    fresh: int,
) -> list[Line]:
    """The lines for these places; what they tell is stored."""
    latest = {place.sync_id: (place, at) for place, at in zip(page, versions, strict=True)}
    shown = {sync_id: pair for sync_id, pair in latest.items() if _is_seen(pair[0], readings)}
    values = _values(using, model, shown)
    told = [(*shown[sync_id], data) for sync_id, data in values.items()]
    remember(using, [(at.document, version, data, bytes(at.state)) for at, version, data in told])
    return [
        Line(sync_id, version, values.get(sync_id))
        for sync_id, (_, version) in latest.items()
        if sync_id in values or (sync_id not in shown and version > fresh)
    ]


def _is_seen(place: Place, readings: Readings) -> bool:
    return not place.deleted and not readings.reads.keys().isdisjoint(place.scopes)


Shown = Mapping[UUID, tuple[Place, int]]
"""By row: its place, and the version under which it is told."""


def _values(using: str, model: type[SyncModel], shown: Shown) -> dict[UUID, dict[str, Any]]:
    """The rows as they are told; without those that change right now, which will have another place
    soon.
    """
    rows = {row.sync_id: row for row in _rows(using, model, list(shown))}
    sets = as_json.sets_told(list(rows.values()), using)
    doubtful = [
        shown[sync_id][0]
        for sync_id, row in rows.items()
        if row.version != shown[sync_id][0].version or sets_of(model)
    ]
    for sync_id in _moved(using, doubtful):
        del rows[sync_id]
    return {key: as_json.told(row, shown[key][1], sets) for key, row in rows.items()}


def _rows(using: str, model: type[SyncModel], ids: Sequence[UUID]) -> Iterable[SyncModel]:
    return model._base_manager.using(using).filter(sync_id__in=ids) if ids else ()


def _moved(using: str, found: Sequence[Place]) -> list[UUID]:
    """The rows of those of these documents that were written to since they were read."""
    if not found:
        return []
    rows = Document.objects.using(using).filter(pk__in=[place.document for place in found])
    now = dict(rows.values_list("pk", "version"))
    return [place.sync_id for place in found if now.get(place.document) != place.version]
