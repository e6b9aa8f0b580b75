"""What of a push may stand, and what becomes of the rest."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError

from crdt.stamp import stamp_ms
from django_pulse import writes
from django_pulse.tables import Document, Feed, Outcome
from django_pulse.visibility import ownership
from django_pulse.visibility.audience import audience_of
from tests.django_pulse.devices import Device, document_of, values_of
from tests.project.todo.models import Everything, Item, Note

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.databases("sqlite", "postgres"),
]


@pytest.fixture
def user() -> Any:
    return get_user_model().objects.create_user("ada")


@pytest.fixture
def phone(user: Any) -> Device:
    return Device(user, Note)


@pytest.fixture
def laptop(user: Any) -> Device:
    return Device(user, Note)


def test_a_difference_that_overflows_the_column_is_reverted(phone: Device) -> None:
    made = phone.create(title="Poll", votes=5)
    phone.push()
    phone.add(made, votes=10**99)
    phone.set(made, title="Vote")
    [result] = phone.push()
    assert "votes" in result.reverted
    row = Note.objects.get()
    assert (row.title, row.votes) == ("Vote", 5)
    phone.pull()
    phone.add(made, votes=-1)
    assert phone.push()[0].reverted == {}
    assert Note.objects.get().votes == 4


def test_a_bad_value_is_reverted_and_the_other_fields_stand(phone: Device) -> None:
    made = phone.create(title="Milk", votes=1)
    phone.push()
    phone.set(made, title="x" * 201)
    phone.add(made, votes=1)
    [result] = phone.push()
    assert result.status == "ok"
    assert result.reverted["title"]["code"] == "max_length"
    assert result.reverted["title"]["value"] == "x" * 201
    row = Note.objects.get()
    assert (row.title, row.votes) == ("Milk", 2)
    assert values_of(row)["title"] == "Milk"
    stored = writes.outcomes(phone.replica)
    assert [each.reverted for each in stored] == [result.reverted]
    phone.pull()
    assert phone.get(made)["title"] == "Milk", "the device converges without resetting anything"
    writes.confirm(phone.replica, [result.outcome or 0])
    assert not Outcome.objects.exists()


def test_a_bad_value_that_lost_is_reverted_too(phone: Device, laptop: Device) -> None:
    made = phone.create(title="Milk")
    phone.push()
    laptop.pull()
    laptop.set(made, title="y" * 201)
    phone.skew_ms = 10_000
    phone.set(made, title="Bread")
    phone.push()
    [result] = laptop.push()
    assert "title" in result.reverted
    assert [each.value for each in document_of(Note.objects.get()).live("title")] == ["Bread"]


def test_a_field_that_only_the_server_writes_is_reverted(phone: Device) -> None:
    made = phone.create(title="Milk", reviewed_by="me")
    [result] = phone.push()
    assert result.reverted["reviewed_by"]["code"] == "read_only"
    assert Note.objects.get(sync_id=made).reviewed_by == ""


def test_a_device_cannot_give_its_row_to_somebody_else(phone: Device, user: Any) -> None:
    other = get_user_model().objects.create_user("bob")
    phone.create(title="Milk", user=other.pk)
    [result] = phone.push()
    assert result.reverted["user"]["code"] == "forbidden"
    assert Note.objects.get().user == user


def test_a_stamp_from_the_future_is_rewritten_and_its_writers_next_edit_still_wins(
    phone: Device,
) -> None:
    made = phone.create(title="Milk")
    phone.push()
    phone.skew_ms = 365 * 24 * 3600 * 1000
    phone.set(made, title="next year")
    phone.push()
    row = Note.objects.get()
    assert row.title == "next year"
    [live] = document_of(row).live("title")
    assert abs(stamp_ms(live.stamp) - Device.now(Device(phone.user, Note))) < 60_000
    phone.skew_ms = 0
    phone.set(made, title="today")
    phone.push()
    assert Note.objects.get().title == "today"


def test_an_entry_that_replaces_an_entry_of_another_field_is_reverted(phone: Device) -> None:
    made = phone.create(title="Milk", votes=3)
    phone.push()
    votes = phone.rows[made].live("votes")[0].dot
    document = phone.rows[made]
    document.append("title", document.next_stamp(phone.now()), "Bread", [votes])
    [result] = phone.push()
    assert result.reverted["title"]["code"] == "forbidden"
    assert Note.objects.get().votes == 3


def test_one_row_that_the_database_refuses_takes_no_others_with_it(user: Any) -> None:
    tablet = Device(user, Everything)
    good = [tablet.create(integer=n) for n in range(7)]
    bad = tablet.create(integer=1)
    document = tablet.rows[bad]
    document.append("partner", document.next_stamp(tablet.now()), 999_999)
    results = dict(zip(tablet.rows, tablet.push(), strict=True))
    assert all(results[each].status == "ok" for each in good)
    assert results[bad].reverted["partner"]["code"] == "missing"
    assert Everything.objects.count() == 8


def test_a_new_row_without_a_required_value_is_refused_and_says_which(user: Any) -> None:
    tablet = Device(user, Item)
    tablet.create(name="Pen")
    [result] = tablet.push()
    assert (result.status, result.code) == ("refused", "required")
    assert "price" in result.message
    assert not Item.objects.exists()
    assert not Document.objects.exists()


@pytest.mark.parametrize("audience", ["user__friends", "title"])
def test_rows_whose_audience_is_not_understood_are_seen_by_nobody(
    phone: Device, monkeypatch: pytest.MonkeyPatch, audience: str
) -> None:
    caches = (ownership.owner_field, ownership.is_unclear, audience_of)
    monkeypatch.setattr(Note, "_sync", replace(Note._sync, audience=audience))
    for each in caches:
        each.cache_clear()
    try:
        note = Note.objects.create(title="secret", user=phone.user)
        assert Document.objects.get(sync_id=note.sync_id).scopes == []
        assert not Feed.objects.exists()
    finally:
        monkeypatch.undo()
        for each in caches:
            each.cache_clear()


def test_an_unknown_field_is_reverted_and_the_rest_stands(phone: Device) -> None:
    made = phone.create(title="Milk")
    phone.rows[made].append("colour", 1, "red")
    [result] = phone.push()
    assert result.reverted["colour"]["code"] == "unknown_field"
    assert Note.objects.get().title == "Milk"


def test_the_rows_own_clean_is_asked_about_the_merged_row(
    phone: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    def clean(self: Note) -> None:
        if self.title == self.body:
            raise ValidationError({"body": "The body must say more than the title."}, code="same")
        self.title = self.title.strip()

    monkeypatch.setattr(Note, "clean", clean)
    made = phone.create(title=" Milk ", body="x")
    phone.push()
    row = Note.objects.get()
    assert (row.title, row.body) == ("Milk", "x"), "what clean() assigns stands"
    assert values_of(row)["title"] == "Milk"
    phone.pull()
    phone.edit(made, "body", 0, 1, "Milk")
    [result] = phone.push()
    assert result.reverted["body"]["value"] == "Milk"
    assert Note.objects.get().body == "x"
