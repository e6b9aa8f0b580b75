"""What is wrong between one row, its document and the feed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.core.exceptions import ValidationError

from crdt.document import Document
from crdt.errors import Malformed
from crdt.schema import MISSING, Row, Schema

from ..mapping.columns import sets_of
from ..mapping.keys import Keys
from ..tables import Feed, Outbox
from ..writes.locking import Stored
from ..writes.mirror import awaited_elements, values_of
from .sweeping import is_about_rows, reason_of

if TYPE_CHECKING:
    from ..sync_model import SyncModel

__all__ = ["KINDS", "Feeds", "Finding", "diagnose", "differences", "feeds_of"]

KINDS = {
    "document": "the row has no document",
    "row": "the row is gone, and the document does not say so",
    "returned": "the row is there, and the document says that it was deleted",
    "unreadable": "the document cannot be read",
    "column": "the column differs from the document",
    "version": "the row's version is not the document's",
    "scopes": "the document is in other scopes than the row",
    "feed": "the document is not in the feed of one of its scopes",
    "unfit": "the row holds what no document can",
}
"""Everything that can be wrong."""

Feeds = frozenset[tuple[int, str]]
"""The documents, by primary key, that are in the feed or on their way into it, and the scopes."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong: `kind` is one of `KINDS`.

    `field`, `column` and `document` are set where a column differs, as Python values of the field's
    kind; `reason` where there is more to say. They may hold what not everybody may read.
    """

    model: str
    kind: str
    sync_id: UUID | None = None
    pk: Any = None
    field: str = ""
    column: Any = None
    document: Any = None
    reason: str = ""
    fixed: bool = False


def feeds_of(using: str, documents: Iterable[Stored]) -> Feeds:
    """Of these documents, those in the feed, and where. Two queries.

    First what waits for its position, then what has one: between the two it only moves on.
    """
    keys = [each.pk for each in documents if each.pk is not None]
    waiting = Outbox.objects.using(using).filter(document__in=keys)
    found = set(waiting.values_list("document_id", "scope"))
    stamped = Feed.objects.using(using).filter(document__in=keys, present=True)
    return frozenset(found.union(stamped.values_list("document_id", "scope__key")))


def diagnose(
    row: SyncModel | None,
    stored: Stored,
    schema: Schema,
    keys: Keys,
    in_scopes: Sequence[str],
    feeds: Feeds,
) -> list[Finding]:
    """What is wrong with a row, which belongs in these scopes, and its document.

    A parked document is as it should be, if it can be read.
    """
    if row is None and (stored.parked or stored.pk is None):
        return _unreadable(stored) if stored.parked else []
    pk = None if row is None else row.pk
    if stored.pk is None:
        return [Finding(stored.model, "document", stored.sync_id, pk)]
    found = [
        Finding(stored.model, kind, stored.sync_id, pk)
        for kind, is_wrong in (
            ("feed", any((stored.pk, scope) not in feeds for scope in stored.scopes)),
            ("version", row is not None and row.version != stored.version),
            ("scopes", row is not None and list(stored.scopes) != list(in_scopes)),
        )
        if is_wrong
    ]
    try:
        said = schema.read(Document(bytes(stored.state)))
    except BaseException as error:
        if not is_about_rows(error):
            raise
        reason = reason_of(error)
        return [*found, Finding(stored.model, "unreadable", stored.sync_id, pk, reason=reason)]
    return [*found, *_compared(row, stored, schema, keys, said)]


def _unreadable(stored: Stored) -> list[Finding]:
    try:
        Document(bytes(stored.state))
    except Malformed as error:
        return [Finding(stored.model, "unreadable", stored.sync_id, reason=reason_of(error))]
    return []


def _compared(
    row: SyncModel | None, stored: Stored, schema: Schema, keys: Keys, said: Row
) -> list[Finding]:
    """Where the row and what its document says differ."""
    label, sync_id = stored.model, stored.sync_id
    if row is None:
        gone = said.deleted and stored.deleted
        return [] if gone else [Finding(label, "row", sync_id)]
    found = []
    if said.deleted or stored.deleted:
        found.append(Finding(label, "returned", sync_id, row.pk))
    try:
        for name, old, value in differences(row, schema, keys, said.values, stored.waiting):
            known = schema.fields[name]
            known.check(value)  # this, or the next, raises for what no document can hold
            travels = known.encode(value)
            if not stored.waiting or stored.waiting.get(known.wire, MISSING) != travels:
                found.append(Finding(label, "column", sync_id, row.pk, name, value, old))
    except (ValueError, ValidationError) as error:
        found.append(Finding(label, "unfit", sync_id, row.pk, reason=reason_of(error)))
    return found


def differences(
    row: SyncModel,
    schema: Schema,
    keys: Keys,
    said: Mapping[str, Any],
    waiting: Mapping[str, Any] | None,
) -> Iterator[tuple[str, Any, Any]]:
    """The fields of which a document says something else than the row: name, what it says (or
    MISSING), what the row says. Elements of sets that are `waiting` count as linked.
    """
    sets = sets_of(type(row))
    for name, value in values_of(row, keys, schema.fields).items():
        known, old = schema.fields[name], said.get(name, MISSING)
        if name in sets:
            value = [*value, *awaited_elements(known, value, waiting)]
        if old is MISSING:
            if value is not None or known.rule.nullable:
                yield name, old, value
        elif not known.same(old, value):
            yield name, old, value
