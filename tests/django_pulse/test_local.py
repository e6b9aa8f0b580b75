"""`is_local_only`, and the block in which rows are made so."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.db import models

from django_pulse import local_only
from django_pulse.local import is_local
from django_pulse.tables import Document
from tests.django_pulse.phones import Phone, switchboard
from tests.project.forms.models import Board, Card, Step

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.databases("sqlite", "postgres"),
]


def scopes_of(*rows: Any) -> list[list[str]]:
    found = dict(Document.objects.values_list("sync_id", "scopes"))
    return [found[row.sync_id] for row in rows]


@pytest.fixture
def phone() -> Any:
    with switchboard() as board:
        phone = Phone(board, get_user_model().objects.create_user("ada"), 1001)
        phone.sync()
        yield phone


def test_rows_made_in_the_block_are_local_however_they_are_made() -> None:
    with local_only():
        card = Card.objects.create(title="one")
        saved = Card(title="two")
        saved.save()
        got, _ = Card.objects.get_or_create(title="three")
        (bulk,) = Card.objects.bulk_create([Card(title="four")])
        step = card.step_set.create(text="five")
    rows = [card, saved, got, bulk, step]
    assert all(row.is_local_only for row in rows)
    assert Card.objects.filter(is_local_only=True).count() == 4
    assert [Board.objects.create(name="outside").is_local_only, is_local()] == [False, False]
    assert scopes_of(card, saved, got, step) == [[]] * 4


def test_rows_made_before_the_block_and_stored_in_it_are_local_too() -> None:
    one, many = Card(title="one"), [Card(title="two"), Card(title="three")]
    with local_only():
        one.save()
        Card.objects.bulk_create(many)
    assert set(Card.objects.values_list("is_local_only", flat=True)) == {True}
    assert [row.is_local_only for row in (one, *many)] == [True] * 3
    assert scopes_of(one, *Card.objects.all()) == [[]] * 4


def test_rows_that_are_there_already_stay_what_they_are() -> None:
    card = Card.objects.create(title="public")
    with local_only():
        card.title = "still public"
        card.save()
        card.refresh_from_db()
    assert card.is_local_only is False
    assert scopes_of(card) == [["default/*"]]


def test_blocks_nest_and_end_with_an_error() -> None:
    with local_only():
        with pytest.raises(ZeroDivisionError), local_only():
            raise ZeroDivisionError
        assert is_local()
    assert not is_local()


def test_the_block_is_one_threads_and_one_tasks_own() -> None:
    with local_only(), ThreadPoolExecutor(1) as pool:
        assert pool.submit(is_local).result() is False

    async def block(inside: asyncio.Event, other: asyncio.Event) -> bool:
        with local_only():
            inside.set()
            await other.wait()
            return is_local()

    async def both() -> tuple[bool, bool]:
        inside, other = asyncio.Event(), asyncio.Event()
        task = asyncio.create_task(block(inside, other))
        await inside.wait()
        outside = is_local()
        other.set()
        return await task, outside

    assert asyncio.run(both()) == (True, False)


def test_migrations_know_plain_fields_only() -> None:
    field = Card._meta.get_field("is_local_only")
    _, path, _, kwargs = field.deconstruct()
    assert path == "django.db.models.BooleanField"
    assert kwargs["default"] is False
    assert isinstance(field, models.BooleanField)


def test_a_row_that_becomes_local_leaves_and_comes_back_whole(phone: Phone) -> None:
    card = Card.objects.create(title="mine", notes="all of it", votes=3)
    phone.sync()
    assert phone.row("forms.card", card.sync_id)["title"] == "mine"

    card.is_local_only = True
    card.save()
    phone.sync()
    assert phone.replica.get("forms.card", card.sync_id) is None

    card.title, card.votes = "mine alone", 4
    card.save()
    phone.sync()
    assert phone.replica.get("forms.card", card.sync_id) is None

    card.is_local_only = False
    card.save()
    phone.sync()
    row = phone.row("forms.card", card.sync_id)
    assert (row["title"], row["notes"], row["votes"]) == ("mine alone", "all of it", 4)


def test_update_makes_rows_local_and_public_too(phone: Phone) -> None:
    card = Card.objects.create(title="mine")
    phone.sync()
    Card.objects.update(is_local_only=True)
    phone.sync()
    assert phone.replica.get("forms.card", card.sync_id) is None
    card.refresh_from_db()
    card.is_local_only = False
    Card.objects.bulk_update([card], ["is_local_only"])
    phone.sync()
    assert phone.row("forms.card", card.sync_id)["title"] == "mine"


def test_a_local_row_reaches_nobody(phone: Phone) -> None:
    with local_only():
        card = Card.objects.create(title="mine")
        step: Step = card.step_set.create(text="alone")
    phone.sync()
    assert phone.replica.all("forms.card") == phone.replica.all("forms.step") == []
    step.is_local_only = False
    step.save()
    phone.sync()
    assert [row.id for row in phone.replica.all("forms.step")] == [step.sync_id]
