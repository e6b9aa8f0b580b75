"""Old documents, devices that were offline for a month, and two releases side by side."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth import get_user_model

from crdt.rules import (
    AddWinsSet,
    Conflicts,
    Counter,
    First,
    Flag,
    Latest,
    Max,
    MergeRule,
    ServerOnly,
    Text,
)
from crdt.schema import MISSING, Field, Schema
from django_pulse.mapping.schema import schema_of
from django_pulse.tables import Document as Stored
from tests.django_pulse.devices import Device, document_of
from tests.django_pulse.releases import LABEL, forgetful, once, release
from tests.project.drift.models import Gauge

pytestmark = pytest.mark.django_db


@pytest.fixture
def user() -> Any:
    return get_user_model().objects.create_user("ada")


@pytest.fixture(autouse=True)
def _forgetful() -> Iterator[None]:
    with forgetful():
        yield


def device(user: Any, known: Schema | None = None) -> Device:
    """A device that learned these models, if not those of now."""
    found = Device(user, Gauge)
    found.schema = known or found.schema
    return found


def pushed(phone: Device, *rows: Any) -> None:
    for result in phone.push(*rows):
        assert (result.status, result.reverted) == ("ok", {})


def gauge() -> Gauge:
    row: Gauge = Gauge.objects.get()
    return row


# Fields that were removed, or that another release has


def test_what_is_written_to_a_removed_field_is_kept_aside_and_no_error(user: Any) -> None:
    phone = device(user, once("memo", "str", removed=True))
    with forgetful():
        made = phone.create(title="Boiler", memo="from an old phone")
        pushed(phone)
        phone.set(made, memo="edited", title="Kettle")
        pushed(phone)
        assert gauge().title == "Kettle"
        [entry] = document_of(gauge()).live("memo")
        assert entry.value == "edited"
        assert "memo" not in schema_of(Gauge).read(document_of(gauge())).values


def test_it_stays_small_whatever_is_written(user: Any) -> None:
    phone = device(user, once("memo", "str", removed=True))
    made = phone.create(title="Boiler")
    for number in range(20):
        phone.set(made, memo=str(number))
        pushed(phone)
    gauge().save()
    assert len(document_of(gauge()).entries) == len(schema_of(Gauge).fields) + 1


def test_a_field_that_never_was_is_reverted(user: Any) -> None:
    fields = {**schema_of(Gauge).fields, "never": Field("never", "str")}
    phone = device(user, Schema(LABEL, fields))
    phone.create(title="Boiler", never="was")
    [result] = phone.push()
    assert result.reverted["never"]["code"] == "unknown_field"
    assert gauge().title == "Boiler"


def test_a_field_that_another_release_added_since_is_left_to_it(user: Any) -> None:
    """This process learned the names before; the other release's field is neither undone, nor
    deleted when this one writes and compacts.
    """
    device(user)
    schema_of(Gauge)
    phone = device(user, once("urgency", "int", removed=True))
    made = phone.create(title="Boiler", urgency=3)
    pushed(phone)
    phone.set(made, title="Kettle")
    pushed(phone)
    row = gauge()
    row.title = "Stove"
    row.save()
    Gauge.objects.update(count=5)
    [entry] = document_of(gauge()).live("urgency")
    assert entry.value == 3


def test_a_field_that_comes_back_finds_its_entries(user: Any) -> None:
    """`code` is removed, old devices write to it, and a later release has it again."""
    with release():
        fields = schema_of(Gauge).fields
        phone = device(user, Schema(LABEL, dict(fields)))
        made = phone.create(title="Boiler", code="B1")
        without = Schema(
            LABEL,
            {name: each for name, each in fields.items() if name != "code"},
            retired={"code": fields["code"]},
        )
        from django_pulse.mapping import schema

        schema._schemas[Gauge] = without
        pushed(phone)
        assert gauge().code == ""
        assert "code" not in without.read(document_of(gauge())).values
    assert schema_of(Gauge).read(document_of(gauge())).values["code"] == "B1"
    assert made == gauge().sync_id


# Another kind of value


@pytest.mark.parametrize(
    ("name", "kind", "value", "expected"),
    [
        ("count", "str", "5", 5),
        ("price", "float", 2.5, Decimal("2.5")),
        ("price", "int", 7, Decimal(7)),
        ("price", "str", "1.25", Decimal("1.25")),
        ("code", "int", 12, "12"),
        ("flag", "int", 1, True),
        ("flag", "str", "true", True),
        ("items", "str", "all", "all"),
        ("moment", "str", "2024-02-29T12:00:00Z", datetime(2024, 2, 29, 12, tzinfo=UTC)),
    ],
)
def test_an_old_devices_edit_of_a_field_of_another_kind_is_converted(
    user: Any, name: str, kind: str, value: Any, expected: Any
) -> None:
    phone = device(user, once(name, kind))
    with forgetful():
        made = phone.create(title="Boiler")
        pushed(phone)
        phone.set(made, **{name: value})
        pushed(phone)
        assert getattr(gauge(), name) == expected
        tablet = device(user)
        tablet.pull()
        assert tablet.get(made)[name] == expected


def test_what_cannot_be_converted_is_reverted_and_says_why(user: Any) -> None:
    phone = device(user, once("count", "str"))
    with forgetful():
        made = phone.create(title="Boiler", count="5")
        pushed(phone)
        phone.set(made, count="five", title="Kettle")
        [result] = phone.push()
        assert result.status == "ok"
        undone = result.reverted["count"]
        assert (undone["value"], undone["code"]) == ("five", "changed_kind")
        assert "'five', of kind str, cannot be a value of kind int" in undone["message"]
        assert (gauge().title, gauge().count) == ("Kettle", 5)


def test_a_converted_value_passes_the_fields_validators(user: Any) -> None:
    phone = device(user, once("code", "int"))
    with forgetful():
        phone.create(title="Boiler", code=10**30)
        [result] = phone.push()
        assert result.reverted["code"]["code"] == "max_length"
        assert gauge().code == ""


def test_columns_that_a_migration_converted_are_mirrored_anew(user: Any) -> None:
    """The document has only entries of the old kind; the column has what became of them."""
    old = device(user, once("count", "str"))
    with forgetful():
        made = old.create(title="Boiler")
        pushed(old)
        stored = Stored.objects.get(sync_id=made)
        entry = next(e for e in document_of(gauge()).entries.values() if e.field == "count:int")
        from crdt.document import Document

        document = Document(bytes(stored.state), replica=9)
        document.delete([entry.dot])
        document.append("count", 1, "7", ())
        Stored.objects.filter(pk=stored.pk).update(state=document.encode())
        Gauge._base_manager.update(count=7)
        row = gauge()
        row.title = "Kettle"
        row.save()
        tablet = device(user)
        tablet.pull()
        assert tablet.get(made)["count"] == 7


# Another rule

RULES: dict[str, tuple[list[MergeRule], list[Any]]] = {
    "count": ([Latest(), Counter(), Max(), First()], [3, 8, 21]),
    "text": ([Latest(), Text(), First()], ["one", "one two", "zero one"]),
    "items": ([Latest(), AddWinsSet(), Conflicts()], [["a"], ["a", "b"], ["b", "c"]]),
    "flag": ([Latest(), Flag(wins=True), Flag(wins=False)], [True, False, True]),
}
PAIRS = [
    pytest.param(name, old, new, id=f"{name}: {old} to {new}")
    for name, (rules, _) in RULES.items()
    for old, new in itertools.permutations(rules, 2)
]


@pytest.mark.parametrize(("name", "old", "new"), PAIRS)
def test_every_rule_can_follow_every_other(
    user: Any, name: str, old: MergeRule, new: MergeRule
) -> None:
    """The value survives; an old device's offline edit counts; devices and server agree; and the
    old release, still running, reads and writes the same row.
    """
    first, second, third = RULES[name][1]
    with release(**{name: old}) as before:
        row = Gauge.objects.create(title="Boiler", **{name: first})
        phone = device(user, before)
        phone.pull()
    with release(**{name: new}) as after:
        gauge().save()
        tablet = device(user, after)
        tablet.pull()
        assert getattr(gauge(), name) == first
        assert tablet.get(row.sync_id).get(name, first) == first
        if old.client_writes:
            clock = phone.rows[row.sync_id].clock(phone.replica)
            phone.set(row.sync_id, **{name: second})
            if phone.rows[row.sync_id].clock(phone.replica) > clock:  # else what is there wins
                assert phone.push()[0].status == "ok"
        expected = phone.get(row.sync_id)[name]
        if old.client_writes and new.client_writes and isinstance(new, (Latest, Text, Counter)):
            assert agree(getattr(gauge(), name), expected)
        agreed(user, after, name)
    with release(**{name: old}) as before:
        row = gauge()
        setattr(row, name, third)
        row.save()
        agreed(user, before, name)
        value = getattr(gauge(), name)
    with release(**{name: new}) as after:
        row = gauge()
        row.title = "Kettle"
        row.save()
        if isinstance(new, (Latest, Text, Counter)):
            assert agree(getattr(gauge(), name), value)
        agreed(user, after, name)


def agree(a: Any, b: Any) -> bool:
    return bool(sorted(a) == sorted(b) if isinstance(a, list) else a == b)


def agreed(user: Any, known: Schema, name: str) -> None:
    """A device that pulls now has what the column has."""
    fresh = device(user, known)
    fresh.pull()
    row = gauge()
    value = fresh.get(row.sync_id).get(name, MISSING)
    assert value is MISSING or agree(value, getattr(row, name))


def test_differences_of_an_old_device_are_added_to_what_was_set_meanwhile(user: Any) -> None:
    with release(count=Counter()) as before:
        row = Gauge.objects.create(title="Boiler", count=5)
        phone = device(user, before)
        phone.pull()
    with release() as after:
        tablet = device(user, after)
        row = gauge()
        row.count = 40
        row.save()
        phone.add(row.sync_id, count=2)
        pushed(phone)
        assert gauge().count == 42
        tablet.pull()
        assert tablet.get(row.sync_id)["count"] == 42
        phone.add(row.sync_id, count=1)
        pushed(phone)
        assert gauge().count == 43


def test_an_old_devices_value_becomes_a_difference_of_what_it_saw(user: Any) -> None:
    with release() as before:
        row = Gauge.objects.create(title="Boiler", count=5)
        phone = device(user, before)
        phone.pull()
    with release(count=Counter()) as after:
        tablet = device(user, after)
        gauge().save()
        tablet.pull()
        phone.skew_ms = 60_000
        phone.set(row.sync_id, count=8)
        pushed(phone)
        tablet.add(row.sync_id, count=10)
        pushed(tablet)
        assert gauge().count == 18


def test_text_typed_on_an_old_device_is_merged_before_it_is_one_value(user: Any) -> None:
    with release(text=Text()) as before:
        row = Gauge.objects.create(title="Boiler", text="two")
        phone = device(user, before)
        phone.pull()
    with release():
        row = gauge()
        row.text = "exactly two"
        row.save()
        phone.edit(row.sync_id, "text", 3, 0, " é😀 litres")
        pushed(phone)
        assert gauge().text == "exactly two é😀 litres"


def test_a_new_row_of_an_old_device_has_what_it_was_given(user: Any) -> None:
    with release(count=Counter(), text=Text(), items=AddWinsSet()) as before:
        phone = device(user, before)
        phone.create(title="Boiler", count=3, text="two", items=["a"])
    with release():
        pushed(phone)
        row = gauge()
        assert (row.count, row.text, row.items) == (3, "two", ["a"])
        tablet = device(user)
        tablet.pull()
        assert tablet.get(row.sync_id)["count"] == 3


def test_read_only_now_is_read_only_for_old_devices(user: Any) -> None:
    with release(count=Counter()) as before:
        row = Gauge.objects.create(title="Boiler", count=5)
        phone = device(user, before)
        phone.pull()
        phone.add(row.sync_id, count=2)
    with release(count=ServerOnly()):
        [result] = phone.push()
        [undone] = result.reverted.values()
        assert undone["code"] == "read_only"
        assert gauge().count == 5
