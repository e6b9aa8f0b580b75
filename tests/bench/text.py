"""The text protocol: a batch of 2,000 whole rows until it is acked, new ones and then edits.

Against the same rows as frames of the binary protocol. Both go through a session, from the frame to
the ack, with the network left out; what an app is told behind the ack is left out as well.
"""

from __future__ import annotations

import itertools
import json
import uuid
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

from crdt.document import Document
from crdt.editing import write_field
from crdt.frames import encode
from crdt.messages import Hello, Item, Push
from crdt.schema import MISSING
from django_pulse import identity
from django_pulse.conf import conf
from django_pulse.consumers import bounds
from django_pulse.mapping.schema import schema_of
from django_pulse.server.backend import Backend
from django_pulse.server.session import Session
from django_pulse.server.steps import Send
from django_pulse.sign_in.auth import Handshake
from django_pulse.text.services import TextBackend
from django_pulse.text.session import TextSession
from tests.bench.database import cleared, prepared
from tests.bench.measuring import Options, Report, Table, Timing, interleaved
from tests.bench.upload import ROWS, values_of
from tests.django_pulse.stand_ins import drive
from tests.project.todo.models import Task

__all__ = ["run"]

TABLE = "todo.task"

Rows = Mapping[uuid.UUID, dict[str, Any]]

_replicas = itertools.count(6_000_001)


def run(options: Options) -> Report:
    """Time new rows and edits."""
    count, user = options.rows(ROWS), prepared("uploader")
    report = Report()
    for name, title, contestants in (
        ("new", f"{count:,} new rows", (_binary_new, _text_new)),
        ("edits", f"{count:,} edits", (_binary_edits, _text_edits)),
    ):
        binary, text = contestants
        timings = interleaved(
            {"text": partial(text, count, user), "binary": partial(binary, count, user)},
            options.rounds,
        )
        _tell(report, name, title, timings, count)
    return report


def _tell(report: Report, name: str, title: str, timings: Mapping[str, Timing], count: int) -> None:
    text, binary = timings["text"], timings["binary"]
    report.figures[name] = {
        "ratio_to_binary": text.ratio_to(binary),
        "rows_per_second": round(count / text.median),
        "spread": {other: round(each.spread, 2) for other, each in timings.items()},
    }
    lines = [
        (label, each.median * 1000, count / each.median, text.ratio_to(each), each.spread)
        for label, each in timings.items()
    ]
    columns = ("", "ms", "rows/s", "text takes x", "spread")
    report.tables.append(Table(title, columns, lines, "medians of the rounds"))


def _new(count: int) -> dict[uuid.UUID, dict[str, Any]]:
    return {uuid.uuid4(): values_of(number) for number in range(count)}


def _edited(values: Mapping[str, Any]) -> dict[str, Any]:
    return {**values, "title": f"{values['title']} twice"}


# Binary


def _binary_new(count: int, user: Any) -> Callable[[], object]:
    cleared()
    session, replica = _binary_session(user)
    frames = list(_frames(replica, _documents(_new(count), replica)))
    return lambda: _pushed(session, frames)


def _binary_edits(count: int, user: Any) -> Callable[[], object]:
    cleared()
    session, replica = _binary_session(user)
    rows, schema = _new(count), schema_of(Task)
    documents = _documents(rows, replica)
    _pushed(session, list(_frames(replica, documents)))
    updates = {}
    for sync_id, data in documents.items():
        document = Document(data, replica)
        clock, old = document.clock(replica), rows[sync_id]["title"]
        write_field(document, schema.fields["title"], old, f"{old} twice", _NOW + 1)
        updates[sync_id] = document.own_diff(clock)
    frames = list(_frames(replica, updates))
    return lambda: _pushed(session, frames)


_NOW = 1_700_000_000_000
"""The devices' clock, in milliseconds."""


def _binary_session(user: Any) -> tuple[Session, int]:
    replica = next(_replicas)
    session = Session(Backend(), _handshake(user), bounds())
    drive(session.receive(encode(Hello(replica, f"bench {replica}"))))
    return session, replica


def _documents(rows: Rows, replica: int) -> dict[uuid.UUID, bytes]:
    schema, documents = schema_of(Task), {}
    for sync_id, values in rows.items():
        document = Document(replica=replica)
        for name, value in values.items():
            write_field(document, schema.fields[name], MISSING, value, _NOW)
        documents[sync_id] = document.encode()
    return documents


def _frames(replica: int, updates: Mapping[uuid.UUID, bytes]) -> Iterator[bytes]:
    """In frames of as many rows as a client sends at once."""
    items = [Item(schema_of(Task).label, sync_id, data) for sync_id, data in updates.items()]
    size = conf.MAX_ROWS_PER_PUSH
    for number, start in enumerate(range(0, len(items), size), start=1):
        some = tuple(items[start : start + size])
        yield encode(Push(number, identity.epoch(), some))


def _pushed(session: Session, frames: list[bytes]) -> None:
    for frame in frames:
        [ack] = drive(session.receive(frame))
        assert isinstance(ack, Send)
        assert b'"refused"' not in bytes(ack.frame)  # type: ignore[arg-type]


# Text


def _text_new(count: int, user: Any) -> Callable[[], object]:
    cleared()
    session, text = _text_session(user), _batch(_new(count), {})
    return lambda: _acked(session, text, count)


def _text_edits(count: int, user: Any) -> Callable[[], object]:
    cleared()
    rows = _new(count)
    session = _text_session(user)
    _acked(session, _batch(rows, {}), count)
    told = drive(session.receive(json.dumps({"type": "SYNC_REQUEST_DELTA", "table": TABLE})))
    data = [json.loads(step.frame)["data"] for step in told if isinstance(step, Send)]
    versions = {uuid.UUID(each["sync_id"]): each["version"] for each in data}
    held = {uuid.UUID(each["sync_id"]): each["data"] for each in data}
    edited = {sync_id: _edited(values) for sync_id, values in held.items()}
    session, text = _text_session(user), _batch(edited, versions)
    return lambda: _acked(session, text, count)


def _text_session(user: Any) -> TextSession:
    session = TextSession(TextBackend(), _handshake(user))
    _acked(session, _batch({}, {}), 0)  # it signs in with its first message
    return session


def _batch(rows: Rows, versions: Mapping[uuid.UUID, int]) -> str:
    payloads = [
        {**values, "sync_id": str(sync_id), "version": versions.get(sync_id, 0)}
        for sync_id, values in rows.items()
    ]
    return json.dumps({"type": "SYNC_BATCH_UPLOAD", "table": TABLE, "payloads": payloads})


def _acked(session: TextSession, text: str, count: int) -> None:
    [ack] = [
        json.loads(step.frame) for step in drive(session.receive(text)) if isinstance(step, Send)
    ]
    assert len(ack["synced_ids"]) == count, ack["errors"][:1]
    assert "notes" not in ack, ack["notes"][:1]


def _handshake(user: Any) -> Handshake:
    return Handshake.of({"type": "websocket", "path": "/", "headers": [], "user": user})
