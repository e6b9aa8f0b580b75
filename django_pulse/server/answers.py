"""From what the services return to the messages that say so."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar
from uuid import UUID

from crdt.errors import RemoteFault, ReplicaTaken
from crdt.messages import (
    Busy,
    Fault,
    Item,
    Limits,
    Outcome,
    ParkedRow,
    Refused,
    Resend,
    Reverted,
    RevertedField,
    Verdict,
)

if TYPE_CHECKING:
    from ..changefeed.pages import Change
    from ..writes import ItemResult, StoredOutcome
    from .bounds import Bounds

__all__ = [
    "batches",
    "fault_message",
    "item_of",
    "limits_of",
    "outcome",
    "parked",
    "parts",
    "reverted",
    "verdict",
]

T = TypeVar("T")


def verdict(result: ItemResult) -> Verdict | None:
    """What the ack says about an update; None where it was merged as it was."""
    if result.status == "resend":
        return Resend(result.clock or 0)
    if result.status == "refused":
        undone = {name: {**told, "value": None} for name, told in result.reverted.items()}
        return Refused(result.code, result.message, reverted(undone))
    if result.status == "busy":
        return Busy()
    if result.outcome is None:
        return None
    clock = result.clock or 0
    return Reverted(reverted(result.reverted), result.outcome, clock, parked(result.parked))


def outcome(stored: StoredOutcome) -> Outcome:
    """A stored outcome as it is repeated."""
    fields = reverted(stored.reverted)
    key = (stored.model, stored.sync_id)
    return Outcome(stored.id, *key, stored.clock, fields, parked(stored.parked))


def fault_message(fault: RemoteFault, fatal: bool, push: int | None) -> Fault:
    """A fault as it is told."""
    marks = (fault.shared, fault.doubtful) if isinstance(fault, ReplicaTaken) else ()
    return Fault(fault.code, str(fault), fatal, push, *marks)


def limits_of(bounds: Bounds) -> Limits:
    """What a client may send, as it is told."""
    frame, rows = bounds.frame_bytes, bounds.push_rows
    return Limits(frame, rows, bounds.update_structs, bounds.update_bytes)


def item_of(change: Change) -> Item:
    """A document and an update of it as they travel."""
    return Item(change.model, change.id, change.update)


def reverted(fields: Mapping[str, Mapping[str, Any]]) -> dict[str, RevertedField]:
    """What was undone, field by field."""
    return {
        name: RevertedField(undone.get("value"), undone["code"], undone["message"])
        for name, undone in fields.items()
    }


def parked(told: Mapping[str, Any] | None) -> ParkedRow | None:
    """Why a row is not there yet."""
    if told is None:
        return None
    into = told.get("into")
    fields = reverted(told["fields"])
    return ParkedRow(told["code"], told["message"], fields, None if into is None else UUID(into))


def batches(things: Sequence[T], size: int) -> Iterator[tuple[T, ...]]:
    """The things in runs of at most `size`."""
    for start in range(0, len(things), size):
        yield tuple(things[start : start + size])


def parts(documents: Iterable[Change], size: int) -> Iterator[tuple[Item, ...]]:
    """The documents in runs of at most `size` bytes; one that is larger goes alone."""
    part: list[Item] = []
    held = 0
    for change in documents:
        item = item_of(change)
        if part and held + len(item.data) > size:
            yield tuple(part)
            part, held = [], 0
        part.append(item)
        held += len(item.data)
    yield tuple(part)
