"""The history checker: what each device saw, in the order in which it saw it.

durable acks        what a device was told to be durable is in the database, at any time
read your writes    a device sees its own edits, also after it was killed and started again
monotonic reads     what a device has seen of a row it goes on seeing
causal order        a device that has caught up with a scope has all that lies before its cursor
order               what a device writes later is stamped later, also where its clock is corrected
atomic batches      of what is pushed or saved at once, others see all or nothing
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from typing import Any
from unittest import mock

from django.db.models import F

from crdt import Changed, Connected, Event, Removed
from crdt.messages import Key
from crdt.state import read_state
from django_pulse.prepared import OneOf, Prepared
from django_pulse.sql import insert_many
from django_pulse.tables import Document, Feed, Outbox
from django_pulse.writes import storing

__all__ = ["Observer"]

Vector = dict[int, int]

_DOCUMENTS = Prepared(
    lambda: Document.objects.values_list("pk", "model", "sync_id", "state", "scopes")
)
_WAITING = Prepared(lambda: Outbox.objects.values_list("document_id"))
_PRESENT = Prepared(
    lambda keys: (
        Feed.objects.filter(OneOf(F("scope__key"), keys), present=True)
        .order_by("pk")
        .values_list("position", "scope__key", "document_id")
    )
)


class Observer:
    """See the module's docstring. Its methods say what is wrong, or None."""

    def __init__(self) -> None:
        self.committed: dict[Key, dict[int, set[int]]] = {}
        """The clocks of each replica at which a transaction left a document."""
        self._seen: dict[tuple[int, Key], Vector] = {}
        self._interrupted: set[int] = set()
        self.checks = 0

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Note what every transaction is about to store."""
        write, insert = storing._write, insert_many

        def writing(using: str, documents: Any) -> None:
            for each in documents:
                self._note(Key(each.model, each.sync_id), each.state)
            write(using, documents)

        def inserting(model: Any, using: str, names: Any, rows: Any, *args: Any) -> Any:
            if model is Document:
                for label, sync_id, state, *_ in rows:
                    self._note(Key(label, sync_id), state)
            return insert(model, using, names, rows, *args)

        with mock.patch.multiple(storing, _write=writing, insert_many=inserting):
            yield

    def _note(self, key: Key, state: bytes) -> None:
        clocks = self.committed.setdefault(key, {})
        for replica, clock in vector_of(bytes(state)).items():
            clocks.setdefault(replica, set()).add(clock)

    def heard(self, device: Any, events: list[Event]) -> str | None:
        """A device took a frame."""
        for event in events:
            if isinstance(event, Connected):
                found = self.stamped(device)
                if found is not None:
                    return found
            elif isinstance(event, Removed):
                self._seen.pop((device.number, _key(event)), None)
            elif isinstance(event, Changed):
                found = self.looked(device, _key(event))
                if found is not None:
                    return found
        return None

    def stamped(self, device: Any) -> str | None:
        """Is what waits on a device stamped in the order in which it was written?"""
        for key in device.replica._shelf.pending:
            self.checks += 1
            stamps = [entry.stamp for entry in device.replica._shelf.held(key).own_entries(0)]
            if stamps != sorted(stamps):
                return (
                    f"{device.name} has edits of {key} that are stamped in another order: {stamps}"
                )
        return None

    def interrupted(self, device: Any) -> None:
        """A device is killed as it takes a frame: nobody hears what happened by it."""
        self._interrupted.add(device.number)

    def let_go(self, device: Any, key: Key) -> None:
        """A device deleted a row itself: it may be forgotten without another word."""
        self._seen.pop((device.number, key), None)

    def looked(self, device: Any, key: Key) -> str | None:
        """A device looks at a row."""
        self.checks += 1
        vector = dict(device.replica._shelf.held(key).view.vector)
        before = self._seen.get((device.number, key), {})
        if _is_told_again(device, key):
            before = {device.number: before.get(device.number, 0)}
        self._seen[device.number, key] = vector
        for replica, clock in before.items():
            if vector.get(replica, 0) < clock:
                whose = "its own edits" if replica == device.number else f"edits of {replica}"
                return f"{device.name} saw {whose} of {key} up to {clock}, and now {vector}"
        for replica, clock in vector.items():
            known = self.committed.get(key, {}).get(replica, set())
            if replica != device.number and clock not in known:
                return (
                    f"{device.name} sees {replica} at {clock} in {key}: in the middle of what was "
                    f"stored at once ({sorted(known)})"
                )
        return None

    def restarted(self, device: Any) -> str | None:
        """A device was killed, and started again: it holds what it held, unless it was killed as it
        took a frame: that may have told it to drop rows, or that they were deleted, and what is
        deleted may be forgotten without another word.
        """
        interrupted = device.number in self._interrupted
        self._interrupted.discard(device.number)
        for number, key in list(self._seen):
            if number == device.number:
                if interrupted and not device.replica._shelf.held(key).view.vector:
                    del self._seen[number, key]
                    continue
                found = self.looked(device, key)
                if found is not None:
                    return f"after a restart, {found}"
                if interrupted and device.replica.get(*key) is None:
                    del self._seen[number, key]
        return None

    def acked(self, devices: list[Any]) -> str | None:
        """Is everything in the database that devices were told is durable?"""
        rows = _DOCUMENTS.rows("default")
        stored = {Key(label, sync_id): bytes(state) for _, label, sync_id, state, _ in rows}
        vectors: dict[Key, Mapping[int, int]] = {}
        for device in devices:
            for key, record in device.replica._shelf.all_records():
                if not record.acked or key not in stored:
                    continue
                if key not in vectors:
                    vectors[key] = vector_of(stored[key])
                self.checks += 1
                if vectors[key].get(device.number, 0) < record.acked:
                    return (
                        f"{device.name} was told that its edits of {key} are durable up to "
                        f"{record.acked}, and the database has {vectors[key]}"
                    )
        return None

    def caught_up(self, device: Any) -> str | None:
        """Has the device all that lies before its cursors?"""
        shelf = device.replica._shelf
        cursors = shelf.standing.cursors
        pending = {document for (document,) in _WAITING.rows("default")}
        documents = {
            pk: (Key(label, sync_id), bytes(state), scopes)
            for pk, label, sync_id, state, scopes in _DOCUMENTS.rows("default")
        }
        for position, scope, document in _PRESENT.rows("default", list(cursors)):
            key, state, scopes = documents[document]
            beyond = position > cursors[scope] or not _is_wanted(device, key)
            if beyond or document in pending or key in shelf.wanted or scope not in scopes:
                continue
            self.checks += 1
            here = shelf.held(key).view.vector
            there = vector_of(state)
            if any(here.get(replica, 0) < clock for replica, clock in there.items()):
                return (
                    f"{device.name} is at {cursors[scope]} in {scope}, and of {key}, "
                    f"which changed at {position}, it has {dict(here)} of {there}"
                )
        return None


@lru_cache(maxsize=1_000)
def vector_of(state: bytes) -> Mapping[int, int]:
    """The vector clock of a document's bytes."""
    return read_state(state).vector


def _is_told_again(device: Any, key: Key) -> bool:
    """Did the server have no such row, when the device asked for it? Be it that the row was lost or
    that it went out of sight: the device tells again what is its own, and holds nothing else.
    """
    record = device.replica._shelf.record(key)
    return not record.scopes and not record.acked and bool(record.since)


def _is_wanted(device: Any, key: Key) -> bool:
    """Does the device want the row, whatever that holds?"""
    part = device.replica._shelf.standing.subscription
    return part is None or part.get(key.model) == {}


def _key(event: Changed | Removed) -> Key:
    label = "bank.account" if event.model.endswith("account") else "bank.memo"
    return Key(label, event.id)
