"""A document that was lost and made anew from its row: everybody takes it, and no edit is lost."""

from typing import Any
from uuid import UUID

import pytest
from pycrdt import Doc

from crdt.document import Document
from crdt.messages import Key
from crdt.rebuilding import CLOCKS_FROM, rebuilt_in
from crdt.stamp import COUNTER_BITS

from .authority import MODEL, SCHEMA, Authority
from .phone import Phone


def rebuild(authority: Authority, row: UUID) -> None:
    """Lose the row's document, and make another from what it said."""
    authority.rebuild(Key(MODEL, row), counted=False)


def live(phone: Phone) -> dict[UUID, object]:
    """The live entries of every document. Its vector may count own clocks that say nothing."""
    return {row: entries for row, (_, entries) in phone.documents().items()}


def settled(*phones: Phone) -> None:
    """Everybody has everything, and it is the same."""
    for _ in range(2):
        for phone in phones:
            phone.sync()
    for phone in phones:
        assert phone.replica.in_sync
        assert phone.rows() == phones[0].rows()
        assert live(phone) == live(phones[0])


@pytest.fixture
def known(phone: Phone, other: Phone) -> UUID:
    """A row that both phones and the server have written to."""
    row = phone.replica.create(MODEL, {"title": "Eggs", "notes": "naïve 😀", "votes": 1})
    phone.sync()
    other.sync()
    other.replica.edit_text(MODEL, row, "notes", 0, 0, "so ")
    other.replica.add(MODEL, row, "votes", 4)
    other.replica.set(MODEL, row, done=True)
    other.exchange()
    phone.authority.write(Key(MODEL, row), "stage", "seen")
    settled(phone, other)
    return row


def test_clocks_begin_behind_all_that_were_given_out(known: UUID, authority: Authority) -> None:
    rebuild(authority, known)
    document = Document(authority.documents[Key(MODEL, known)], authority.server)
    start = authority.now // 1_000 - CLOCKS_FROM
    assert min(dot.clock for dot in document.entries) == start
    assert document.clock(authority.server) < start + 100
    assert max(each.stamp for each in document.entries.values()) < authority.now << COUNTER_BITS


def test_what_was_rebuilt_reads_the_same_through_pycrdt(known: UUID, authority: Authority) -> None:
    before = SCHEMA.read(Document(authority.documents[Key(MODEL, known)])).values
    rebuild(authority, known)
    state = authority.documents[Key(MODEL, known)]
    doc: Doc[Any] = Doc()
    doc.apply_update(state)
    for data in (state, doc.get_update()):
        assert SCHEMA.read(Document(data)).values == before
        assert len(rebuilt_in(data)) == 1
    assert len(state) < 400


def test_whoever_has_nothing_to_say_takes_it(
    phone: Phone, other: Phone, known: UUID, authority: Authority
) -> None:
    expected = phone.rows()
    phone.sent.clear()
    other.cut()
    rebuild(authority, known)
    settled(phone, other)
    assert phone.rows() == expected
    assert phone.pushes == []


@pytest.mark.parametrize("online", [True, False])
@pytest.mark.parametrize("restarts", [True, False])
def test_edits_that_were_not_acknowledged_are_made_once(
    phone: Phone, other: Phone, known: UUID, authority: Authority, online: bool, restarts: bool
) -> None:
    """Online, the edit leaves before its device hears that the document is another."""
    phone.cut()
    if not online:
        other.cut()
    rebuild(authority, known)
    for each, votes in ((phone, 10), (other, 100)):
        each.replica.add(MODEL, known, "votes", votes)
        each.replica.edit_text(MODEL, known, "notes", 3, 0, f"[{votes}]")
    phone.replica.set(MODEL, known, title="Bread")
    if restarts:
        phone.restart()
    settled(other, phone)
    row = phone.rows()[known]
    assert (row["title"], row["votes"], row["done"], row["stage"]) == ("Bread", 115, True, "seen")
    assert sorted(str(row["notes"])) == sorted("so [10][100]naïve 😀")


def test_it_may_happen_twice(phone: Phone, other: Phone, known: UUID, authority: Authority) -> None:
    rebuild(authority, known)
    settled(phone, other)
    other.cut()
    phone.replica.add(MODEL, known, "votes", 1)
    phone.exchange()
    authority.now += 60_000
    rebuild(authority, known)
    phone.replica.add(MODEL, known, "votes", 1)
    other.replica.add(MODEL, known, "votes", 1)
    settled(phone, other)
    assert phone.rows()[known]["votes"] == 8


def test_who_first_edits_the_row_meanwhile_is_merged(
    phone: Phone, other: Phone, authority: Authority
) -> None:
    """Its clock is 0 in either document: the server cannot tell, and need not."""
    row = phone.replica.create(MODEL, {"title": "Eggs", "votes": 1})
    phone.sync()
    other.sync()
    other.cut()
    other.replica.add(MODEL, row, "votes", 4)
    other.replica.set(MODEL, row, title="Bread")
    rebuild(authority, row)
    settled(other, phone)
    assert phone.rows()[row]["votes"] == 5
    assert phone.rows()[row]["title"] == "Bread"


def test_a_text_edited_for_the_first_time_meanwhile_is_kept(
    phone: Phone, other: Phone, authority: Authority
) -> None:
    row = phone.replica.create(MODEL, {"title": "Eggs", "notes": "naïve 😀"})
    phone.sync()
    other.sync()
    other.cut()
    other.replica.edit_text(MODEL, row, "notes", 7, 0, " and new")
    rebuild(authority, row)
    settled(other, phone)
    kept = [field.value for one in other.replica.reverted() for field in one.fields.values()]
    assert "naïve 😀 and new" in [phone.rows()[row]["notes"], *kept]
