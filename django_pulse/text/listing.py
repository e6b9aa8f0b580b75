"""What a client has to be told of one table, page by page, in the order of versions.

Laws:

1. The version of a row is the position of its latest change in the feed. Lines come in the order of
   their versions, so that whoever remembers the last one has missed nothing before it.
2. What is told under a version is stored before it is told (`Told`): it is what the client edits.
   Two clients that are told a row under one version are told the same: a row whose latest change
   has no position yet is left out, and comes when it has one.
3. A row that the user does not see is told by its `sync_id` alone, and only as gone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple
from uuid import UUID

from django.db.models import Exists, OuterRef, QuerySet

from .. import identity
from ..mapping.columns import sets_of
from ..mapping.schema import label_of
from ..tables import Document, Feed, Outbox, Scope
from ..visibility.scopes import database_of
from . import as_json
from .readings import OWN_POSITIONS, Readings
from .remembering import remember

if TYPE_CHECKING:
    from ..sync_model import SyncModel

__all__ = ["Cursor", "Line", "Lines", "is_forgotten", "lines"]


AGAIN_AT_ONCE = 500
"""Rows that are looked up by their ids at once, as in a push."""


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


class _Place(NamedTuple):
    """A document's place in the feed, and the document."""

    position: int
    document: int
    sync_id: UUID
    version: int
    state: bytes | memoryview
    deleted: bool
    scopes: list[str]


def lines(readings: Readings, model: type[SyncModel], cursor: Cursor, limit: int) -> Lines:
    """The next page of the rows of `model` behind `cursor`, of at most `limit` lines.

    To be called outside a transaction, after a stamping (see `readings.observe`).
    """
    using = database_of(model)
    readings = readings.of(using)
    head = identity.clock(using).position
    if not cursor.position and not cursor.fresh:
        cursor = replace(cursor, fresh=head)
    events = _events(readings, cursor.position)
    event = events[0] if events else None
    until = head if event is None else event.position - OWN_POSITIONS
    settled = [key for key, since in readings.reads.items() if since <= cursor.position]
    found: list[_Place] = []
    if not cursor.inside:
        found = _places(using, model, settled, cursor.position, until, limit)
    if found:
        page, more = found[:limit], len(found) > limit
        versions = [place.position for place in page]
        end = replace(cursor, position=versions[-1] if more else until)
    elif event is not None:
        found = _places(using, model, [event.scope], cursor.inside, event.position, limit)
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


def again(readings: Readings, model: type[SyncModel], ids: Sequence[UUID]) -> list[Line]:
    """These rows as they are now, under the versions they have, as far as the user sees them."""
    if not ids:
        return []
    using = database_of(model)
    readings = readings.of(using)
    latest: dict[int, tuple[_Place, int]] = {}
    for start in range(0, len(ids), AGAIN_AT_ONCE):
        some = ids[start : start + AGAIN_AT_ONCE]
        found = _stamped(using, model, list(readings.reads)).filter(document__sync_id__in=some)
        for scope, *row in found.values_list("scope__key", *_PLACE):
            place = _Place(*row)
            version = max(place.position, readings.reads[scope])
            if version > latest.get(place.document, (place, 0))[1]:
                latest[place.document] = place, version
    pairs = list(latest.values())
    places, versions = [place for place, _ in pairs], [version for _, version in pairs]
    return _told(using, model, readings, places, versions, 0)


def is_forgotten(readings: Readings, model: type[SyncModel], position: int) -> bool:
    """Has the feed forgotten what was deleted behind a position that a client remembers?"""
    using = database_of(model)
    rows = Scope.objects.using(using).filter(key__in=readings.of(using).reads)
    return position > 0 and rows.filter(purged__gt=position).exists()


def _events(readings: Readings, position: int) -> list[_Event]:
    """What came and went behind a position, in order."""
    coming = [_Event(at, key, True) for key, at in readings.reads.items() if at > position]
    leaving = [_Event(at, key, False) for key, at in readings.left.items() if at > position]
    return sorted(coming + leaving)


_PLACE = tuple(
    name if name in {"position", "document_id"} else f"document__{name}"
    for name in ("position", "document_id", "sync_id", "version", "state", "deleted", "scopes")
)


def _places(
    using: str, model: type[SyncModel], scopes: Sequence[str], after: int, until: int, limit: int
) -> list[_Place]:
    """Places in the feed, one more than `limit`, in one query: positions and documents that belong
    together.
    """
    if not scopes or after >= until:
        return []
    places = _stamped(using, model, scopes).filter(position__gt=after, position__lte=until)
    return [_Place(*row) for row in places.values_list(*_PLACE)[: limit + 1]]


def _stamped(using: str, model: type[SyncModel], scopes: Sequence[str]) -> QuerySet[Feed]:
    """Places of documents of which every change has its position, in order."""
    unstamped = Outbox.objects.using(using).filter(document=OuterRef("document_id"))
    places = Feed.objects.using(using).filter(scope__key__in=scopes)
    return places.filter(~Exists(unstamped), document__model=label_of(model)).order_by("position")


def _told(
    using: str,
    model: type[SyncModel],
    readings: Readings,
    page: Sequence[_Place],
    versions: Sequence[int],
    fresh: int,
) -> list[Line]:
    """The lines for these places; what they tell is stored."""
    latest = {place.document: (place, at) for place, at in zip(page, versions, strict=True)}
    shown = {key: pair for key, pair in latest.items() if _is_seen(pair[0], readings)}
    values = _values(using, model, shown)
    states = {key: bytes(place.state) for key, (place, _) in shown.items()}
    remember(using, [(key, shown[key][1], data, states[key]) for key, data in values.items()])
    told = []
    for key, (place, version) in latest.items():
        if key in values:
            told.append(Line(place.sync_id, version, values[key]))
        elif key not in shown and version > fresh:
            told.append(Line(place.sync_id, version, None))
    return told


def _is_seen(place: _Place, readings: Readings) -> bool:
    return not place.deleted and not readings.reads.keys().isdisjoint(place.scopes)


Shown = Mapping[int, tuple[_Place, int]]
"""By document: its place, and the version under which it is told."""


def _values(using: str, model: type[SyncModel], shown: Shown) -> dict[int, dict[str, Any]]:
    """The rows as they are told, by document; without those that change right now, which will have
    another place soon.
    """
    wanted = [place.sync_id for place, _ in shown.values()]
    rows = {row.sync_id: row for row in _rows(using, model, wanted)}
    sets = as_json.sets_told(list(rows.values()), using)
    found = {key: rows[place.sync_id] for key, (place, _) in shown.items() if place.sync_id in rows}
    doubtful = [
        key for key, row in found.items() if row.version != shown[key][0].version or sets_of(model)
    ]
    for key in _moved(using, doubtful, shown):
        del found[key]
    return {key: as_json.told(row, shown[key][1], sets) for key, row in found.items()}


def _rows(using: str, model: type[SyncModel], ids: Sequence[UUID]) -> Iterable[SyncModel]:
    return model._base_manager.using(using).filter(sync_id__in=ids) if ids else ()


def _moved(using: str, keys: Sequence[int], shown: Shown) -> list[int]:
    """Those of the documents that were written to since they were read."""
    if not keys:
        return []
    rows = Document.objects.using(using).filter(pk__in=keys)
    now = dict(rows.values_list("pk", "version"))
    return [key for key in keys if now.get(key) != shown[key][0].version]
