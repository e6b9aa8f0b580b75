"""What must hold once everybody has heard of everything."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from crdt import MISSING, Document, Field
from crdt.rules import Counter
from django_pulse.mapping.keys import Keys
from django_pulse.tables import Document as StoredDocument

from ..world import Device
from ..world.comparing import difference, told
from .kit import SERVER
from .stage import Broken, Stage, shown
from .validity import errors_of

__all__ = ["check_end"]


def check_end(stage: Stage) -> None:
    """Raises `Broken` with the first promise that was not kept."""
    rows = StoredDocument.objects.using(stage.kit.using).filter(model=stage.kit.schema.label)
    stored = {row.sync_id: row for row in rows}
    documents = {sync_id: Document(bytes(row.state)) for sync_id, row in stored.items()}
    for sync_id, document in documents.items():
        broken = stage.laws.broken_by(document, stage.kit.schema.fields)
        if broken is not None:
            raise Broken(f"On the server, in {stage.called(sync_id)}: {broken}")
    _everything_was_said(stage)
    for device in stage.devices:
        _holds_what_its_user_may_see(stage, device, stored)
        _says_what_the_server_says(stage, device, stored, documents)
    _rows_say_what_documents_say(stage, stored, documents)
    _nothing_is_lost(stage, stored, documents)
    _rows_are_valid(stage, documents)


def _everything_was_said(stage: Stage) -> None:
    for device in stage.devices:
        if device.replica.pending:
            raise Broken(
                f"{device.name} has {device.replica.pending} rows with edits that the server "
                "neither took nor refused."
            )
        if not device.replica.in_sync:
            raise Broken(f"{device.name} still waits for something that the server never sends.")


def _holds_what_its_user_may_see(
    stage: Stage, device: Device, stored: Mapping[UUID, StoredDocument]
) -> None:
    wanted = set(stage.kit.seen_by(device.user).values_list("sync_id", flat=True))
    held = {
        sync_id
        for sync_id in device.rows(stage.kit.schema.label)
        if sync_id not in stored or stored[sync_id].parked is None
    }
    for sync_id in held - wanted:
        raise Broken(f"{device.name} holds {stage.called(sync_id)}, which its user may not see.")
    for sync_id in wanted - held:
        raise Broken(f"{device.name} does not have {stage.called(sync_id)}, which its user sees.")


def _says_what_the_server_says(
    stage: Stage,
    device: Device,
    stored: Mapping[UUID, StoredDocument],
    documents: Mapping[UUID, Document],
) -> None:
    for sync_id in device.rows(stage.kit.schema.label):
        # What was undone in a row that waits reaches its device once the row gets in.
        if sync_id in documents and stored[sync_id].parked is None:
            here, there = device.told(stage.kit.schema.label, sync_id), told(documents[sync_id])
            if here != there:
                raise Broken(
                    f"{device.name} and the server hold different documents of "
                    f"{stage.called(sync_id)}: {difference(here, there)}."
                )


def _rows_say_what_documents_say(
    stage: Stage, stored: Mapping[UUID, StoredDocument], documents: Mapping[UUID, Document]
) -> None:
    rows = {row.sync_id: row for row in stage.kit.model._base_manager.using(stage.kit.using)}
    keys = Keys(stage.kit.using, {each.name: each.column for each in stage.kit.editables})
    for sync_id, row in rows.items():
        if sync_id not in documents:
            raise Broken(f"{stage.called(sync_id)} has no document.")
        said = stage.kit.schema.read(documents[sync_id])
        if said.deleted:
            raise Broken(f"{stage.called(sync_id)} is deleted by its document, and there.")
        for each in stage.kit.editables:
            value = said.values.get(each.name, MISSING)
            if value is MISSING or each.name in (stored[sync_id].waiting or {}):
                continue
            held = each.column.read(row.__dict__, keys)
            if held is MISSING and each.column.refers:
                continue  # to a row that is gone, as a generic key may
            if not each.field.same(held, value):
                raise Broken(
                    f"The Django row of {stage.called(sync_id)} has {shown(held)} in {each.name}, "
                    f"and its document says {shown(value)}."
                )
        if row.version != stored[sync_id].version:
            raise Broken(f"{stage.called(sync_id)} counts its versions wrong.")
    for sync_id, document in stored.items():
        if sync_id not in rows and not document.deleted and document.parked is None:
            raise Broken(f"{stage.called(sync_id)} is gone, and its document does not say so.")


def _nothing_is_lost(
    stage: Stage, stored: Mapping[UUID, StoredDocument], documents: Mapping[UUID, Document]
) -> None:
    for sync_id, recorded in stage.record.rows.items():
        called = stage.called(sync_id)
        if sync_id not in documents:
            raise Broken(f"The server took edits of {called}, and has no document of it.")
        document = documents[sync_id]
        if told(Document(recorded.rebuilt())) != told(document):
            raise Broken(
                f"A replica that is rebuilt from all updates of {called} does not say what the "
                "server says."
            )
        if stored[sync_id].deleted:
            continue
        for name, field in stage.kit.schema.fields.items():
            if field.rule.text or field.wire in recorded.doubtful:
                continue
            expected, found = recorded.value(field), field.read(document)
            if found is MISSING and stored[sync_id].parked is not None:
                found = field.default  # filled in as soon as there is a row
            if isinstance(field.rule, Counter):
                expected = _with_those_taken_in(stage, sync_id, field, expected, stored)
            if expected is not None and not (found is not MISSING and field.same(expected, found)):
                raise Broken(
                    f"{name} of {called} is {shown(found)} on the server. By all the edits that it "
                    f"took, it should be {shown(expected)}: something was lost, or counted twice."
                )


def _with_those_taken_in(
    stage: Stage, sync_id: UUID, field: Field, own: Any, stored: Mapping[UUID, StoredDocument]
) -> Any:
    """What a counter should be, with what rows added to it that this one took in (`on_unique`)."""
    added = [own]
    for other, document in stored.items():
        into = (document.parked or {}).get("into")
        if into == str(sync_id) and other in stage.record.rows:
            added.append(stage.record.rows[other].value(field))
    known = [value for value in added if value is not None]
    return sum(known) if known else None


def _rows_are_valid(stage: Stage, documents: Mapping[UUID, Document]) -> None:
    for row in stage.kit.model._base_manager.using(stage.kit.using):
        entries = documents[row.sync_id].entries
        written = {entry.field for dot, entry in entries.items() if dot.replica != SERVER}
        filled = [each.name for each in stage.kit.editables if each.field.wire not in written]
        errors = errors_of(row, filled)
        if errors is not None:
            raise Broken(
                f"{stage.called(row.sync_id)} was merged to a row that is not valid: {errors}"
            )
