"""What a device writes again has clocks in the order of its stamps, whatever field it was."""

from uuid import UUID

import pytest

from crdt.messages import Key
from crdt.rules import AddWinsSet, DeepMerge
from crdt.schema import Field, Schema
from crdt.stamp import stamp_ms

from .authority import MODEL, SCHEMA, Authority
from .phone import Phone, converged

LONG = 20_000
"""Milliseconds between edits: in less, a text that is typed is touched but once."""


@pytest.fixture
def authority() -> Authority:
    parts = {
        "tags": Field("tags", "json", AddWinsSet()),
        "options": Field("options", "json", DeepMerge()),
    }
    return Authority(schema=Schema(MODEL, {**SCHEMA.fields, **parts}))


def write(phone: Phone, row: UUID, **values: object) -> None:
    """Write fields of a row, a while after what was written before."""
    phone.authority.now += LONG
    phone.replica.set(MODEL, row, **values)


def written(phone: Phone, row: UUID, start: int) -> list[str]:
    """The fields that the phone wrote since then, by its clocks; they are stamped in that order."""
    _, live = phone.documents()[row]
    entries = [entry for entries in live.values() for entry in entries]
    own = [each for each in entries if each.dot.replica == phone.number]
    late = sorted((each for each in own if stamp_ms(each.stamp) > start), key=lambda each: each.dot)
    assert [each.stamp for each in late] == sorted(each.stamp for each in late)
    return [*dict.fromkeys(each.field for each in late)]


PARTS: dict[str, tuple[object, object]] = {
    "tags": (["a"], ["b"]),
    "options": ({"a": 1}, {"a": 2}),
}
"""Fields of which parts are written, and what is to be in them: first, and then."""


@pytest.mark.parametrize("order", [["tags", "options", "title"], ["options", "title", "tags"]])
def test_what_was_edited_after_a_push_that_was_refused(
    phone: Phone, other: Phone, row: UUID, order: list[str]
) -> None:
    """It replaces parts of values that were refused, and is found again by what it says."""
    write(phone, row, **{name: first for name, (first, _) in PARTS.items()})
    phone.authority.refused.add(Key(MODEL, row))
    phone.send()
    phone.authority.refused.clear()
    start = phone.authority.now
    for name in order:
        write(phone, row, **{name: PARTS[name][1] if name in PARTS else "Milk"})
    phone.receive()
    assert converged(phone, other)
    assert written(phone, row, start) == order
    values = phone.rows()[row]
    assert (values["tags"], values["options"], values["title"]) == (["b"], {"a": 2}, "Milk")


@pytest.mark.parametrize("closed", ["title", "tags", "notes"])
def test_what_was_edited_after_a_push_of_which_a_field_was_refused(
    phone: Phone, other: Phone, row: UUID, closed: str
) -> None:
    phone.authority.closed.add(closed)
    write(phone, row, title="Blue", tags=["a"], notes="blue")
    phone.send()
    phone.authority.closed.clear()
    start = phone.authority.now
    write(phone, row, title="Red")
    write(phone, row, tags=["b"])
    write(phone, row, notes="red")
    write(phone, row, done=True)
    phone.receive()
    assert converged(phone, other)
    assert written(phone, row, start) == ["title", "tags", "notes", "done"]
    values = phone.rows()[row]
    assert (values["title"], values["tags"], values["done"]) == ("Red", ["b"], True)


def test_what_was_written_to_a_row_that_the_server_lost(phone: Phone, other: Phone) -> None:
    row = phone.replica.create(MODEL, {"title": "Eggs", "tags": ["a"]})
    phone.sync()
    other.sync()
    write(other, row, tags=["a", "c"])
    other.exchange()
    phone.exchange()
    phone.cut()
    start = phone.authority.now
    write(phone, row, tags=["b"])
    write(phone, row, title="Milk")
    phone.authority.restore({}, "e2")
    assert converged(phone, other)
    assert written(phone, row, start) == ["tags", "title"]
