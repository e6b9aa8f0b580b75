"""`loaddata`, and whatever else saves rows as they are."""

from __future__ import annotations

import json
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core import serializers
from django.core.management import call_command
from django.db import transaction

from django_pulse.tables import Document
from tests.django_pulse.bulk.conftest import counted, is_mirrored, state_of
from tests.django_pulse.devices import values_of
from tests.project.bulk.models import Card, Folder, Plain, Shelf, Sticker

pytestmark = pytest.mark.databases("sqlite", "postgres")

BY_HAND = [
    {"model": "bulk.sticker", "pk": 1, "fields": {"card": 2, "text": "early"}},
    {"model": "bulk.card", "pk": 2, "fields": {"title": "child", "parent": 1, "shelf": ["top"]}},
    {"model": "bulk.card", "pk": 1, "fields": {"title": "parent", "votes": 3, "folder": 1}},
    {"model": "bulk.shelf", "fields": {"label": "top"}},
    {"model": "bulk.folder", "pk": 1, "fields": {"name": "plain"}},
]


def load(tmp_path: Path, rows: list[Any]) -> None:
    fixture = tmp_path / "rows.json"
    fixture.write_text(json.dumps(rows), encoding="utf-8")
    call_command("loaddata", str(fixture), verbosity=0)


def identities() -> set[Any]:
    return {row.sync_id for model in (Card, Shelf, Sticker) for row in model.objects.all()}


def test_a_fixture_written_by_hand_is_mirrored_whatever_its_order(tmp_path: Path) -> None:
    load(tmp_path, BY_HAND)
    assert is_mirrored(Card, Shelf, Sticker)
    child, shelf = Card.objects.get(pk=2), Shelf.objects.get()
    assert values_of(child)["parent"] == Card.objects.get(pk=1).sync_id
    assert values_of(child)["shelf"] == shelf.sync_id
    assert values_of(Sticker.objects.get())["card"] == child.sync_id
    assert child.created_at is not None


def test_loading_it_again_keeps_identities_and_writes_what_changed(tmp_path: Path) -> None:
    load(tmp_path, BY_HAND)
    before, known = identities(), state_of(Card)
    load(tmp_path, BY_HAND)
    assert identities() == before
    assert state_of(Card) == known
    Card.objects.filter(pk=1).update(votes=10)
    load(tmp_path, BY_HAND)
    assert identities() == before
    assert values_of(Card.objects.get(pk=1))["votes"] == 3
    assert is_mirrored(Card, Shelf, Sticker)


@pytest.mark.parametrize("natural", [True, False])
def test_what_was_dumped_is_loaded_under_the_same_identities(natural: bool, tmp_path: Path) -> None:
    folder = Folder.objects.create(name="x")
    shelf = Shelf.objects.create(label="top")
    card = Card.objects.create(title="a", body="🥛", shelf=shelf, folder=folder, extra={"a": [1]})
    card.votes += 5
    card.save()
    Sticker.objects.create(card=card)
    dumped = StringIO()
    options = {"use_natural_foreign_keys": natural, "use_natural_primary_keys": natural}
    call_command("dumpdata", "bulk", stdout=dumped, verbosity=0, **options)
    before = identities()
    for model in (Sticker, Card, Shelf, Folder):
        model.objects.all().delete()
    load(tmp_path, json.loads(dumped.getvalue()))
    assert identities() == before
    assert not Document.objects.filter(deleted=True, sync_id__in=before).exists()
    assert is_mirrored(Card, Shelf, Sticker)


def test_a_fixture_that_does_not_load_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(Exception, match="foreign key"):
        load(tmp_path, [BY_HAND[2], BY_HAND[0]])
    assert state_of(Card) == []
    assert state_of(Sticker) == []


def test_an_instance_that_was_saved_raw_adds_nothing_twice() -> None:
    row = Plain.objects.create(votes=1)
    row.votes += 1
    row.save_base(raw=True)
    assert counted(row.save) == 0
    row.votes += 1
    row.save()
    assert Plain.objects.get().votes == 3
    assert is_mirrored(Plain)


def test_deserialized_rows_are_mirrored_in_their_transaction() -> None:
    [text] = [serializers.serialize("json", [Plain(pk=5, title="x", body="y")])]
    with transaction.atomic():
        for each in serializers.deserialize("json", text):
            each.save()
        assert values_of(Plain.objects.get())["title"] == "x"
        transaction.set_rollback(True)
    assert state_of(Plain) == []
