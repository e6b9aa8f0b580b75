"""Hazards of CRDT bytes that show in the database, through the real write path."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth import get_user_model

from crdt.document import Document
from crdt.entry import entries_root, text_root
from crdt.lib0 import write_any, write_text, write_varuint
from crdt.ranges import write_ranges
from django_pulse import writes
from django_pulse.tables import Document as StoredDocument
from django_pulse.writes import ItemResult, PushItem
from tests.django_pulse.devices import Device
from tests.project.todo.models import Note

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.databases("sqlite", "postgres"),
]

LABEL = "todo.note"


@pytest.fixture
def ada() -> Any:
    return get_user_model().objects.create_user("ada")


def pushed(user: Any, replica: int, row: Any, data: bytes) -> ItemResult:
    [result] = writes.push(user, replica, [PushItem(LABEL, row, data)])
    return result


def state_of(row: Any) -> bytes:
    return bytes(StoredDocument.objects.get(sync_id=row).state)


def test_a_gap_then_a_reload_then_the_filling(ada: Any) -> None:
    """Nothing of what came too early is kept, so that it can neither show nor be lost."""
    phone = Device(ada, Note)
    row = phone.create(title="One")
    phone.push()
    phone.set(row, title="Two")
    first = phone.acked[row]
    document = phone.rows[row]
    middle = document.clock(phone.replica)
    phone.set(row, reviewed_by="")  # folds nothing: another field
    document.append("body", 1 << 20, None)
    late = document.own_diff(middle)
    before = state_of(row)
    result = pushed(ada, phone.replica, row, late)
    assert (result.status, result.clock) == ("resend", first)
    assert state_of(row) == before
    reloaded = Document(state_of(row), 1)
    assert reloaded.clock(phone.replica) == first
    assert pushed(ada, phone.replica, row, document.own_diff(first)).status == "ok"
    assert Note.objects.get().title == "Two"


def test_a_deletion_that_arrives_before_its_insertion(ada: Any) -> None:
    """Taken, it would delete what the other device has yet to write."""
    phone, other = Device(ada, Note), Device(ada, Note)
    row = phone.create(title="One", body="abc")
    phone.push()
    other.pull(row)
    other.edit(row, "body", 3, 0, "def")
    update = other.update(row)
    clock = other.rows[row].clock(other.replica)
    entry = write_any(["title", 1 << 20, "Two"])
    own = phone.acked[row]
    before = state_of(row)
    origin = Document(before, 1).loaded.last_entry[phone.replica]
    head = b"".join(map(write_varuint, (1, 1, phone.replica, own)))
    body = b"\x88" + write_varuint(phone.replica) + write_varuint(origin) + b"\x01" + entry
    early = head + body + write_ranges({other.replica: [(0, clock)]})
    result = pushed(ada, phone.replica, row, early)
    assert (result.status, result.code) == ("refused", "malformed")
    assert state_of(row) == before
    assert pushed(ada, other.replica, row, update).status == "ok"
    assert Note.objects.get().body == "abcdef"


def test_keys_that_are_empty_or_hold_nul(ada: Any) -> None:
    """As a map's key the item is refused; as a field's name it is undone, and told as it can be
    stored.
    """
    replica = 77
    root = b"\x01" + write_text(entries_root(replica))
    head = b"".join(map(write_varuint, (1, 1, replica, 0)))
    for key in ("", "\0", "a\0b"):
        in_map = b"\x28" + root + write_text(key) + b"\x01" + write_any(["title", 1, "x"])
        assert pushed(ada, replica, uuid4(), head + in_map + b"\0").code == "malformed"
    for nameless in (
        b"\x08" + root + b"\x01" + write_any(["", 1, "x"]),
        b"\x04\x01" + write_text(text_root("")) + write_text("x"),
    ):
        assert pushed(ada, replica, uuid4(), head + nameless + b"\0").code == "malformed"
    row, document = uuid4(), Document(replica=replica)
    document.append("title", 1 << 11, "Fine")
    document.append("a\0b", 1 << 11, "x")
    result = pushed(ada, replica, row, document.own_diff(0))
    assert result.status == "ok"
    assert set(result.reverted) == {"a\ufffdb"}
    assert Note.objects.get(sync_id=row).title == "Fine"
