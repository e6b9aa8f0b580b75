"""What a conversation in the text protocol asks of the rest of the app.

All of it is plain synchronous code that may query the database, to be run in a thread, and returns
evaluated values.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence, Set
from typing import TYPE_CHECKING, Any
from uuid import UUID

from .. import writes
from ..conf import conf
from ..mapping.schema import label_of, schema_of
from ..sign_in import auth, replicas
from ..visibility import scopes
from . import listing, readings
from .as_json import known_names
from .listing import Cursor, Lines
from .messages import Row, Wrong
from .readings import Readings
from .reminding import remind_sender

if TYPE_CHECKING:
    from django.contrib.auth.base_user import AbstractBaseUser
    from django.contrib.auth.models import AnonymousUser

    from ..sync_model import SyncModel

__all__ = ["MAX_DEVICE_CHARS", "Answer", "TextBackend"]

MAX_DEVICE_CHARS = 99
"""Characters of a device's name: one less than the table of devices has room for."""

MAX_MESSAGE_CHARS = 300
"""Characters of what is told of one field. Django's own messages repeat the value."""

_READ_ONLY = "Sign in to write: whoever is not signed in only reads here."

_NEVER_WRITTEN = frozenset({"id", "pk", "sync_id", "version", "is_deleted", "is_local_only"})

Answer = tuple[str | None, str, str]
"""A row's `sync_id` as it was sent, what was wrong with it, if anything was, and a remark."""


class TextBackend:
    """The app's own modules, behind the one interface that a session knows."""

    sign_in = staticmethod(auth.sign_in)
    current_user = staticmethod(auth.current_user)
    observe = staticmethod(readings.observe)

    def user_channel(self, user: AbstractBaseUser) -> str:
        """Where the user's sockets are told to ask again what he may read."""
        return scopes.channel_of(user.pk)

    def replica_for(self, user: AbstractBaseUser | AnonymousUser, device: str) -> int:
        """The replica that writes for this device; 0 for who is not signed in, and only reads."""
        return 0 if user.is_anonymous else replicas.replica_for(user, device)

    def lines(self, told: Readings, model: type[SyncModel], cursor: Cursor) -> Lines:
        """The next page of a table."""
        return listing.lines(told, model, cursor, conf.PAGE_ROWS)

    def upload(
        self,
        user: AbstractBaseUser | AnonymousUser,
        replica: int,
        chain: str,
        model: type[SyncModel],
        rows: Sequence[Row | Wrong],
    ) -> list[Answer]:
        """Merge and commit, a transaction for each `MAX_ROWS_PER_PUSH` rows; an answer for each."""
        if user.is_anonymous:
            return [(_id(row), _READ_ONLY, "") for row in rows]
        answers: list[Answer] = []
        size = conf.MAX_ROWS_PER_PUSH
        for start in range(0, len(rows), size):
            answers += _uploaded(user, replica, chain, model, rows[start : start + size])
        return answers


def _id(row: Row | Wrong) -> str | None:
    return row.id if isinstance(row, Wrong) else str(row.sync_id)


def _uploaded(
    user: AbstractBaseUser,
    replica: int,
    chain: str,
    model: type[SyncModel],
    rows: Sequence[Row | Wrong],
) -> list[Answer]:
    label = label_of(model)
    uploads = [
        writes.Upload(label, row.sync_id, row.version, row.values, row.deleted, chain)
        for row in rows
        if isinstance(row, Row)
    ]
    results, names = writes.push(user, replica, uploads), _names(model)
    remind_sender(user, model, dict(_unwritten(uploads, results)))
    following = iter(results)
    return [
        (_id(row), row.message, "")
        if isinstance(row, Wrong)
        else (_id(row), _wrong(model, result := next(following)), _remark(names, row, result))
        for row in rows
    ]


def _unwritten(
    uploads: Sequence[writes.Upload], results: Sequence[writes.ItemResult]
) -> Iterator[tuple[UUID, int]]:
    """The rows of which not all was written that was sent, and the versions that their sender holds
    as they are; -1 where he holds what is not there.
    """
    for upload, result in zip(uploads, results, strict=True):
        if result.status != "ok" or result.reverted:
            yield upload.id, -1
        elif result.clock is None:
            yield upload.id, upload.base


def _wrong(model: type[SyncModel], result: writes.ItemResult) -> str:
    """What was not taken of a row, in words; empty where all was."""
    reverted = sorted(result.reverted.items())  # PostgreSQL keeps no order in JSON
    said = [f"{_name(model, wire)}: {_cut(undone['message'])}" for wire, undone in reverted]
    if result.status == "busy":
        return "Somebody is writing this row: send it again a little later."
    if result.status != "ok" and not said:
        return result.message
    return " ".join(said)


def _cut(message: str) -> str:
    return message if len(message) <= MAX_MESSAGE_CHARS else f"{message[:MAX_MESSAGE_CHARS]}…"


def _remark(names: Set[str], row: Row, result: writes.ItemResult) -> str:
    """What else there is to say of a row that was taken; these are the names it may hold."""
    said = [result.message] if result.status == "ok" and result.message else []
    if result.parked is not None:
        said.append(f"This row is stored, and not there yet: {result.parked['message']}")
    unknown = sorted(row.values.keys() - names)
    if unknown:
        said.append(f"Not written, for there are no such fields: {', '.join(unknown)[:200]}.")
    return " ".join(said)


def _names(model: type[SyncModel]) -> set[str]:
    """The names that a row's JSON may hold, those included that are never written."""
    own = {name for field in model._meta.fields for name in (field.name, field.attname)}
    return own | _NEVER_WRITTEN | known_names(model).keys()


def _name(model: Any, wire: str) -> str:
    known = schema_of(model).get(wire)
    return wire if known is None else known.name
