"""What would change which row is which: new `sync_id`s are refused, primary keys are mirrored."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from django.db.models import F

from django_pulse.tables import Document
from tests.django_pulse.bulk.conftest import is_mirrored, state_of
from tests.django_pulse.devices import values_of
from tests.project.bulk.models import Card
from tests.project.inheritance.models import Bistro, Place, Restaurant

pytestmark = pytest.mark.databases("sqlite", "postgres")


def test_a_sync_id_cannot_be_updated() -> None:
    card = Card.objects.create(title="x")
    before = state_of(Card)
    for manager in (Card.objects, Card._base_manager, Card.objects.filter(pk=card.pk)):
        with pytest.raises(ValueError, match="sync_id names a row on every device"):
            manager.update(sync_id=uuid.uuid4(), title="y")
    other = uuid.uuid4()
    card.sync_id = other
    with pytest.raises(ValueError, match="sync_id names a row on every device"):
        Card.objects.bulk_update([card], ["sync_id"])
    assert Card.objects.get().title == "x"
    assert state_of(Card) == before


def test_a_sync_id_that_was_assigned_cannot_be_saved() -> None:
    made = Card.objects.create(title="x")
    was, before = made.sync_id, state_of(Card)
    loaded = Card.objects.get()
    deferred = Card.objects.defer("sync_id").get()
    for card in (made, loaded, deferred):
        card.sync_id, card.title = uuid.uuid4(), "y"
        for fields in (None, ["sync_id"], ["title", "sync_id"]):
            with pytest.raises(ValueError, match="sync_id names a row on every device"):
                card.save(update_fields=fields)
    assert state_of(Card) == before
    for card in (made, loaded, deferred):
        card.sync_id = str(was)  # as forms and fixtures spell it
        card.save()
    assert Card.objects.get().title == "y"
    by_hand = Card(pk=made.pk, title="z")
    by_hand.save()
    assert by_hand.sync_id == was
    assert is_mirrored(Card)


def test_a_primary_key_that_is_updated_takes_the_document_along() -> None:
    card = Card.objects.create(title="x")
    assert Card.objects.filter(pk=card.pk).update(id=9_000, title="y") == 1
    moved = Card.objects.get()
    assert (moved.pk, moved.sync_id, moved.version) == (9_000, card.sync_id, 2)
    assert values_of(moved)["title"] == "y"
    assert is_mirrored(Card)


def test_many_primary_keys_that_are_updated_take_their_documents_along() -> None:
    Card.objects.bulk_create([Card(title=str(n)) for n in range(3)])
    Card.objects.update(id=F("id") + 10_000, title="y")
    assert {row.title for row in Card.objects.filter(pk__gt=10_000)} == {"y"}
    assert Card.objects.filter(pk__gt=10_000).count() == 3
    assert is_mirrored(Card)


def documents(row: Any) -> dict[str, bool]:
    stored = Document.objects.filter(sync_id=row.sync_id)
    return {model: not deleted for model, deleted in stored.values_list("model", "deleted")}


def test_a_row_that_is_deleted_but_for_its_parents_is_one_of_theirs() -> None:
    bistro = Bistro.objects.create(name="Olive", stars=2, menu="soup")
    was, identity = bistro.pk, bistro.sync_id
    bistro.delete(keep_parents=True)
    assert not Bistro.objects.exists()
    row = Restaurant.objects.get(sync_id=identity)
    assert (row.pk, row.name, row.stars) == (was, "Olive", 2)
    assert documents(row) == {"inheritance.bistro": False, "inheritance.restaurant": True}
    assert (values_of(row)["name"], values_of(row)["stars"]) == ("Olive", 2)
    row.delete(keep_parents=True)
    place = Place.objects.get()
    assert documents(place) == {
        "inheritance.bistro": False,
        "inheritance.restaurant": False,
        "inheritance.place": True,
    }
    place.name = "Olives"
    place.save()
    assert values_of(place)["name"] == "Olives"
    place.delete()
    assert not any(documents(place).values())
