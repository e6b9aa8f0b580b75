"""What Django deletes and sets by itself, when something that rows refer to is deleted."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.db import connections, transaction
from django.db.models.signals import ModelSignal, post_delete, pre_delete

from django_pulse.changefeed.feed import stamp
from django_pulse.tables import Document, Feed, Outbox
from django_pulse.writes import noting
from tests.django_pulse.bulk.conftest import counted, is_mirrored, state_of
from tests.django_pulse.devices import values_of
from tests.django_pulse.together import at_once
from tests.project.bulk.models import Card, Folder, Plain, Shelf, Sticker

pytestmark = pytest.mark.databases("sqlite", "postgres")


@contextmanager
def heard(signal: ModelSignal, sender: Any, receiver: Any) -> Iterator[None]:
    signal.connect(receiver, sender=sender, weak=False)
    try:
        yield
    finally:
        signal.disconnect(receiver, sender=sender)


def filled(count: int, **values: Any) -> Folder:
    """A folder with cards that have children and stickers."""
    folder = Folder.objects.create(name="full")
    cards = Card.objects.bulk_create([Card(folder=folder, **values) for _ in range(count)])
    Card.objects.bulk_create([Card(parent=card, title="child") for card in cards])
    Sticker.objects.bulk_create([Sticker(card=card) for card in Card.objects.all()])
    return folder


def tombstones() -> int:
    return Document.objects.filter(deleted=True).count()


def test_a_parent_that_does_not_sync_takes_its_rows_along() -> None:
    folder = filled(3)
    kept = Card.objects.create(title="kept")
    folder.delete()
    assert list(Card.objects.all()) == [kept]
    assert tombstones() == 12
    assert set(Document.objects.filter(deleted=True).values_list("version", flat=True)) == {2}
    assert is_mirrored(Card, Sticker)
    assert Feed.objects.filter(present=True, document__in=Document.objects.all()).count() == 13, (
        "who saw them hears that they are gone"
    )


@pytest.mark.parametrize("everything", [True, False])
def test_a_cascade_takes_as_many_queries_for_many_rows_as_for_few(everything: bool) -> None:
    def delete(count: int) -> int:
        folder = filled(count)
        work = Folder.objects.all().delete if everything else folder.delete
        return counted(work)

    delete(1)
    assert delete(30) == delete(3)


def test_a_rolled_back_cascade_leaves_no_tombstone_and_can_be_repeated() -> None:
    folder = filled(2)
    before = state_of(Card)
    with transaction.atomic():
        folder.delete()
        transaction.set_rollback(True)
    assert state_of(Card) == before
    assert not Outbox.objects.exists()
    with transaction.atomic():
        with transaction.atomic():
            Card.objects.all().delete()
            transaction.set_rollback(True)
        Sticker.objects.all().delete()
    assert is_mirrored(Card, Sticker)
    Folder.objects.all().delete()
    assert tombstones() == 8
    assert is_mirrored(Card, Sticker)


def test_a_deletion_inside_of_a_deletion_loses_neither() -> None:
    cards = Card.objects.bulk_create([Card(title=str(n)) for n in range(3)])
    others = Plain.objects.bulk_create([Plain() for _ in cards])
    pairs = {card.pk: other.pk for card, other in zip(cards, others, strict=True)}

    def along(instance: Card, **kwargs: Any) -> None:
        Plain.objects.filter(pk=pairs[instance.pk]).delete()

    with heard(pre_delete, Card, along):
        Card.objects.all().delete()
    assert is_mirrored(Card, Plain)
    assert tombstones() == 6


def test_a_deletion_that_fails_halfway_leaves_no_tombstone_for_what_is_still_there() -> None:
    """And none when the same queryset deletes again, and less."""
    Card.objects.bulk_create([Card(title="old", votes=n) for n in range(4)])
    queryset = Card.objects.filter(title="old")

    def fail(instance: Card, **kwargs: Any) -> None:
        if instance.votes == 2:
            raise LookupError

    for signal in (pre_delete, post_delete):
        with heard(signal, Card, fail), pytest.raises(LookupError), transaction.atomic():
            queryset.delete()
        assert is_mirrored(Card)
    Card.objects.filter(votes=1).update(title="new")
    queryset.delete()
    assert [card.votes for card in Card.objects.all()] == [1]
    assert is_mirrored(Card)
    assert tombstones() == 3


def test_notes_of_deletions_that_failed_go_with_what_was_to_be_deleted() -> None:
    card = Card.objects.create()

    def fail(**kwargs: Any) -> None:
        raise LookupError

    with heard(pre_delete, Card, fail), pytest.raises(LookupError):
        card.delete()
    del card
    gc.collect()
    assert not noting._deletions.noted


def test_rows_of_which_only_some_columns_were_loaded_leave_tombstones_too() -> None:
    def delete(count: int) -> int:
        Card.objects.bulk_create([Card(title="x") for _ in range(count)])
        return counted(Card.objects.only("title").delete)

    assert delete(20) == delete(2)
    assert is_mirrored(Card)
    assert tombstones() == 22


def test_deleting_in_threads_and_tasks_at_once() -> None:
    plains = Plain.objects.bulk_create([Plain(title=str(n)) for n in range(6)])
    cards = Card.objects.bulk_create([Card(title=str(n)) for n in range(3)])

    at_once(*(Plain.objects.filter(pk=row.pk).delete for row in plains[:3]))

    async def in_tasks() -> None:
        await asyncio.gather(*(row.adelete() for row in plains[3:]))
        await asyncio.gather(*(Card.objects.filter(pk=row.pk).adelete() for row in cards))
        await sync_to_async(connections.close_all)()

    asyncio.run(in_tasks())
    stamp("default")  # a stamper that waits for another too long leaves it to the next to come by
    assert tombstones() == 9
    assert is_mirrored(Card, Plain)


@pytest.mark.parametrize("name", ["drawer", "box", "tray", "shelf"])
def test_what_is_set_when_its_target_goes_is_mirrored(name: str) -> None:
    """SET_DEFAULT, SET(), a function of one's own, SET_NULL."""
    heir = Folder.objects.create(name="heir")
    target: Any
    if name == "shelf":
        target = Shelf.objects.create(label="gone")
    else:
        target = Folder.objects.create(name="gone")
    Card.objects.bulk_create([Card(title=str(n), **{name: target}) for n in range(3)])
    other = Card.objects.create(title="untouched")
    assert values_of(Card.objects.first())[name] is not None
    type(target).objects.filter(pk=target.pk).delete()
    left = {getattr(card, name) for card in Card.objects.exclude(pk=other.pk)}
    assert left == {heir if name == "box" else None}
    assert is_mirrored(Card, Shelf)
    assert set(Card.objects.exclude(pk=other.pk).values_list("version", flat=True)) == {2}
    assert Card.objects.get(pk=other.pk).version == 1


@pytest.mark.parametrize("name", ["drawer", "box", "tray"])
def test_setting_takes_as_many_queries_for_many_rows_as_for_few(name: str) -> None:
    Folder.objects.create(name="heir")

    def delete(count: int) -> int:
        target = Folder.objects.create(name="gone")
        Card.objects.bulk_create([Card(**{name: target}) for _ in range(count)])
        return counted(target.delete)

    delete(1)
    assert delete(20) == delete(2)


def test_a_rolled_back_deletion_of_a_target_sets_nothing() -> None:
    shelf = Shelf.objects.create(label="kept")
    Card.objects.create(shelf=shelf)
    before = state_of(Card)
    with transaction.atomic():
        Shelf.objects.all().delete()
        transaction.set_rollback(True)
    assert state_of(Card) == before
    assert is_mirrored(Card, Shelf)
