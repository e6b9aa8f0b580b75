"""The other ways of writing rows: async variants, get-or-create, receivers that change rows."""

from __future__ import annotations

from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.db.models import F
from django.db.models.signals import pre_save

from tests.django_pulse.bulk.conftest import is_mirrored
from tests.django_pulse.devices import values_of
from tests.project.bulk.models import Card, Plain, Shelf

pytestmark = pytest.mark.databases("sqlite", "postgres")


async def write_in_every_way() -> None:
    card = await Card.objects.acreate(title="one", votes=1)
    card.votes += 1
    await card.asave()
    await Card.objects.aupdate(votes=F("votes") + 1)
    card.votes += 1
    await card.asave(update_fields=["votes"])
    await card.arefresh_from_db()
    assert (card.votes, card.version) == (4, 4)
    two, three = await Card.objects.abulk_create([Card(title="two"), Card(title="three")])
    two.body, three.body = "2", "3"
    await Card.objects.abulk_update([two, three], ["body"])
    _, made = await Card.objects.aget_or_create(code="4", defaults={"title": "four"})
    assert made
    _, made = await Card.objects.aupdate_or_create(code="4", defaults={"title": "4"})
    assert not made
    shelf = await Shelf.objects.acreate(label="top")
    await shelf.cards.aadd(card, two)
    await shelf.cards.aset([two, three])
    await shelf.cards.aremove(three)
    await shelf.cards.acreate(title="five")
    await shelf.cards.aclear()
    await card.adelete()
    await Card.objects.filter(title="two").adelete()


def test_async_variants_are_mirrored() -> None:
    async_to_sync(write_in_every_way)()
    found = Card.objects.order_by("pk").values_list("title", "body", "shelf")
    assert list(found) == [("three", "3", None), ("4", "", None), ("five", "", None)]
    assert is_mirrored(Card, Shelf)


def test_get_or_create_and_update_or_create_are_mirrored() -> None:
    first, _ = Card.objects.get_or_create(code="a", defaults={"title": "made"})
    again, made = Card.objects.get_or_create(code="a", defaults={"title": "not made"})
    assert (again, made, again.version) == (first, False, 1)
    Card.objects.filter(pk=first.pk).update(body="meanwhile")
    updated, made = Card.objects.update_or_create(code="a", defaults={"title": "updated"})
    assert (made, updated.version) == (False, 3)
    Card.objects.update_or_create(code="b", create_defaults={"title": "other"})
    assert sorted(Card.objects.values_list("code", "title", "body")) == [
        ("a", "updated", "meanwhile"), ("b", "other", "")
    ]  # fmt: skip
    assert is_mirrored(Card)


def test_what_a_receiver_changes_before_a_save_is_mirrored() -> None:
    def shout(instance: Plain, **kwargs: Any) -> None:
        instance.title = instance.title.upper()

    pre_save.connect(shout, sender=Plain)
    try:
        row = Plain.objects.create(title="made")
        row.title = "saved"
        row.save()
    finally:
        pre_save.disconnect(shout, sender=Plain)
    assert values_of(Plain.objects.get())["title"] == "SAVED"
    assert is_mirrored(Plain)
