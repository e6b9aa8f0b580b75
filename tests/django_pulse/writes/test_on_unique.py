"""`on_unique`: a new row whose value is taken is merged into the one that has it, or renamed."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth import get_user_model

from crdt.events import MergedInto
from django_pulse.tables import Awaited, Document
from tests.django_pulse.devices import Device, values_of
from tests.django_pulse.phones import Phone, switchboard
from tests.project.constraints.models import Call, Chapter, Contact
from tests.project.members.models import Card, Secret

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.databases("sqlite", "postgres"),
]


@pytest.fixture
def user() -> Any:
    return get_user_model().objects.create_user("ada")


@pytest.fixture
def contacts(user: Any) -> Device:
    return Device(user, Contact)


@pytest.fixture
def chapters(user: Any) -> Device:
    return Device(user, Chapter)


def test_a_row_is_taken_in_field_by_field_by_the_rule_of_each(contacts: Device) -> None:
    there = Contact.objects.create(email="a@b", name="Ada", notes="First.", calls=2, rating=5)
    contacts.skew_ms = 5_000
    made = contacts.create(email="a@b", name="Ada L.", notes="Second.", calls=3, rating=1)
    [result] = contacts.push()
    assert result.parked
    assert (result.parked["code"], result.parked["into"]) == ("merged", str(there.sync_id))
    row = Contact.objects.get()
    assert (row.name, row.calls, row.rating) == ("Ada L.", 5, 5), "devices cannot write the rating"
    assert row.notes == "First.\nSecond."
    assert values_of(row)["calls"] == 5
    assert not Awaited.objects.exists()
    assert Document.objects.get(sync_id=made).scopes == []


def test_counters_add_up_also_where_both_rows_say_the_same(contacts: Device) -> None:
    Contact.objects.create(email="a@b", name="Ada", notes="First.", calls=3)
    made = contacts.create(email="a@b", name="Ada", notes="First.", calls=3)
    contacts.push()
    contacts.add(made, calls=3)
    contacts.push()
    row = Contact.objects.get()
    assert (row.name, row.notes, row.calls) == ("Ada", "First.", 9)


def test_what_was_written_earlier_does_not_win_over_what_is_there(contacts: Device) -> None:
    contacts.skew_ms = -60_000
    contacts.create(email="a@b", name="earlier")
    Contact.objects.create(email="a@b", name="later")
    contacts.push()
    assert Contact.objects.get().name == "later"


def test_later_pushes_to_a_row_that_was_taken_in_go_the_same_way(contacts: Device) -> None:
    Contact.objects.create(email="a@b", name="Ada", calls=1)
    made = contacts.create(email="a@b", calls=2)
    contacts.push()
    contacts.set(made, name="Ada L.")
    contacts.add(made, calls=4)
    [result] = contacts.push()
    assert result.parked
    assert result.parked["code"] == "merged"
    row = Contact.objects.get()
    assert (row.name, row.calls) == ("Ada L.", 7)


def test_what_refers_to_a_row_that_was_taken_in_refers_to_the_other(
    contacts: Device, user: Any
) -> None:
    calls = Device(user, Call)
    made = contacts.create(email="a@b")
    early = calls.create(contact=made)
    assert calls.push()[0].parked
    there = Contact.objects.create(email="a@b")
    contacts.push()
    late = calls.create(contact=made)
    calls.push(late)
    rows = {call.sync_id: call for call in Call.objects.all()}
    assert {call.contact for call in rows.values()} == {there}
    assert rows.keys() == {early, late}
    assert values_of(rows[late])["contact"] == there.sync_id, "and its document says so"


@pytest.mark.parametrize("part", [None, ["constraints.contact"]])
def test_a_device_drops_the_row_that_was_taken_in_and_has_the_other(user: Any, part: Any) -> None:
    """Also where it asks for what the server has of it, before it is told."""
    there = Contact.objects.create(email="a@b", name="Ada")
    with switchboard() as board:
        phone = Phone(board, user, 11)
        phone.connect()
        phone.exchange()
        phone.replica.subscribe(part)
        made = phone.replica.create("constraints.contact", {"email": "a@b", "calls": 2})
        phone.sync()
        phone.sync()
    (told,) = [event for event in phone.events if isinstance(event, MergedInto)]
    assert (told.id, told.into) == (made, there.sync_id)
    assert [row.id for row in phone.replica.all("constraints.contact")] == [there.sync_id]
    assert phone.row("constraints.contact", there.sync_id)["calls"] == 2


def test_a_row_that_the_user_does_not_see_takes_nothing_in(contacts: Device) -> None:
    hidden = Contact.objects.create(email="a@b", name="Ada", is_local_only=True)
    contacts.create(email="a@b", name="Eve")
    [result] = contacts.push()
    assert result.parked
    assert result.parked["code"] == "unique"
    hidden.refresh_from_db()
    assert hidden.name == "Ada"
    hidden.delete()
    assert Contact.objects.get().name == "Eve"


def test_no_reference_to_what_the_user_may_not_see_is_taken_in(user: Any) -> None:
    there = Card.objects.create(code="x")
    other = get_user_model().objects.create_user("bob")
    his, hers = (Secret.objects.create(name="s", user=each) for each in (user, other))
    cards = Device(user, Card)
    made = cards.create(code="x", secrets=[str(his.sync_id), str(hers.sync_id)])
    cards.push()
    assert list(there.secrets.all()) == [his]
    cards.set(made, secret=hers.sync_id, secrets=[str(hers.sync_id)])
    cards.push()
    there.refresh_from_db()
    assert (there.secret, list(there.secrets.all())) == (None, [])
    hers.user = user
    hers.save()
    there.refresh_from_db()
    assert (there.secret, list(there.secrets.all())) == (hers, [hers]), "then they are followed"


def test_a_row_and_what_it_took_in_may_be_edited_in_one_frame(user: Any) -> None:
    there = Card.objects.create(code="x")
    hers = Secret.objects.create(name="s", user=user)
    cards = Device(user, Card)
    made = cards.create(code="x")
    cards.push()
    cards.pull(there.sync_id)
    cards.set(there.sync_id, title="edited")
    cards.set(made, secrets=[str(hers.sync_id)])
    assert [result.status for result in cards.push(there.sync_id, made)] == ["ok", "ok"]
    cards.pull(there.sync_id)
    there.refresh_from_db()
    assert (there.title, list(there.secrets.all())) == ("edited", [hers])
    said = values_of(there)
    assert (said["title"], said["secrets"]) == ("edited", [str(hers.sync_id)])
    assert cards.get(there.sync_id) == said
    there.title = "saved"
    there.save()
    cards.pull(there.sync_id)
    assert cards.get(there.sync_id)["title"] == "saved"


def test_a_taken_text_gets_the_first_number_that_is_free(chapters: Device) -> None:
    made = [chapters.create(title=str(n), slug="intro") for n in range(3)]
    assert [result.parked for result in chapters.push()] == [None] * 3
    slugs = [Chapter.objects.get(sync_id=each).slug for each in made]
    assert slugs == ["intro", "intro-2", "intro-3"]
    chapters.pull()
    assert [chapters.get(each)["slug"] for each in made] == slugs, "its device learns of it"


def test_a_new_name_is_no_longer_than_the_field(chapters: Device) -> None:
    made = [chapters.create(title=str(n), slug="abcdefgh") for n in range(2)]
    chapters.push()
    assert Chapter.objects.get(sync_id=made[1]).slug == "abcdef-2"
