"""Schema drift, from the device's end; `tests/hazards.md` lists what may happen."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from crdt.events import Refused
from crdt.rules import AddWinsSet, Counter, Latest, MergeRule, Text
from crdt.schema import Schema
from django_pulse.mapping import schema
from django_pulse.mapping.schema import schema_of
from django_pulse.tables import Document as Stored
from tests.django_pulse.devices import Device, document_of
from tests.django_pulse.phones import Phone, Switchboard, switchboard
from tests.django_pulse.releases import LABEL, forgetful, once, release
from tests.project.drift.models import Gauge
from tests.project.todo.models import Task


@pytest.fixture
def user() -> Any:
    return get_user_model().objects.create_user("ada")


@pytest.fixture
def board() -> Iterator[Switchboard]:
    with forgetful(), switchboard() as found:
        yield found


def without(name: str) -> Schema:
    """The models of a release that has removed this field."""
    now = schema_of(Gauge)
    fields = {each: field for each, field in now.fields.items() if each != name}
    return Schema(LABEL, fields, retired={name: now.fields[name]})


@pytest.mark.django_db(transaction=True)
def test_a_phone_that_still_writes_a_removed_field_is_told_nothing(
    board: Switchboard, user: Any
) -> None:
    phone = Phone(board, user, 1)
    phone.sync()
    made = phone.replica.create(LABEL, {"title": "Boiler", "code": "B1"})
    phone.sync()
    phone.cut()
    phone.replica.set(LABEL, made, code="B2", title="Kettle")
    schema._schemas[Gauge] = without("code")
    schema._descriptions.clear()
    phone.events.clear()
    phone.sync()
    assert phone.replica.in_sync
    assert phone.replica.reverted() == []
    assert Gauge.objects.get().title == "Kettle"
    [entry] = document_of(Gauge.objects.get()).live("code")
    assert entry.value == "B2"
    assert "code" not in phone.row(LABEL, made)


@pytest.mark.django_db(transaction=True)
def test_a_new_field_has_its_default_in_rows_of_old_phones(board: Switchboard, user: Any) -> None:
    """The phone learned the models before there was a field `count`, and is offline since."""
    now = schema_of(Gauge)
    schema._schemas[Gauge] = without("count")
    phone = Phone(board, user, 1)
    phone.sync()
    phone.cut()
    made = phone.replica.create(LABEL, {"title": "Boiler"})
    schema._schemas[Gauge] = now
    schema._descriptions.clear()
    phone.sync()
    phone.sync()
    assert Gauge.objects.get().count == 0
    assert phone.row(LABEL, made)["count"] == 0


@pytest.mark.django_db(transaction=True)
def test_a_new_row_without_a_value_that_it_needs_stays_on_the_phone(
    board: Switchboard, user: Any
) -> None:
    phone = Phone(board, user, 1)
    phone.sync()
    phone.replica.create("todo.item", {"name": "Pen"})
    phone.sync()
    [refused] = [event for event in phone.events if isinstance(event, Refused)]
    assert (refused.code, "price" in refused.message) == ("required", True)
    [kept] = phone.replica.reverted()
    assert kept.fields["name"].value == "Pen"


@pytest.mark.django_db(transaction=True)
def test_edits_of_a_model_that_is_not_served_stay_on_the_phone(
    board: Switchboard, user: Any
) -> None:
    phone = Phone(board, user, 1)
    phone.sync()
    made = phone.replica.create("todo.task", {"title": "Milk"})
    phone.sync()
    phone.cut()
    phone.replica.set("todo.task", made, title="Bread")
    schema.model_of("todo.task")
    del schema._models["todo.task"]
    phone.sync()
    [kept] = phone.replica.reverted()
    assert (kept.code, kept.fields["title"].value) == ("unknown_model", "Bread")
    assert Task.objects.get().title == "Milk"
    assert Stored.objects.filter(model="todo.task").exists()


OLD, NEW = "old", "new"
FIELDS: dict[str, tuple[MergeRule, MergeRule, list[Any]]] = {
    "count": (Counter(), Latest(), [0, 1, 5, 30]),
    "text": (Text(), Latest(), ["", "milk", "milk and bread", "no bread"]),
    "items": (AddWinsSet(), Latest(), [[], ["a"], ["a", "b"], ["b", "c"]]),
}
steps = st.lists(
    st.tuples(
        st.sampled_from([OLD, NEW]),
        st.sampled_from(["phone", "server", "pull"]),
        st.sampled_from(sorted(FIELDS)),
        st.integers(0, 3),
    ),
    min_size=1,
    max_size=8,
)


class TestTwoReleases(TestCase):
    """Each with its own server code and its own phone, over one row."""

    def rules(self, side: str) -> dict[str, MergeRule]:
        return {name: new if side == NEW else old for name, (old, new, _) in FIELDS.items()}

    @settings(max_examples=8)
    @given(steps)
    def test_two_releases_side_by_side_converge(self, steps: list[Any]) -> None:
        user, _ = get_user_model().objects.get_or_create(username="ada")
        row = uuid.uuid4()
        Gauge.objects.create(sync_id=row, title="Boiler")
        phones = {}
        for side in (OLD, NEW):
            with release(**self.rules(side)) as known:
                phones[side] = Device(user, Gauge)
                phones[side].schema = known
                phones[side].pull(row)
        for side, what, name, place in steps:
            with release(**self.rules(side)):
                self.step(phones[side], row, what, name, FIELDS[name][2][place])
        for side in (OLD, NEW, OLD):  # everybody writes once more, something else
            with release(**self.rules(side)):
                gauge = Gauge.objects.get(sync_id=row)
                gauge.title += "!"
                gauge.save()
                phones[side].push(row)
                phones[side].pull(row)
        gauge = Gauge.objects.get(sync_id=row)
        for side in (OLD, NEW):
            with release(**self.rules(side)) as known:
                values = known.read(document_of(gauge)).values
                for name in FIELDS:
                    assert as_set(values[name]) == as_set(getattr(gauge, name)), (side, name)

    def step(self, phone: Device, row: uuid.UUID, what: str, name: str, value: Any) -> None:
        if what == "server":
            gauge = Gauge.objects.get(sync_id=row)
            setattr(gauge, name, value)
            gauge.save()
        elif what == "pull":
            phone.pull(row)
        else:
            clock = phone.rows[row].clock(phone.replica)
            phone.set(row, **{name: value})
            if phone.rows[row].clock(phone.replica) > clock:
                [result] = phone.push(row)
                assert result.status == "ok"


def as_set(value: Any) -> Any:
    return sorted(value) if isinstance(value, list) else value


@pytest.mark.django_db
def test_what_the_other_release_knows_does_not_hinder_this_one(user: Any) -> None:
    once("memo", "str", removed=True)
    with forgetful():
        assert "memo" in schema_of(Gauge).retired
        phone = Device(user, Gauge)
        phone.create(title="Boiler")
        [result] = phone.push()
        assert result.reverted == {}
