"""The end of a simulation: everybody hears of everything, and reads."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError

from crdt import MISSING, Document
from crdt.messages import Key
from crdt.stamp import stamp_ms
from django_pulse.bookkeeping import BOOKKEEPING
from django_pulse.conf import conf
from django_pulse.mapping.columns import columns_of
from django_pulse.mapping.keys import Keys
from django_pulse.mapping.schema import schema_of
from django_pulse.tables import Document as StoredDocument

from ..world.comparing import Told, difference, told
from .ledger import MADE, Ledger
from .network_acts import hear, ping
from .parked import check_marked, check_parked, was_there
from .scenery import ACCOUNT, MEMO, Scenery, Violation

__all__ = ["check", "exchange", "settle"]

ROUNDS = 2
"""Times that everybody asks for news: what one brings up, others wait for."""

MOST_FRAMES = 3_000
"""Frames between one device and the server until both have nothing more to say."""


def settle(scenery: Scenery) -> None:
    """No more faults: everybody connects, and exchanges everything."""
    scenery.faults.armed.clear()
    scenery.partitioned.clear()
    scenery.ghosts.clear()
    for line in tuple(scenery.server.lines):
        scenery.server.lines.discard(line)
    for device in scenery.devices:
        device.connect(scenery.server)
        exchange(scenery, device)
    for _ in range(ROUNDS):
        scenery.clock.advance(1_000)
        for device in scenery.devices:
            ping(scenery, device)
            exchange(scenery, device)


def exchange(scenery: Scenery, device: Any) -> None:
    """Send and receive until both sides have nothing more to say."""
    line = device.line
    for _ in range(MOST_FRAMES):
        device.say()
        if line.up:
            frame = line.up.popleft()
            scenery.passed(frame)
            line.take(frame)
        elif line.down:
            frame = line.down.popleft()
            scenery.passed(frame)
            hear(scenery, device, frame)
        else:
            return
        if line.is_closed and not line.down:
            raise Violation(f"The server ended the connection of {device.name}.")
    raise Violation(f"{device.name} and the server never stop talking.")


def check(scenery: Scenery) -> None:
    """Raises `Violation` with the first promise that was not kept."""
    for device in scenery.devices:
        if device.replica.pending:
            raise Violation(f"{device.name} has edits that the server neither took nor refused.")
        if not device.replica.in_sync:
            raise Violation(f"{device.name} still waits for something.")
        for kept in device.replica.reverted():
            scenery.ledger.kept_aside(kept)
    observer = scenery.observer
    for wrong in (observer.acked(scenery.devices), *map(observer.caught_up, scenery.devices)):
        if wrong is not None:
            raise Violation(wrong)
    _no_stamp_is_ahead(scenery)
    for label, model in ((ACCOUNT, scenery.bank.account), (MEMO, scenery.bank.memo)):
        rows = StoredDocument.objects.filter(model=label)
        stored = {row.sync_id: row for row in rows}
        documents = {sync_id: Document(bytes(row.state)) for sync_id, row in stored.items()}
        said = {sync_id: told(document) for sync_id, document in documents.items()}
        for device in scenery.devices:
            _devices_agree(scenery, device, label, model, stored, said)
        check_parked(model, stored, documents)
        _rows_agree(scenery, label, model, stored, documents)
        _ledger_agrees(scenery, label, stored, documents)


def _no_stamp_is_ahead(scenery: Scenery) -> None:
    """Devices with fast clocks do not win for hours: the server rewrites their stamps."""
    latest = scenery.clock.now_ms + int(conf.MAX_DRIFT_SECONDS * 1_000)
    for row in StoredDocument.objects.all():
        for entry in Document(bytes(row.state)).entries.values():
            if stamp_ms(entry.stamp) > latest:
                raise Violation(f"{row} has a stamp of {stamp_ms(entry.stamp)}: {entry}")


def _devices_agree(
    scenery: Scenery,
    device: Any,
    label: str,
    model: Any,
    stored: Mapping[UUID, StoredDocument],
    said: Mapping[UUID, Told],
) -> None:
    part = scenery.parts.get(device.number)
    wanted = model.objects.filter(is_local_only=False)
    if part is not None:
        wanted = wanted.filter(**part[label]) if label in part else wanted.none()
    if label == ACCOUNT:
        wanted = wanted.filter(branch__members=device.user)
    ids = set(wanted.values_list("sync_id", flat=True))
    rows = device.rows(label)
    check_marked(device, rows, stored)
    held = {row for row in rows if row not in stored or stored[row].parked is None}
    if held != ids:
        more, less = sorted(map(str, held - ids)), sorted(map(str, ids - held))
        raise Violation(f"{device.name} holds {more} of {label} too many, and lacks {less}")
    for sync_id in sorted(ids):
        here, there = device.told(label, sync_id), said[sync_id]
        if here != there:
            where = f"{device.name} and the server differ in {label} {sync_id.int}"
            raise Violation(f"{where}: {difference(here, there)}")


def _rows_agree(
    scenery: Scenery,
    label: str,
    model: Any,
    stored: Mapping[UUID, StoredDocument],
    documents: Mapping[UUID, Document],
) -> None:
    columns, schema = columns_of(model), schema_of(model)
    keys = Keys("default", columns)
    for row in model.objects.all():
        said = schema.read(documents[row.sync_id])
        waiting = stored[row.sync_id].waiting or {}
        for name, column in columns.items():
            field = schema.fields[name]
            if field.wire in waiting:
                continue
            told_of = said.values.get(name, field.default)  # what nobody wrote yet reads so
            found = column.read(row.__dict__, keys)
            if told_of is not MISSING and not field.same(found, told_of):
                raise Violation(
                    f"{label} {row.sync_id.int} has {found!r} in the column {name}, and "
                    f"{told_of!r} in its document"
                )
        try:
            row.clean_fields(exclude=["branch", "answers", *BOOKKEEPING])
        except ValidationError as error:
            raise Violation(f"{label} {row.sync_id.int} is not valid: {error}") from error
        if row.left != row.right:
            certain = scenery.ledger.is_certain(Key(label, row.sync_id), "left")
            if certain and scenery.ledger.is_certain(Key(label, row.sync_id), "right"):
                raise Violation(
                    f"{label} {row.sync_id.int} mixes two edits of a pair: {row.left}, {row.right}"
                )


def _ledger_agrees(
    scenery: Scenery,
    label: str,
    stored: Mapping[UUID, StoredDocument],
    documents: Mapping[UUID, Document],
) -> None:
    schema = schema_of(scenery.bank.account if label == ACCOUNT else scenery.bank.memo)
    for key in scenery.ledger.barred:
        if key.model == label and key.id in stored and was_there(stored[key.id]):
            raise Violation(f"{label} {key.id.int} was made by who may not make it, and was there")
    for key in scenery.ledger.rows:
        if key.model != label or not scenery.ledger.is_certain(key, ""):
            continue
        if key in scenery.ledger.deleted:
            # Of an account whose scope its user lost, the server does not take even that.
            if label == MEMO and key.id in stored and not stored[key.id].deleted:
                raise Violation(f"{label} {key.id.int} was deleted, and is still there")
            continue
        if _may_be_missing(scenery.ledger, key, stored.get(key.id)):
            continue
        if key.id not in stored:
            raise Violation(f"{label} {key.id.int} was made, and is not there")
        if stored[key.id].parked is not None:
            continue
        if stored[key.id].deleted:
            raise Violation(f"{label} {key.id.int} was deleted by nobody")
        values = dict(schema.read(documents[key.id]).values)
        if "headline" in values:
            values["title"] = values["headline"]
        wrong = scenery.ledger.wrong(key, values)
        if wrong is not None:
            raise Violation(f"In {label} {key.id.int}, {wrong}")


def _may_be_missing(ledger: Ledger, key: Key, stored: StoredDocument | None) -> bool:
    """Is there no row, and need there be none?"""
    if stored is None and not ledger.is_certain(key, MADE):
        return True
    return key in ledger.withdrawn and not was_there(stored)
