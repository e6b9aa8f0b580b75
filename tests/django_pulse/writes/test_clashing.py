"""Rows that the database does not accept: fields undone, new rows parked, and let in later."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection, transaction

from django_pulse.tables import Awaited, Document, Outcome
from tests.django_pulse.devices import Device, document_of, values_of
from tests.project.constraints.models import Booking, Tag

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.databases("sqlite", "postgres"),
]

DAY = dt.date(2026, 5, 1)


@pytest.fixture
def user() -> Any:
    return get_user_model().objects.create_user("ada")


@pytest.fixture
def tags(user: Any) -> Device:
    return Device(user, Tag)


@pytest.fixture
def bookings(user: Any) -> Device:
    return Device(user, Booking)


def book(bookings: Device, name: str, **values: Any) -> Any:
    given: dict[str, Any] = {"room": name, "day": DAY, "code": name}
    return bookings.create(**(given | values))


def test_a_new_row_whose_unique_value_is_taken_is_parked_with_djangos_reason(
    tags: Device,
) -> None:
    Tag.objects.create(name="red")
    made, other = tags.create(name="red", colour="f00"), tags.create(name="blue")
    parked, ok = tags.push()
    assert (parked.status, ok.parked) == ("ok", None)
    assert parked.parked == {
        "code": "unique",
        "message": "Tag with this Name already exists.",
        "fields": {
            "name": {
                "value": "red",
                "code": "unique",
                "message": "Tag with this Name already exists.",
            }
        },
    }
    assert Tag.objects.filter(sync_id=other).exists()
    assert Document.objects.get(sync_id=made).scopes == []


def test_parked_rows_are_listed_for_the_servers_code(tags: Device, user: Any) -> None:
    Tag.objects.create(name="red")
    made = tags.create(name="red", colour="f00")
    tags.push()
    [row] = Tag.objects.parked()
    assert (row.sync_id, row.user, row.code) == (made, str(user.pk), "unique")
    assert row.values == {"name": "red", "colour": "f00"}
    assert row.fields["name"]["value"] == "red"
    assert Booking.objects.parked() == []
    Tag.objects.all().delete()
    assert Tag.objects.parked() == []


@pytest.mark.parametrize("how", ["delete", "queryset", "save", "update", "device"])
def test_a_parked_row_gets_in_by_itself_once_the_value_is_free(tags: Device, how: str) -> None:
    taken = tags.create(name="red")
    tags.push()
    made = tags.create(name="red", colour="f00")
    tags.push(made)
    row = Tag.objects.get(sync_id=taken)
    if how == "delete":
        row.delete()
    elif how == "queryset":
        Tag.objects.all().delete()
    elif how == "save":
        row.name = "crimson"
        row.save()
    elif how == "update":
        Tag.objects.update(name="crimson")
    else:
        tags.set(taken, name="crimson")
        tags.push(taken)
    assert Tag.objects.get(name="red").sync_id == made
    assert not Awaited.objects.exists()
    assert not Outcome.objects.exists()


def test_a_parked_row_gets_in_once_its_own_device_says_another_value(tags: Device) -> None:
    Tag.objects.create(name="red")
    made = tags.create(name="red")
    tags.push()
    tags.set(made, name="blue")
    [result] = tags.push()
    assert result.parked is None
    assert Tag.objects.get(sync_id=made).name == "blue"
    assert not Awaited.objects.exists()


def test_of_two_offline_rows_with_one_value_the_second_waits_for_the_first(tags: Device) -> None:
    first, second = tags.create(name="red"), tags.create(name="red")
    results = tags.push()
    assert [bool(each.parked) for each in results] == [False, True]
    tags.delete(first)
    tags.push(first)
    assert Tag.objects.get().sync_id == second


def test_many_that_wait_for_one_value_get_in_one_after_the_other(tags: Device) -> None:
    rows = [tags.create(name="red") for _ in range(4)]
    tags.push()
    for left in (3, 2, 1):
        Tag.objects.all().delete()
        assert Tag.objects.count() == 1
        assert Document.objects.filter(parked__isnull=False).count() == left - 1
    assert {each.sync_id for each in Document.objects.all()} == set(rows)


def test_an_edit_that_takes_a_taken_value_is_undone_and_the_rest_stands(tags: Device) -> None:
    Tag.objects.create(name="red")
    made = tags.create(name="blue")
    tags.push()
    tags.set(made, name="red", colour="00f")
    [result] = tags.push()
    assert (result.parked, result.reverted["name"]["code"]) == (None, "unique")
    assert result.reverted["name"]["value"] == "red"
    assert result.reverted["name"]["message"] == "Tag with this Name already exists."
    row = Tag.objects.get(sync_id=made)
    assert (row.name, row.colour) == ("blue", "00f")
    assert values_of(row)["name"] == "blue"
    tags.pull()
    assert tags.get(made)["name"] == "blue"


@pytest.mark.parametrize(
    ("values", "fields", "code"),
    [
        ({"room": "a"}, {"room", "day"}, "unique"),
        ({"code": "A"}, {"code"}, "unique"),
        ({"seat": 1}, {"seat"}, "unique"),
        ({"start": 11}, {"start"}, "check"),
    ],
)
def test_every_kind_of_constraint_is_told_by_its_fields(
    bookings: Device, values: dict[str, Any], fields: set[str], code: str
) -> None:
    book(bookings, "a", seat=1)
    bookings.push()
    made = book(bookings, "b", **values)
    [result] = bookings.push(made)
    assert result.parked
    assert result.parked["code"] == code
    assert set(result.parked["fields"]) == fields
    assert all(field["code"] == code for field in result.parked["fields"].values())

    there = book(bookings, "c")
    bookings.push(there)
    bookings.set(there, **values, remark="kept")
    [result] = bookings.push(there)
    assert set(result.reverted) == set(values)
    assert all(field["code"] == code for field in result.reverted.values())
    row = Booking.objects.get(sync_id=there)
    assert (row.room, row.code, row.seat, row.start, row.remark) == ("c", "c", None, 9, "kept")

    if code == "unique":
        Booking.objects.filter(room="a").delete()
        assert Booking.objects.filter(sync_id=made).exists()
    else:
        bookings.set(made, end=12)
        assert bookings.push(made)[0].parked is None


def test_a_constraint_with_a_condition_lets_in_when_the_condition_ends(bookings: Device) -> None:
    first = book(bookings, "a")
    bookings.push()
    second = book(bookings, "b", room="a")
    assert bookings.push(second)[0].parked
    bookings.set(first, cancelled=True)
    bookings.push(first)
    assert Booking.objects.filter(sync_id=second).exists()
    bookings.set(first, cancelled=False)
    [result] = bookings.push(first)
    assert result.reverted["cancelled"]["message"] == "The room is taken on that day."


def test_values_that_only_together_break_a_check_are_both_undone(bookings: Device) -> None:
    laptop = Device(bookings.user, Booking)
    made = book(bookings, "a", start=9, end=20)
    bookings.push()
    laptop.pull()
    bookings.set(made, end=12)
    laptop.set(made, start=15, remark="late")
    bookings.push()
    [result] = laptop.push()
    assert result.reverted["start"]["code"] == "check"
    row = Booking.objects.get()
    assert (row.start, row.end, row.remark) == (9, 12, "late")


def test_a_row_that_was_broken_before_blocks_nobodys_edits(
    tags: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    def clean(self: Tag) -> None:
        if self.colour == "broken":
            raise ValidationError({"colour": "That is no colour."})

    monkeypatch.setattr(Tag, "clean", clean)
    made = tags.create(name="red", colour="f00")
    tags.push()
    with connection.cursor() as cursor:
        cursor.execute("UPDATE constraints_tag SET colour = 'broken'")
    tags.set(made, name="crimson")
    [result] = tags.push()
    assert result.reverted == {}
    row = Tag.objects.get()
    assert (row.name, row.colour) == ("crimson", "broken")
    tags.pull()
    tags.set(made, colour="f01")
    assert tags.push()[0].reverted == {}
    tags.set(made, colour="broken")
    assert tags.push()[0].reverted["colour"]["message"] == "That is no colour."


def test_the_orm_raises_as_django_does_and_leaves_no_document_ahead(tags: Device) -> None:
    Tag.objects.create(name="red")
    blue = Tag.objects.create(name="blue")
    before = document_of(blue).encode()
    with pytest.raises(IntegrityError), transaction.atomic():
        Tag.objects.create(name="red")
    blue.name = "red"
    with pytest.raises(IntegrityError), transaction.atomic():
        blue.save()
    with pytest.raises(IntegrityError), transaction.atomic():
        Tag.objects.update(name="red")
    with pytest.raises(IntegrityError), transaction.atomic():
        Tag.objects.bulk_create([Tag(name="green"), Tag(name="red")])
    assert document_of(blue).encode() == before
    assert Document.objects.count() == 2
    assert values_of(blue)["name"] == "blue"


def test_equal_looking_names_in_two_normal_forms_are_two_values(tags: Device) -> None:
    composed, decomposed = tags.create(name="\u00e9"), tags.create(name="e\u0301")
    assert [each.parked for each in tags.push()] == [None, None]
    assert Tag.objects.get(sync_id=composed).name == "\u00e9"
    assert Tag.objects.get(sync_id=decomposed).name == "e\u0301"


def test_a_deleted_row_whose_value_was_taken_does_not_come_back(tags: Device) -> None:
    made = tags.create(name="red")
    tags.push()
    tags.delete(made)
    tags.push()
    Tag.objects.create(name="red")
    document = tags.rows[made]
    live = tuple(each.dot for each in document.live("-"))
    document.append("-", document.next_stamp(tags.now()), False, live)
    [result] = tags.push(made)
    assert result.status == "refused"
    assert "already exists" in result.message
    assert Document.objects.get(sync_id=made).deleted
