"""From what the services return to the messages that say so."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from crdt.messages import (
    Busy,
    Item,
    Outcome,
    Refused,
    Resend,
    Reverted,
    RevertedField,
    Verdict,
)

if TYPE_CHECKING:
    from ..pages import Change
    from ..writes import ItemResult, StoredOutcome

__all__ = ["batches", "item_of", "outcome", "parts", "reverted", "verdict"]

T = TypeVar("T")


def verdict(result: ItemResult) -> Verdict | None:
    """What the ack says about an update; None where it was merged as it was."""
    if result.status == "resend":
        return Resend(result.clock or 0)
    if result.status == "refused":
        return Refused(result.code, result.message)
    if result.status == "busy":
        return Busy()
    if result.outcome is None:
        return None
    return Reverted(reverted(result.reverted), result.outcome, result.clock or 0)


def outcome(stored: StoredOutcome) -> Outcome:
    """A stored outcome as it is repeated."""
    fields = reverted(stored.reverted)
    return Outcome(stored.id, stored.model, stored.sync_id, stored.clock, fields)


def item_of(change: Change) -> Item:
    """A document and an update of it as they travel."""
    return Item(change.model, change.id, change.update)


def reverted(fields: Mapping[str, Mapping[str, Any]]) -> dict[str, RevertedField]:
    """What was undone, field by field."""
    return {
        name: RevertedField(undone.get("value"), undone["code"], undone["message"])
        for name, undone in fields.items()
    }


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
