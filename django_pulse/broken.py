"""Documents whose bytes are not what was stored: a flipped bit, a copy that was cut off.

Whoever writes the row rebuilds the document from it, and so does `pulse_verify --fix`. Whoever only
reads what stands in the document alone is told.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

from crdt.document import Document
from crdt.errors import Malformed, PulseError

if TYPE_CHECKING:
    from .sync_model import SyncModel

__all__ = ["BROKEN", "BrokenDocument", "is_broken", "is_readable", "opened"]

BROKEN = "broken"
"""The code of a parked row whose document is broken: whoever pushed it is to push it again."""


class BrokenDocument(PulseError):
    """The stored document of a row cannot be read; its columns can, and saving it repairs it."""

    def __init__(self, model: type[SyncModel], sync_id: UUID, reason: BaseException) -> None:
        label = model._meta.label
        super().__init__(
            f"The document of {label} {sync_id} cannot be read: {reason} The row itself is whole. "
            f"Repair the document with `manage.py pulse_verify {label} --fix`, or by saving the "
            "row with a change."
        )
        self.model = model
        self.sync_id = sync_id


def is_broken(error: BaseException) -> bool:
    """Does the error tell that a document's bytes are not what was stored?

    The CRDT library's panics are no `Exception`s.
    """
    return isinstance(error, Malformed) or type(error).__name__ == "PanicException"


def is_readable(state: bytes) -> bool:
    """Can a document be read from these bytes?"""
    try:
        Document(state)
    except Malformed:
        return False
    return True


def opened(model: type[SyncModel], sync_id: UUID, state: Any) -> Document:
    """The row's document, to read from. Raises `BrokenDocument`."""
    try:
        return Document(bytes(state or b""))
    except Malformed as error:
        raise BrokenDocument(model, sync_id, error) from error
