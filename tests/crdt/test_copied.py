"""What a replica does that is told that its id is taken; copies of real stores, with a real server,
are in `tests/django_pulse/test_copies.py`.
"""

from uuid import UUID

import pytest

from crdt import frames
from crdt.marks import MARK_MILLISECONDS
from crdt.messages import Fault, Hello, Key

from .authority import MODEL, Authority
from .phone import Phone, converged


def refused(phone: Phone, shared: tuple[int, ...] = (), doubtful: tuple[int, ...] = ()) -> Hello:
    """Say hello, and be told that the id is taken; gives the hello."""
    said = frames.decode(phone.replica.connected())
    assert isinstance(said, Hello)
    phone.number += 1_000  # what is drawn from now on
    fault = Fault("replica_taken", "Taken.", True, None, shared, doubtful)
    phone.replica.receive(frames.encode(fault))
    phone.replica.disconnected()
    return said


@pytest.fixture
def row(phone: Phone) -> UUID:
    row = phone.replica.create(MODEL, {"title": "Eggs", "notes": "one two"})
    phone.sync()
    phone.cut()
    return row


def test_all_that_waits_is_pushed_under_the_new_id(
    phone: Phone, authority: Authority, row: UUID
) -> None:
    phone.replica.set(MODEL, row, title="Milk", notes="one")
    phone.replica.add(MODEL, row, "votes", 2)
    new = phone.replica.create(MODEL, {"title": "New"})
    before, seen = phone.replica.device, phone.rows()
    old = refused(phone).replica
    assert phone.rows() == seen
    phone.reload()
    assert phone.replica.replica != old
    assert phone.replica.device != before
    assert converged(phone, Phone(authority, 12))
    assert phone.rows() == seen
    assert new in seen


@pytest.mark.parametrize("code", ["copied", "doubtful"])
def test_an_edit_that_is_not_pushed_is_kept_with_its_values(
    phone: Phone, row: UUID, code: str
) -> None:
    phone.replica.set(MODEL, row, title="Milk", notes="one")
    phone.replica.add(MODEL, row, "votes", 2)
    # The phone's numbers are all alike: that of its mark is known.
    gone = (phone.number,)
    refused(phone, *((gone, ()) if code == "copied" else ((), gone)))
    [kept] = phone.replica.reverted()
    assert (kept.reason, kept.code, kept.id) == ("copied", code, row)
    assert {name: field.value for name, field in kept.fields.items()} == {
        "title": "Milk",
        "notes": "one",
        "votes": 2,
    }
    assert phone.rows()[row]["title"] == "Eggs"
    assert phone.replica.pending == 0


def test_deletions_of_rows_are_made_again(phone: Phone, authority: Authority, row: UUID) -> None:
    phone.replica.delete(MODEL, row)
    refused(phone)
    other = Phone(authority, 12)
    assert converged(phone, other)
    assert other.rows() == {}


def test_a_second_refusal_makes_it_all_again(phone: Phone, authority: Authority, row: UUID) -> None:
    phone.replica.add(MODEL, row, "votes", 2)
    for _ in range(3):
        refused(phone)
    other = Phone(authority, 12)
    assert converged(phone, other)
    assert other.rows()[row]["votes"] == 2


def test_nothing_that_is_confirmed_is_pushed_again(phone: Phone, row: UUID) -> None:
    refused(phone)
    phone.sync()
    assert [item.id for push in phone.pushes[1:] for item in push.items] == []
    assert phone.rows()[row]["title"] == "Eggs"


def test_of_all_minutes_since_the_copy_was_made_everything_is_pushed(
    phone: Phone, authority: Authority, row: UUID
) -> None:
    marks = []
    for fields in ({"title": "Shared"}, {"done": True}, {"notes": "three"}, {"title": "Mine"}):
        phone.number += 1  # what the mark is drawn from
        phone.replica.set(MODEL, row, **fields)
        marks += [made for made, _ in phone.replica._shelf.record(Key(MODEL, row)).made[-1:]]
        authority.now += MARK_MILLISECONDS
    assert len({*marks}) == 4
    refused(phone, shared=(marks[0],))
    phone.sync()
    found = phone.rows()[row]
    assert (found["title"], found["done"], found["notes"]) == ("Mine", True, "three")
