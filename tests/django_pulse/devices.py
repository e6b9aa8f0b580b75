"""A device in a few lines: documents edited by the core, pushed straight to the write path."""

from __future__ import annotations

import itertools
import time
import uuid
from typing import Any

from crdt.document import Document
from crdt.editing import check_field, delete_row, touch_text, write_field
from crdt.schema import MISSING
from django_pulse import writes
from django_pulse.mapping.schema import schema_of
from django_pulse.tables import Document as StoredDocument
from django_pulse.visibility import scopes
from django_pulse.writes import ItemResult, PushItem

_replicas = itertools.count(1001)


class Device:
    """One replica of `user` that edits rows of `model` and pushes when told to."""

    def __init__(self, user: Any, model: Any) -> None:
        self.user = user
        self.model = model
        self.schema = schema_of(model)
        self.replica = next(_replicas)
        self.rows: dict[uuid.UUID, Document] = {}
        self.acked: dict[uuid.UUID, int] = {}
        self.skew_ms = 0

    def create(self, sync_id: uuid.UUID | None = None, **values: Any) -> uuid.UUID:
        sync_id = sync_id or uuid.uuid4()
        self.rows[sync_id] = Document(replica=self.replica)
        self.set(sync_id, **values)
        return sync_id

    def set(self, sync_id: uuid.UUID, **values: Any) -> None:
        document = self.rows[sync_id]
        for name, value in values.items():
            field = check_field(self.schema, name)
            old = field.read(document)
            write_field(document, field, old, value, self.now(), self.acked.get(sync_id, 0))

    def add(self, sync_id: uuid.UUID, **amounts: Any) -> None:
        for name, amount in amounts.items():
            old = self.get(sync_id).get(name, 0)
            self.set(sync_id, **{name: old + amount})

    def edit(self, sync_id: uuid.UUID, name: str, index: int, deleted: int, inserted: str) -> None:
        document, field = self.rows[sync_id], self.schema.fields[name]
        document.edit_text(field.wire, index, deleted, inserted)
        touch_text(document, field, self.now(), self.acked.get(sync_id, 0))

    def delete(self, sync_id: uuid.UUID) -> None:
        delete_row(self.rows[sync_id], self.schema, self.now(), self.acked.get(sync_id, 0))

    def undelete(self, sync_id: uuid.UUID) -> None:
        acked = self.acked.get(sync_id, 0)
        delete_row(self.rows[sync_id], self.schema, self.now(), acked, deleted=False)

    def get(self, sync_id: uuid.UUID) -> dict[str, Any]:
        return self.schema.read(self.rows[sync_id]).values

    def update(self, sync_id: uuid.UUID) -> bytes:
        """What is to be pushed of one row."""
        document = self.rows[sync_id]
        document.encode()
        return document.own_diff(self.acked.get(sync_id, 0))

    def push(self, *ids: uuid.UUID) -> list[ItemResult]:
        """Push these rows (all, by default) and note what the server took."""
        wanted = ids or tuple(self.rows)
        items = [PushItem(self.schema.label, each, self.update(each)) for each in wanted]
        results = writes.push(self.user, self.replica, items)
        for each, result in zip(wanted, results, strict=True):
            if result.status == "ok" and result.clock is not None:
                self.acked[each] = result.clock
        return results

    def pull(self, *ids: uuid.UUID) -> None:
        """Take the server's state of these rows (all that the user sees, by default)."""
        stored = StoredDocument.objects.filter(model=self.schema.label)
        if ids:
            stored = stored.filter(sync_id__in=ids)
        for each in stored:
            if set(each.scopes) & set(scopes.of_user(self.user)):
                document = Document(self._state(each.sync_id), self.replica)
                document.apply_update(bytes(each.state))
                self.rows[each.sync_id] = Document(document.encode(), self.replica)
                self.acked.setdefault(each.sync_id, document.clock(self.replica))

    def now(self) -> int:
        return time.time_ns() // 1_000_000 + self.skew_ms

    def _state(self, sync_id: uuid.UUID) -> bytes:
        return self.rows[sync_id].encode() if sync_id in self.rows else b""


def document_of(row: Any) -> Document:
    """The stored document of a row."""
    stored = StoredDocument.objects.get(model=schema_of(type(row)).label, sync_id=row.sync_id)
    return Document(bytes(stored.state))


def values_of(row: Any) -> dict[str, Any]:
    """What the stored document of a row says."""
    return schema_of(type(row)).read(document_of(row)).values


__all__ = ["MISSING", "Device", "document_of", "values_of"]
