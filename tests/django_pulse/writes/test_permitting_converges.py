"""Whatever devices try, columns change only as roles allow, and all devices hold the same."""

from __future__ import annotations

import os
import random
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.contrib.auth import get_user_model

from crdt.document import Document
from django_pulse.tables import Document as Stored
from tests.django_pulse.phones import Phone, switchboard
from tests.project.permits.models import Page, Workspace

MODEL = "permits.page"
EXAMPLES = int(os.environ.get("PULSE_EXAMPLES", "12"))
STEPS = 15 * EXAMPLES // 10

WRITES: dict[str, set[str]] = {
    "reader": set(),
    "voter": {"votes", "tags"},
    "editor": {"title", "body", "votes", "tags", "workspace_id", "parent_id"},
    "admin": {"title", "body", "votes", "tags", "workspace_id", "parent_id", "status"},
}
"""Which columns of rows that are there change by whom."""


class Office:
    """Two workspaces, a device of each role, and what they do at random."""

    def __init__(self, board: Any, seed: int) -> None:
        self.random = random.Random(seed)
        self.spaces = [Workspace.objects.create(name=name) for name in ("Hall", "Yard")]
        self.phones: dict[str, Phone] = {}
        for number, role in enumerate(WRITES):
            user = get_user_model().objects.create_user(role)
            for space in self.spaces:
                space.seats.create(user=user, role=role)
            self.phones[role] = Phone(board, user, 7_000 + number)
        for number in range(3):
            Page.objects.create(title=f"Page {number}", workspace=self.spaces[0])
        for phone in self.phones.values():
            phone.sync()

    def edit(self, phone: Phone) -> None:
        """One to three edits of one row, or a new one."""
        rows = sorted(row.id for row in phone.replica.all(MODEL))
        if not rows or self.random.random() < 0.15:
            space = self.random.choice(self.spaces).pk
            phone.replica.create(MODEL, {"title": "New", "workspace": space, "status": "mine"})
            return
        row = self.random.choice(rows)
        for _ in range(self.random.randrange(1, 4)):
            self.random.choice([self._value, self._text, self._refer, self._add])(phone, row)
        if self.random.random() < 0.15:
            phone.replica.delete(MODEL, row)

    def _value(self, phone: Phone, row: UUID) -> None:
        name = self.random.choice(["title", "status"])
        phone.replica.set(MODEL, row, **{name: f"{name} {self.random.randrange(99)}"[:10]})

    def _add(self, phone: Phone, row: UUID) -> None:
        phone.replica.add(MODEL, row, "votes", self.random.randrange(1, 5))
        phone.replica.set(MODEL, row, tags=[f"tag {self.random.randrange(5)}"])

    def _text(self, phone: Phone, row: UUID) -> None:
        length = len(phone.row(MODEL, row)["body"])
        at = self.random.randrange(length + 1)
        gone = self.random.randrange(min(3, length - at) + 1)
        phone.replica.edit_text(MODEL, row, "body", at, gone, self.random.choice(["é", "😀x", ""]))

    def _refer(self, phone: Phone, row: UUID) -> None:
        pages = [*sorted(page.id for page in phone.replica.all(MODEL)), uuid4()]
        phone.replica.set(MODEL, row, parent=self.random.choice(pages))
        phone.replica.set(MODEL, row, workspace=self.random.choice(self.spaces).pk)


def columns() -> dict[UUID, dict[str, Any]]:
    unsaid = {"version", "updated_at", "created_at"}
    rows = {row["sync_id"]: row for row in Page.objects.values()}
    return {i: {n: v for n, v in row.items() if n not in unsaid} for i, row in rows.items()}


def live(state: bytes) -> dict[str, Any]:
    """A document's live entries."""
    document = Document(state)
    return {name: document.live(name) for name in document.fields()}


def assert_allowed(role: str, before: dict[UUID, Any], after: dict[UUID, Any]) -> None:
    """Rows that refer to one which is gone, or that waited for one which came, change with it."""
    moved = {"parent_id"}
    for row in before.keys() & after.keys():
        changed = {name for name, value in after[row].items() if before[row][name] != value}
        assert changed <= WRITES[role] | (moved if role == "admin" else set()), (role, changed)
    assert role in {"editor", "admin"} or after.keys() <= before.keys(), f"made by a {role}"
    assert role == "admin" or before.keys() <= after.keys(), f"deleted by a {role}"


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("seed", [1, 2])
def test_columns_change_only_as_roles_allow_and_every_device_converges(seed: int) -> None:
    with switchboard() as board:
        office = Office(board, seed)
        for _ in range(STEPS):
            role = office.random.choice(list(WRITES))
            phone = office.phones[role]
            before = columns()
            office.edit(phone)
            phone.sync()
            assert_allowed(role, before, columns())
        for phone in [*office.phones.values()] * 2:
            phone.sync()
        rows = set(Page.objects.values_list("sync_id", flat=True))
        stored = Stored.objects.filter(model=MODEL, sync_id__in=rows)
        server = {each.sync_id: live(bytes(each.state)) for each in stored}
        for role, phone in office.phones.items():
            held = {row: said for row, (_, said) in phone.documents(MODEL).items() if row in rows}
            assert held == server, role
            assert {row.id for row in phone.replica.all(MODEL)} >= rows
