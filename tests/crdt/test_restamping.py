"""Lists whose device has a wrong clock, or writes its edits again: the stamps in their items."""

from uuid import UUID

import pytest

from crdt.entry import Entry
from crdt.messages import Key
from crdt.rules import DeepMerge, List
from crdt.rules.base import Pushed
from crdt.schema import Field, Schema

from .authority import MODEL, SCHEMA, Authority
from .phone import Phone, converged

MINUTE = 60_000

STOPS = {"stops": Field("stops", "json", List())}
ROUTE = {"route": Field("route", "json", DeepMerge(lists="merge"))}


@pytest.fixture(params=["stops", "route"])
def field(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture
def authority(field: str) -> Authority:
    """A server that takes only what the field's rule does, as the real one."""
    schema = Schema(MODEL, {**SCHEMA.fields, **STOPS, **ROUTE})
    known = schema.fields[field]

    def judge(replica: int, entry: Entry) -> tuple[str, str] | None:
        if entry.field != field:
            return None
        refusal = known.rule.refuses(Pushed(known.live([entry])[0], (), (), ()))
        return None if refusal is None else (refusal.code, refusal.message)

    return Authority(schema=schema, judge=judge)


def value(field: str, stops: str) -> object:
    return [*stops] if field == "stops" else {"stops": [*stops]}


def write(phone: Phone, row: UUID, field: str, stops: str) -> None:
    phone.replica.set(MODEL, row, **{field: value(field, stops)})
    phone.authority.now += 1_000


@pytest.fixture
def row(phone: Phone, other: Phone, field: str) -> UUID:
    """A row that everybody knows; both phones are offline."""
    row = phone.replica.create(MODEL, {"title": "Tour", field: value(field, "abcd")})
    for each in (phone, other):
        each.sync()
        each.cut()
    phone.authority.now += 10 * MINUTE
    return row


@pytest.mark.parametrize("skew", [-MINUTE, MINUTE])
def test_an_item_that_was_edited_and_moved_by_a_wrong_clock_is_taken_once_that_is_right(
    phone: Phone, other: Phone, row: UUID, field: str, skew: int
) -> None:
    phone.skew = skew
    write(phone, row, field, "Abcd")
    write(phone, row, field, "bcdA")
    phone.reload()
    assert converged(phone, other)
    assert phone.replica.reverted() == []
    assert other.rows()[row][field] == value(field, "bcdA")


def test_of_two_edits_of_an_item_the_later_stands_although_its_clock_was_slow_and_it_was_moved(
    phone: Phone, other: Phone, row: UUID, field: str
) -> None:
    phone.skew = -5 * MINUTE
    write(other, row, field, "abXd")
    write(phone, row, field, "abCd")
    write(phone, row, field, "Cabd")
    other.sync()
    assert converged(phone, other)
    assert other.rows()[row][field] == value(field, "Cabd")


def test_of_two_edits_of_an_item_the_later_stands_where_a_slow_clock_moved_the_item_only(
    phone: Phone, other: Phone, row: UUID, field: str
) -> None:
    """What its entry tells of the edit before is somebody else's, and stays where it is."""
    write(other, row, field, "abXd")
    other.sync()
    phone.sync()
    phone.cut()
    other.cut()
    phone.skew = -5 * MINUTE
    write(other, row, field, "abYd")
    write(phone, row, field, "Xabd")
    other.sync()
    assert converged(phone, other)
    assert other.rows()[row][field] == value(field, "Yabd")


def test_an_item_that_others_edited_is_moved_again_when_its_first_move_was_refused(
    phone: Phone, other: Phone, row: UUID, field: str
) -> None:
    for each in (phone, other):
        each.sync()
    other.skew = MINUTE
    write(other, row, field, "Abcd")
    other.exchange()
    phone.authority.refused.add(Key(MODEL, row))
    write(phone, row, field, "bcda")
    phone.send()
    phone.authority.refused.clear()
    write(phone, row, field, "bacd")
    phone.exchange()
    assert converged(phone, other)
    assert [kept.reason for kept in phone.replica.reverted()] == ["refused"]
    assert other.rows()[row][field] == value(field, "bAcd")
