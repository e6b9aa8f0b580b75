"""What goes into the write path from a client, and what comes out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal
from uuid import UUID

__all__ = ["ItemResult", "PushItem", "StoredOutcome", "Upload", "refused"]


@dataclass(frozen=True, slots=True)
class PushItem:
    """One pushed update: of the document of this model ("todo.task") and row.

    `seen` is the position up to which the pusher knows what became of the document, if the server
    has it, or may have it.
    """

    model: str
    id: UUID
    data: bytes
    seen: int | None = None


@dataclass(frozen=True, slots=True)
class Upload:
    """A row as a client sends it that keeps no documents: the server finds out what it edited.

    `values` is its JSON (see `as_json`), `base` the version it had when it was told the row, 0 for
    one that it made, `deleted` whether it says that the row is deleted. `chain` names the device,
    or the connection of one that says no name: what it sent last is what it starts from.
    """

    model: str
    id: UUID
    base: int
    values: Mapping[str, Any]
    deleted: bool | None
    chain: str

    @property
    def seen(self) -> int | None:
        """As of a `PushItem`."""
        return self.base or None


@dataclass(frozen=True, slots=True)
class ItemResult:
    """What became of a pushed update.

    "ok": merged and durable; `reverted` tells per field what the server undid
    (`{"value", "code", "message"}`), `parked` why the row is not there yet (`{"code", "message",
    "fields"}`, these as in `reverted`), `outcome` under which id that is stored, `clock` the
    pusher's next clock.
    With "ok", `message` is a remark, and `code` says of what kind.
    "resend": send again from `clock`. "refused": nothing was taken, because of `code`; where fields
    are `reverted`, the others may be sent again without them. "busy": somebody else holds the row;
    send the same again a little later.
    """

    status: Literal["ok", "resend", "refused", "busy"]
    clock: int | None = None
    code: str = ""
    message: str = ""
    reverted: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    outcome: int | None = None
    parked: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class StoredOutcome:
    """An outcome that its replica has not confirmed yet."""

    id: int
    model: str
    sync_id: UUID
    clock: int
    reverted: Mapping[str, Mapping[str, Any]]
    parked: Mapping[str, Any] | None = None


def refused(code: str, message: str) -> ItemResult:
    """Nothing was taken, and why."""
    return ItemResult("refused", code=code, message=message)
