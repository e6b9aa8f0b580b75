"""A document rebuilt by a server that knows which pushes were in it: each counts exactly once."""

import os
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import rule

from crdt.document import Document
from crdt.messages import Key

from .authority import MODEL
from .phone import Phone
from .test_convergence import Convergence, places

CASES = int(os.environ.get("PULSE_FUZZ_CASES", "2500")) // 100
"""Random histories."""


@pytest.mark.parametrize("wrote_before", [False, True])
@pytest.mark.parametrize("restarts", [False, True])
def test_a_push_is_not_repeated_though_its_ack_was_lost(
    phone: Phone, other: Phone, wrote_before: bool, restarts: bool
) -> None:
    authority = phone.authority
    row = other.replica.create(MODEL, {"title": "Eggs", "notes": "naïve 😀", "votes": 1})
    other.sync()
    phone.sync()
    if wrote_before:
        phone.replica.add(MODEL, row, "votes", 2)
        phone.replica.edit_text(MODEL, row, "notes", 0, 0, "so ")
        phone.exchange()
    expected = str(phone.rows()[row]["notes"])
    phone.replica.add(MODEL, row, "votes", 4)
    phone.replica.edit_text(MODEL, row, "notes", 0, 0, "[")
    phone.send()
    phone.cut()
    phone.replica.add(MODEL, row, "votes", 8)
    phone.replica.edit_text(MODEL, row, "notes", 1, 0, "]")
    authority.rebuild(Key(MODEL, row), counted=True)
    if restarts:
        phone.restart()
    for each in (phone, other, phone, other):
        each.sync()
        assert each.replica.in_sync
    assert phone.rows() == other.rows()
    assert phone.rows()[row]["votes"] == 13 + 2 * wrote_before
    assert phone.rows()[row]["notes"] == "[]" + expected
    assert not phone.replica.reverted()


@pytest.mark.parametrize("restarts", [False, True])
def test_a_push_that_comes_after_all_is_made_again(
    phone: Phone, other: Phone, row: UUID, restarts: bool
) -> None:
    """What it replaces is not in the document any more: there it would do nothing."""
    other.sync()
    phone.replica.set(MODEL, row, done=True, title="Bread")
    phone.replica.add(MODEL, row, "votes", 4)
    held = phone.replica.outgoing()
    phone.authority.rebuild(Key(MODEL, row), counted=True)
    assert phone.line is not None
    for frame in held:
        phone.line.take(frame)
    if restarts:
        phone.restart()
    for each in (phone, other, phone):
        each.sync()
        assert each.replica.in_sync
    assert phone.rows() == other.rows()
    shown = phone.rows()[row]
    assert (shown["title"], shown["votes"], shown["done"]) == ("Bread", 4, True)
    server = Document(phone.authority.documents[Key(MODEL, row)])
    assert len(server.live("title")) == len(server.live("done")) == 1
    assert not phone.replica.reverted()


def test_who_typed_last_may_go_on_with_a_document_that_was_rebuilt(phone: Phone, row: UUID) -> None:
    """His next entry stands behind his last one, and in between are characters."""
    phone.replica.edit_text(MODEL, row, "notes", 0, 0, "so ")
    phone.replica.edit_text(MODEL, row, "notes", 0, 0, "and ")
    phone.exchange()
    phone.cut()
    phone.authority.rebuild(Key(MODEL, row), counted=True)
    phone.replica.add(MODEL, row, "votes", 4)
    phone.sync()
    assert phone.replica.in_sync
    assert not phone.replica.reverted()
    assert phone.rows()[row]["votes"] == 4
    assert phone.rows()[row]["notes"] == "and so naïve 😀"


def test_what_comes_live_after_a_rebuilding_waits_for_the_document(
    phone: Phone, other: Phone
) -> None:
    """The old one has the clock that it builds on, too; but that is a character."""
    other.connect()
    row = phone.replica.create(MODEL, {"title": "Eggs", "notes": "a"})
    phone.replica.edit_text(MODEL, row, "notes", 0, 0, "b")
    phone.sync()
    phone.cut()
    phone.authority.rebuild(Key(MODEL, row), counted=True)
    while other.receive():  # it hears of that, and has not fetched the document yet
        pass
    phone.replica.set(MODEL, row, title="Bread")
    other.connect()
    phone.sync()
    other.exchange()
    assert other.replica.in_sync
    assert other.rows() == phone.rows()
    assert other.rows()[row]["title"] == "Bread"


def test_a_document_may_be_rebuilt_as_often_as_one_likes(phone: Phone, row: UUID) -> None:
    """Also within one second, by which clocks begin where none are known."""
    for _ in range(5):
        phone.authority.rebuild(Key(MODEL, row), counted=True)
        phone.exchange()
        phone.replica.add(MODEL, row, "votes", 1)
        phone.exchange()
    assert phone.rows()[row]["votes"] == 5


class Rebuilt(Convergence):
    """As `Convergence`, with documents that are lost and rebuilt from what they said."""

    row_is_refused_or_taken_again = row_leaves_or_comes_back = None  # type: ignore[assignment]
    server_is_backed_up = server_is_restored = None  # type: ignore[assignment]

    @rule(place=places)
    def is_rebuilt(self, place: int) -> None:
        authority = self.authority
        keys = [
            key
            for key, state in sorted(authority.documents.items())
            if not authority.schema.is_deleted(Document(state))
        ]
        if keys:
            authority.rebuild(keys[place % len(keys)], counted=True)

    def check_convergence(self) -> None:
        """Vectors may differ by clocks that say nothing."""
        documents = self.authority.documents
        expected = {key.id: live(Document(state)) for key, state in documents.items()}
        for phone in self.phones:
            assert phone.replica.in_sync
            assert phone.replica.pending == 0
            assert phone.rows() == self.phones[0].rows()
            states = {row: Document(state) for row, state in phone.states().items()}
            assert {row: live(document) for row, document in states.items()} == expected


def live(document: Document) -> tuple[dict[str, Any], str]:
    return {name: document.live(name) for name in document.fields()}, document.text("notes")


Rebuilt.TestCase.settings = settings(
    max_examples=CASES,
    stateful_step_count=50,
    deadline=None,
    derandomize=True,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
TestRebuilt = Rebuilt.TestCase
