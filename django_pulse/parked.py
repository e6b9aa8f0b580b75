"""Parked rows, for the server's own code: what devices pushed that has no row yet, and why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

from crdt.document import Document as CrdtDocument

from .broken import is_readable
from .mapping.schema import label_of, schema_of
from .tables import Awaited, Document

if TYPE_CHECKING:
    from .sync_model import SyncModel

__all__ = ["ParkedRow", "parked_rows"]


@dataclass(frozen=True, slots=True)
class ParkedRow:
    """A row that waits.

    `values` are those of its document: foreign keys are the keys they travel by. `user` is the
    primary key, as text, of whoever pushed it. `fields` says per field what is in its way:
    `{"value", "code", "message"}`. Of a document that is broken there are no values.
    """

    sync_id: UUID
    user: str
    code: str
    message: str
    values: Mapping[str, Any]
    fields: Mapping[str, Mapping[str, Any]]


def parked_rows(model: type[SyncModel], using: str) -> list[ParkedRow]:
    """The parked rows of a model, the oldest first; one query, of those that wait for anything."""
    schema = schema_of(model)
    waiting = Awaited.objects.using(using).values("document")
    found = Document.objects.using(using).filter(model=label_of(model), pk__in=waiting)
    rows = found.exclude(parked__isnull=True).order_by("pk")
    return [
        ParkedRow(
            sync_id,
            parked["user"],
            parked["code"],
            parked["message"],
            schema.read(CrdtDocument(bytes(state))).values if is_readable(bytes(state)) else {},
            {_called(schema.get(wire), wire): why for wire, why in parked["fields"].items()},
        )
        for sync_id, state, parked in rows.values_list("sync_id", "state", "parked")
        if parked is not None
    ]


def _called(known: Any, wire: str) -> str:
    """What the field is called now."""
    return wire if known is None else str(known.name)
