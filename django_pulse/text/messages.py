"""The messages of the text protocol: strictly read into frozen values, and written.

    in    SYNC_REQUEST_DELTA, SYNC_UPLOAD, SYNC_BATCH_UPLOAD
    out   SYNC_UPDATE, SYNC_ACK_INDIVIDUAL, BATCH_ACK, error

What is wrong with a message raises a `RemoteFault` that says what, where, and what to do. What is
wrong with one row of a batch is that row's `Wrong`: the others go through.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from crdt.errors import Malformed, RemoteFault, TooLarge
from crdt.values import MAX_JSON_DEPTH, decode

from . import exact
from .listing import Line

__all__ = ["BatchUpload", "DeltaRequest", "Message", "Row", "Single", "Wrong", "batch_ack"]
__all__ += ["MAX_TEXT_BYTES", "error", "message", "parsed", "single_ack", "table_of"]
__all__ += ["told", "update"]

MAX_TEXT_BYTES: Final = 8 << 20
"""Bytes of one frame. The clients send all that they have in one batch, and cannot cut it: a week
offline are some ten thousand rows. Parsed it takes about ten times as much, for a moment."""

MAX_TABLE_CHARS: Final = 201
"""Characters of "app.model": what a document's label can have."""

MAX_VERSION: Final = 2**63 - 1
"""Positions of the feed are 64 bits."""

_SHOWN: Final = 60
"""Characters of what a client sent that are shown to it in an error."""


@dataclass(frozen=True, slots=True)
class Row:
    """A whole row as a client sends it, and the version under which it was told the row."""

    sync_id: UUID
    version: int
    deleted: bool | None
    values: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Wrong:
    """What was no row, by the id it was sent with, if it was sent with one."""

    id: str | None
    message: str


@dataclass(frozen=True, slots=True)
class DeltaRequest:
    """Tell me what has changed in a table behind a version."""

    table: str
    last_version: int


@dataclass(frozen=True, slots=True)
class Single:
    """One row that was edited."""

    table: str
    row: Row | Wrong


@dataclass(frozen=True, slots=True)
class BatchUpload:
    """Rows that were edited."""

    table: str
    rows: tuple[Row | Wrong, ...]


Message = DeltaRequest | Single | BatchUpload


def parsed(text: str | bytes) -> Any:
    """The JSON of a frame, or of a body; raises `RemoteFault` for what is none."""
    if len(text) > MAX_TEXT_BYTES:
        raise TooLarge(
            f"A message of {len(text)} bytes is over the limit of {MAX_TEXT_BYTES}: send the rows "
            "in several batches."
        )
    try:
        return exact.loads(text)
    except ValueError as fault:
        raise Malformed(f"This is not JSON: {fault}.") from None


def message(said: Any) -> Message:
    """The message that JSON holds; raises `RemoteFault` for what is none."""
    if not isinstance(said, dict):
        raise Malformed('A message is a JSON object with a "type".')
    match said.get("type"):
        case "SYNC_REQUEST_DELTA":
            return DeltaRequest(table_of(said), _version(said.get("last_version"), "last_version"))
        case "SYNC_UPLOAD":
            payload = said.get("payload")
            if not isinstance(payload, dict):
                raise Malformed('In a SYNC_UPLOAD, "payload" is the row: an object.')
            return Single(table_of(said), _row(payload))
        case "SYNC_BATCH_UPLOAD":
            payloads = said.get("payloads")
            if not isinstance(payloads, list):
                raise Malformed('In a SYNC_BATCH_UPLOAD, "payloads" is a list of rows.')
            return BatchUpload(table_of(said), tuple(map(_row, payloads)))
        case kind:
            raise RemoteFault(
                f"There is no message of type {_shown(kind)}. Send SYNC_REQUEST_DELTA, SYNC_UPLOAD "
                "or SYNC_BATCH_UPLOAD.",
                code="unknown_type",
            )


def update(table: str, line: Line) -> str:
    """A SYNC_UPDATE: a row as it is now, or that it is gone."""
    return _written({"type": "SYNC_UPDATE", "data": told(table, line)})


def told(table: str, line: Line) -> dict[str, Any]:
    """What it holds."""
    data: dict[str, Any] = {"model": table, "sync_id": str(line.sync_id), "version": line.version}
    if line.data is None:
        return {"type": "HARD_DELETE", **data}
    return {**data, "data": line.data}


def single_ack(table: str, sync_id: str | None, error: str = "", note: str = "") -> str:
    """A SYNC_ACK_INDIVIDUAL."""
    said = {"type": "SYNC_ACK_INDIVIDUAL", "table": table, "sync_id": sync_id}
    said |= {"status": "ERROR", "error": error} if error else {"status": "SUCCESS", "error": None}
    return _written(said | ({"note": note} if note else {}))


def batch_ack(
    table: str,
    synced: Sequence[str],
    errors: Sequence[tuple[str | None, str]],
    notes: Sequence[tuple[str | None, str]],
) -> str:
    """A BATCH_ACK. There are no conflicts: rows are merged."""
    said: dict[str, Any] = {"type": "BATCH_ACK", "table": table, "synced_ids": synced}
    said |= {"conflicts": [], "errors": _listed(errors)}
    return _written(said | ({"notes": _listed(notes)} if notes else {}))


def error(code: str, message: str) -> str:
    """What was wrong with a message, or with the connection."""
    return _written({"type": "error", "code": code, "message": message})


def _listed(told: Sequence[tuple[str | None, str]]) -> list[dict[str, str | None]]:
    return [{"id": sync_id, "msg": message} for sync_id, message in told]


def _written(said: Any) -> str:
    return exact.dumps(said).decode()


def table_of(said: Mapping[str, Any]) -> str:
    """The table that a message names; raises `Malformed` for none."""
    table = said.get("table")
    if not isinstance(table, str) or not 0 < len(table) <= MAX_TABLE_CHARS:
        raise Malformed('A "table" is named by its model: "task", or "todo.task".')
    return table


def _row(payload: Any) -> Row | Wrong:
    if not isinstance(payload, dict):
        return Wrong(None, "A row is a JSON object.")
    given = payload.get("sync_id")
    try:
        sync_id = decode("uuid", given)
    except ValueError:
        sync_id = None
    if sync_id is None:
        named = given if isinstance(given, str) else None
        return Wrong(named and named[:_SHOWN], 'A row needs its "sync_id": a UUID.')
    if _is_too_deep(payload):
        return Wrong(given, f"A value must not nest deeper than {MAX_JSON_DEPTH} levels.")
    try:
        version = _version(payload.get("version"), "version")
        return Row(sync_id, version, _deleted(payload.get("is_deleted")), payload)
    except Malformed as fault:
        return Wrong(given, str(fault))


def _version(given: Any, name: str) -> int:
    """A version; one that was never told is 0."""
    if given is None:
        return 0
    is_number = isinstance(given, (int, float)) and not isinstance(given, bool)
    if not is_number or given != int(given) or not 0 <= given <= MAX_VERSION:
        raise Malformed(f'A "{name}" is a whole number that the server told, not {_shown(given)}.')
    return int(given)


def _deleted(given: Any) -> bool | None:
    """SQLite has no booleans: apps send 0 and 1."""
    if given is None or isinstance(given, bool):
        return given
    if isinstance(given, int) and given in {0, 1}:
        return bool(given)
    raise Malformed(f'"is_deleted" is true or false, not {_shown(given)}.')


def _is_too_deep(values: Mapping[str, Any]) -> bool:
    """Does one of the values nest deeper than any field can hold?"""
    level: list[Any] = [value for value in values.values() if isinstance(value, (dict, list))]
    depth = 0
    while level and depth <= MAX_JSON_DEPTH:
        depth += 1
        inner = (each.values() if isinstance(each, dict) else each for each in level)
        level = [each for some in inner for each in some if isinstance(each, (dict, list))]
    return depth > MAX_JSON_DEPTH


def _shown(given: Any) -> str:
    if isinstance(given, (dict, list)):
        return "an object" if isinstance(given, dict) else "a list"
    return exact.dumps(given).decode()[:_SHOWN]
