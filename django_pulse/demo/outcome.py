"""What the database holds in the end, and whether that is what it must be."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.contrib.auth import get_user_model

from crdt import Document, VectorClock

from .. import identity, tables
from ..mapping.schema import schema_of
from . import plan
from .devices import Story
from .models import Task

__all__ = ["Stored", "faults", "read_stored"]


@dataclass(frozen=True, slots=True)
class Stored:
    """A task as the server has it: the Django row (None: deleted) and what its document says."""

    row: Task | None
    version: int
    deleted: bool
    vector: VectorClock
    writers: Mapping[str, int]
    values: Mapping[str, Any]


def read_stored(ids: Mapping[str, UUID]) -> dict[str, Stored]:
    """Every task of the database, by the plan's name for it (or its id, if the plan has none)."""
    names = {row_id: name for name, row_id in ids.items()}
    people = _people()
    rows = {row.sync_id: row for row in Task.objects.all()}
    stored = {}
    for document in tables.Document.objects.filter(model="demo.task"):
        content = Document(bytes(document.state))
        vector = content.vector
        stored[names.get(document.sync_id, str(document.sync_id))] = Stored(
            row=rows.pop(document.sync_id, None),
            version=document.version,
            deleted=document.deleted,
            vector=vector,
            writers={people.get(replica, f"{replica:x}"): vector[replica] for replica in vector},
            values=schema_of(Task).read(content).values,
        )
    for row in rows.values():
        nothing = VectorClock()
        stored[str(row.sync_id)] = Stored(row, 0, False, nothing, {}, {})
    order = list(ids)
    return dict(sorted(stored.items(), key=lambda item: _place(item[0], order)))


def faults(story: Story, stored: Mapping[str, Stored]) -> list[str]:
    """Everything that is not as the plan says it must be; empty if all is well."""
    found = list(story.complaints)
    found += [f"{name}: nobody planned this task" for name in stored.keys() - plan.EXPECTED.keys()]
    for name, expected in plan.EXPECTED.items():
        if name not in stored:
            found.append(f"{name}: the server knows no such task")
            continue
        found += [f"{name}: {text}" for text in _task_faults(stored[name], expected)]
        for person in plan.PEOPLE:
            found += [
                f"{name}: on {person}'s device, {text}"
                for text in _copy_faults(story.after[person].get(name), stored[name], expected)
            ]
    for person in plan.PEOPLE:
        for task, field, reason in sorted(story.kept[person] ^ plan.KEPT_ASIDE[person]):
            told = "is told" if (task, field, reason) in story.kept[person] else "is not told"
            found.append(f"{task}: {person}'s device {told} that its {field} is {reason}")
        found += [
            f"{name}: only {person}'s device has this task"
            for name in story.after[person].keys() - stored.keys()
        ]
    return found


def _task_faults(stored: Stored, expected: plan.Outcome) -> Iterator[str]:
    if stored.version != expected.version:
        yield f"its version is {stored.version}, not {expected.version}"
    if stored.writers.keys() != expected.writers:
        yield f"its vector clock names {_names(stored.writers)}, not {_names(expected.writers)}"
    if expected.values is None:
        if stored.row is not None:
            yield "its row is still there"
        if not stored.deleted:
            yield "its document does not say that it was deleted"
        return
    if stored.deleted:
        yield "its document says that it was deleted"
    if stored.row is None:
        yield "its row is missing"
        return
    if stored.row.version != stored.version:
        yield f"its row has version {stored.row.version}, its document {stored.version}"
    if stored.row.sync_error or stored.row.is_local_only:
        yield f"its row is marked as not synced: {stored.row.sync_error!r}"
    for field, value in expected.values.items():
        in_row = getattr(stored.row, field)
        if not _same(in_row, value):
            yield f"{field} is {in_row!r} in its row, not {value!r}"
        in_document = stored.values.get(field)
        if not _same(in_document, value):
            yield f"{field} is {in_document!r} in its document, not {value!r}"


def _copy_faults(
    copy: Mapping[str, Any] | None, stored: Stored, expected: plan.Outcome
) -> Iterator[str]:
    if copy is None or expected.values is None:
        if copy is not None:
            yield "it is still there"
        elif expected.values is not None:
            yield "it is missing"
        return
    for field in expected.values.keys() | copy.keys():
        in_row = getattr(stored.row, field, None)
        if field not in copy or not _same(copy[field], in_row):
            yield f"{field} is {copy.get(field)!r}, and {in_row!r} on the server"


def _same(one: Any, other: Any) -> bool:
    """True is not 1 here."""
    return type(one) is type(other) and bool(one == other)


def _place(name: str, order: list[str]) -> int:
    return order.index(name) if name in order else len(order)


def _names(writers: Mapping[str, int] | frozenset[str]) -> str:
    return ", ".join(sorted(writers)) or "nobody"


def _people() -> dict[int, str]:
    """Who writes under a replica id."""
    users = {str(user.pk): user.get_username() for user in get_user_model()._default_manager.all()}
    people = {device.replica: users[device.user].title() for device in tables.Device.objects.all()}
    return {identity.replica_id("default"): plan.SERVER, **people}
