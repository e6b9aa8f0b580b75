"""Fetch modes (Django 6.1 and later): what is read of a loaded row later is no edit of it."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import pytest

from tests.django_pulse.bulk.conftest import counted, is_mirrored
from tests.project.bulk.models import Card, Plain, Sticker

modes: Any = pytest.importorskip("django.db.models.fetch_modes", reason="Django 6.1 has them")

pytestmark = pytest.mark.databases("sqlite", "postgres")


def loaded(*names: str, mode: Any) -> list[Plain]:
    Plain.objects.bulk_create([Plain(title=f"row {n}", votes=n, body="old") for n in range(3)])
    rows: Any = Plain.objects.order_by("pk").only(*names)
    return list(rows.fetch_mode(mode))


@pytest.mark.parametrize("mode", ["FETCH_ONE", "FETCH_PEERS"])
def test_deferred_columns_that_were_read_are_not_written(mode: str) -> None:
    rows = loaded("title", mode=getattr(modes, mode))
    assert rows[0].body == "old"
    assert [row.votes for row in rows] == [0, 1, 2]
    Plain.objects.update(body="new", votes=10)
    for row in rows:
        row.title += "!"
        row.save()
    assert {(row.body, row.votes) for row in Plain.objects.all()} == {("new", 10)}
    rows[1].votes += 1
    Plain.objects.bulk_update(rows, ["votes", "body"])
    assert [(r.body, r.votes) for r in Plain.objects.order_by("pk")] == [
        ("new", 10), ("new", 11), ("new", 10)
    ]  # fmt: skip
    assert is_mirrored(Plain)


def test_peers_are_read_by_one_query_also_after_copying_and_pickling() -> None:
    rows = loaded("title", mode=modes.FETCH_PEERS)
    assert counted(lambda: [row.body for row in rows]) == 1
    for twin in (copy.copy(rows[0]), pickle.loads(pickle.dumps(rows[0]))):
        twin.title, twin.votes = "twin", twin.votes + 5
        twin.save()
    assert Plain.objects.get(pk=rows[0].pk).votes == 10
    assert is_mirrored(Plain)


def test_peers_of_related_rows_are_read_together_too() -> None:
    cards = Card.objects.bulk_create([Card(title=str(n)) for n in range(3)])
    Sticker.objects.bulk_create([Sticker(card=card) for card in cards])
    queryset: Any = Sticker.objects.defer("text")
    stickers = list(queryset.fetch_mode(modes.FETCH_PEERS))
    assert counted(lambda: [(sticker.card.title, sticker.text) for sticker in stickers]) == 2


def test_where_fetching_is_forbidden_a_row_is_still_saved_and_deleted() -> None:
    first, second, _ = loaded("title", mode=modes.FETCH_RAISE)
    first.title = "saved"
    first.save()
    second.title = "at once"
    Plain.objects.bulk_update([second], ["title"])
    assert is_mirrored(Plain)
    assert Plain.objects.filter(title__in=["saved", "at once"], body="old").count() == 2
    first.delete()
    Plain.objects.only("title").fetch_mode(modes.FETCH_RAISE).delete()
    assert not Plain.objects.exists()
    assert is_mirrored(Plain)
