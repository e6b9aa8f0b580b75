"""Of a document that was lost and made anew, nobody takes away what he never saw."""

from typing import Any
from uuid import UUID

import pytest

from crdt.messages import Key
from crdt.rules import AddWinsSet, DeepMerge, List
from crdt.schema import Field, Schema

from .authority import MODEL, Authority
from .phone import Phone, converged

FIELDS = {
    "tags": Field("tags", "json", AddWinsSet()),
    "options": Field("options", "json", DeepMerge()),
    "steps": Field("steps", "json", List()),
}


@pytest.fixture
def authority() -> Authority:
    return Authority(schema=Schema(MODEL, FIELDS))


def known(phone: Phone, other: Phone, **values: Any) -> UUID:
    row = phone.replica.create(MODEL, values)
    phone.sync()
    other.sync()
    phone.cut()
    return row


def write(phone: Phone, row: UUID, **values: Any) -> None:
    phone.authority.now += 1_000
    phone.replica.set(MODEL, row, **values)


def rebuild(authority: Authority, row: UUID, lost: bool) -> None:
    if lost:
        authority.rebuild(Key(MODEL, row), counted=False)


lost = pytest.mark.parametrize("lost", [False, True])


@lost
def test_an_element_that_another_added_anew_stays(
    phone: Phone, other: Phone, authority: Authority, lost: bool
) -> None:
    row = known(phone, other, tags=["a", "b"])
    write(phone, row, tags=["b"])
    rebuild(authority, row, lost)
    other.sync()
    for tags in (["b"], ["a", "b"]):
        write(other, row, tags=tags)
        other.sync()
    assert converged(phone, other)
    assert phone.rows()[row]["tags"] == ["a", "b"]


@lost
def test_an_element_that_nobody_added_anew_is_removed(
    phone: Phone, other: Phone, authority: Authority, lost: bool
) -> None:
    row = known(phone, other, tags=["a", "b"])
    write(phone, row, tags=["b"])
    write(phone, row, tags=["b", "c"])
    rebuild(authority, row, lost)
    other.sync()
    write(other, row, tags=["a", "b", "d"])
    assert converged(phone, other)
    assert phone.rows()[row]["tags"] == ["b", "c", "d"]


@lost
def test_an_element_that_was_added_and_removed_again_is_gone(
    phone: Phone, other: Phone, authority: Authority, lost: bool
) -> None:
    row = known(phone, other, tags=["a"])
    write(phone, row, tags=["a", "b"])
    phone.restart()
    write(phone, row, tags=["a"])
    phone.restart()
    write(phone, row, tags=[])
    rebuild(authority, row, lost)
    assert converged(phone, other)
    assert phone.rows()[row]["tags"] == []


@lost
@pytest.mark.parametrize("first", ["phone", "other"])
def test_of_two_who_write_a_leaf_the_later_one_wins(
    phone: Phone, other: Phone, authority: Authority, lost: bool, first: str
) -> None:
    row = known(phone, other, options={"k": 0, "n": 0})
    rebuild(authority, row, lost)
    for each in (phone, other) if first == "phone" else (other, phone):
        write(each, row, options={"k": each.number, "n": 0})
    other.sync()
    assert converged(phone, other)
    later = other if first == "phone" else phone
    assert phone.rows()[row]["options"] == {"k": later.number, "n": 0}


@lost
def test_a_leaf_that_another_wrote_meanwhile_stays_though_one_removes_it(
    phone: Phone, other: Phone, authority: Authority, lost: bool
) -> None:
    row = known(phone, other, options={"k": 0, "n": 0})
    write(phone, row, options={"n": 0})
    rebuild(authority, row, lost)
    other.sync()
    write(other, row, options={"k": 5, "n": 0})
    assert converged(phone, other)
    assert phone.rows()[row]["options"] == {"k": 5, "n": 0}


@lost
def test_an_item_that_another_edited_meanwhile_stays_though_one_removes_it(
    phone: Phone, other: Phone, authority: Authority, lost: bool
) -> None:
    row = known(phone, other, steps=[{"n": 1}, {"n": 2}])
    write(phone, row, steps=[{"n": 2}])
    rebuild(authority, row, lost)
    other.sync()
    write(other, row, steps=[{"n": 1, "done": True}, {"n": 2}])
    assert converged(phone, other)
    assert phone.rows()[row]["steps"] == [{"n": 1, "done": True}, {"n": 2}]


@lost
def test_of_two_who_edit_an_item_the_later_one_loses_nothing(
    phone: Phone, other: Phone, authority: Authority, lost: bool
) -> None:
    row = known(phone, other, steps=[{"n": 1}, {"n": 2}])
    write(phone, row, steps=[{"n": 3}, {"n": 2}])
    rebuild(authority, row, lost)
    other.sync()
    write(other, row, steps=[{"n": 4}, {"n": 2}])
    other.sync()
    assert converged(phone, other)
    both = [{"n": 3}, {"n": 4}, {"n": 2}]  # in the new document nothing tells that it was one item
    assert phone.rows()[row]["steps"] == (both if lost else both[1:])
