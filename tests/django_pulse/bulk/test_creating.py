"""`bulk_create`: every row that is inserted or updated has its document, and no other has."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.db.models import F, Value
from django.db.models.functions import Lower, Upper

from crdt.update import read_state
from django_pulse.tables import Document, Feed, Outbox
from tests.django_pulse.bulk.conftest import counted, is_mirrored, state_of
from tests.django_pulse.devices import document_of, values_of
from tests.project.bulk.models import Card, Plain, Shelf

pytestmark = pytest.mark.databases("sqlite", "postgres")


def cards(count: int, **values: Any) -> list[Card]:
    return [Card(title=f"card {n}", votes=n, body=f"{n} 🥛", **values) for n in range(count)]


@pytest.mark.parametrize("model", [Card, Plain])
def test_created_rows_have_documents_that_say_the_same(model: Any) -> None:
    rows = [model(title=f"row {n}", votes=n, body=f"{n} 🥛") for n in range(7)]
    assert model.objects.bulk_create(rows) == rows
    assert is_mirrored(model)
    assert {row.version for row in rows} == {1}
    assert Feed.objects.filter(present=True, document__in=Document.objects.all()).count() == 7


def test_created_rows_are_as_loaded_ones_so_that_saving_writes_only_edits() -> None:
    rows = Card.objects.bulk_create(cards(3))
    assert all(row.pk and not row._state.adding and row._state.db == "default" for row in rows)
    assert counted(rows[0].save) == 0
    Card.objects.filter(pk=rows[1].pk).update(title="meanwhile", votes=F("votes") + 10)
    rows[1].votes += 1
    rows[1].save()
    row = Card.objects.get(pk=rows[1].pk)
    assert (row.title, row.votes, row.version) == ("meanwhile", 12, 3)
    assert rows[1].title == "meanwhile"


def test_what_the_database_decides_is_read_once_and_mirrored() -> None:
    rows = [Card(title=Upper(Value("abc"))), Card(title="plain", rank=3), Card(votes=F("rank"))]
    rows[2].votes = 4
    Card.objects.bulk_create(rows)
    assert [(row.title, row.rank, row.twice) for row in rows] == [
        ("ABC", 7, 14), ("plain", 3, 6), ("", 7, 14)
    ]  # fmt: skip
    assert is_mirrored(Card)


def test_expressions_in_a_model_of_plain_columns() -> None:
    rows = Plain.objects.bulk_create([Plain(title=Lower(Value("ABC"))), Plain(title="x")])
    assert [row.title for row in rows] == ["abc", "x"]
    assert is_mirrored(Plain)


@pytest.mark.parametrize("model", [Card, Plain])
@pytest.mark.parametrize("batch_size", [None, 3])
def test_it_takes_as_many_queries_for_many_rows_as_for_few(model: Any, batch_size: Any) -> None:
    def create(count: int) -> int:
        rows = [model(title=f"row {n}") for n in range(count)]
        size = batch_size and count // 2
        return counted(lambda: model.objects.bulk_create(rows, batch_size=size))

    assert create(40) == create(4)


def test_more_rows_than_are_written_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("django_pulse.writes.orm.creating.CREATED_AT_ONCE", 4)
    rows = Plain.objects.bulk_create([Plain(title=str(n)) for n in range(10)])
    assert [row.pk for row in rows] == sorted(row.pk for row in rows)
    assert is_mirrored(Plain)


def test_a_rolled_back_batch_leaves_nothing_and_the_instances_can_be_saved_again() -> None:
    rows = cards(2)
    with transaction.atomic():
        Card.objects.bulk_create(rows)
        rows[0].votes += 1
        rows[0].save()
        transaction.set_rollback(True)
    assert not Card.objects.exists()
    assert state_of(Card) == []
    assert not Outbox.objects.exists()
    for row in rows:
        row.save()
    assert [row.votes for row in Card.objects.order_by("title")] == [1, 1]
    assert is_mirrored(Card)


def test_a_rolled_back_savepoint_takes_its_batch_along_and_no_other() -> None:
    kept, undone = cards(1), cards(1)
    with transaction.atomic():
        Card.objects.bulk_create(kept)
        try:
            with transaction.atomic():
                Card.objects.bulk_create(undone)
                raise LookupError
        except LookupError:
            pass
        kept[0].votes += 1
        kept[0].save()
        undone[0].save()
    assert [row.votes for row in Card.objects.order_by("pk")] == [1, 0]
    assert is_mirrored(Card)


def test_a_clash_leaves_no_document() -> None:
    Card.objects.create(code="a")
    before = state_of(Card)
    with pytest.raises(IntegrityError):
        Card.objects.bulk_create([Card(code="b"), Card(code="a")])
    assert state_of(Card) == before
    assert is_mirrored(Card)


def test_rows_that_are_left_out_for_a_conflict_get_no_document() -> None:
    old = Card.objects.create(code="a", title="old")
    rows = [Card(code="a", title="new"), Card(code="b"), Card(code="b", title="twice")]
    Card.objects.bulk_create(rows, ignore_conflicts=True)
    assert sorted(Card.objects.values_list("code", "title")) == [("a", "old"), ("b", "")]
    assert is_mirrored(Card)
    assert Document.objects.filter(model="bulk.card").count() == 2
    assert [row.pk is None for row in rows] == [True, False, True]
    assert (rows[1].version, rows[1]._state.adding, rows[0]._state.adding) == (1, False, True)
    assert counted(rows[1].save) == 0
    assert Card.objects.get(code="a").version == old.version


def test_a_row_with_an_identity_that_is_there_is_left_as_it_is() -> None:
    old = Card.objects.create(title="old")
    Card.objects.bulk_create([Card(sync_id=old.sync_id, title="new")], ignore_conflicts=True)
    assert Card.objects.get().title == "old"
    assert is_mirrored(Card)


def test_rows_that_are_updated_for_a_conflict_are_mirrored_under_their_own_identity() -> None:
    old = Card.objects.create(code="a", title="old", votes=1, body="two litres")
    rows = [
        Card(code="a", title="new", votes=5, body="ignored"),
        Card(code="b", title="other", votes=2),
    ]
    Card.objects.bulk_create(
        rows, update_conflicts=True, unique_fields=["code"], update_fields=["title", "votes"]
    )
    row = Card.objects.get(code="a")
    assert (row.title, row.votes, row.body, row.sync_id) == ("new", 5, "two litres", old.sync_id)
    assert is_mirrored(Card)
    assert (rows[0].pk, rows[0].sync_id, rows[0].version) == (old.pk, old.sync_id, 2)
    assert rows[1].version == 1
    rows[0].votes += 1
    rows[0].save()
    row = Card.objects.get(code="a")
    assert (row.votes, row.body) == (6, "two litres")


def test_conflicts_take_as_many_queries_for_many_rows_as_for_few() -> None:
    def create(count: int, **options: Any) -> int:
        Card.objects.all().delete()
        Card.objects.bulk_create([Card(code=str(n)) for n in range(0, count, 2)])
        rows = [Card(code=str(n), title="x") for n in range(count)]
        return counted(lambda: Card.objects.bulk_create(rows, **options))

    for options in (
        {"ignore_conflicts": True},
        {"update_conflicts": True, "unique_fields": ["code"], "update_fields": ["title"]},
    ):
        assert create(40, **options) == create(4, **options)
        assert is_mirrored(Card)


def test_the_identity_of_a_row_cannot_be_updated() -> None:
    with pytest.raises(ValueError, match="sync_id"):
        Card.objects.bulk_create(
            [Card(code="a")],
            update_conflicts=True,
            unique_fields=["code"],
            update_fields=["sync_id"],
        )


def test_a_row_that_comes_again_goes_on_in_its_document() -> None:
    row = Card.objects.create(title="first")
    sync_id = row.sync_id
    row.delete()
    Card.objects.bulk_create([Card(sync_id=sync_id, title="again"), Card(title="new")])
    assert is_mirrored(Card)
    back = Card.objects.get(sync_id=sync_id)
    assert (back.version, values_of(back)["title"]) == (3, "again")


def test_clones_are_rows_of_their_own() -> None:
    Card.objects.bulk_create(cards(3))
    clones = list(Card.objects.order_by("pk"))
    for clone in clones:
        clone.pk = None
    Card.objects.bulk_create(clones)
    assert Card.objects.count() == len({row.sync_id for row in Card.objects.all()}) == 6
    assert is_mirrored(Card)


def test_primary_keys_that_are_given_are_kept() -> None:
    rows = Plain.objects.bulk_create([Plain(pk=5000, title="a"), Plain(title="b")])
    assert rows[0].pk == 5000
    assert rows[1].pk
    assert is_mirrored(Plain)


def test_rows_that_are_local_only_reach_no_scope() -> None:
    rows = Plain.objects.bulk_create([Plain(is_local_only=True), Plain()])
    assert [bool(scopes) for *_, scopes in state_of(Plain)] == [False, True]
    rows[0].is_local_only = False
    Plain.objects.bulk_update(rows, ["is_local_only"])
    assert [bool(scopes) for *_, scopes in state_of(Plain)] == [True, True]


def test_unsaved_related_rows_are_refused_as_in_django() -> None:
    with pytest.raises(ValueError, match="unsaved related object"):
        Card.objects.bulk_create([Card(shelf=Shelf(label="x"))])
    shelf = Shelf(label="x")
    card = Card(shelf=shelf)
    shelf.save()
    Card.objects.bulk_create([card])
    assert Card.objects.get().shelf == shelf


def test_nothing_to_create_and_bad_sizes_are_as_in_django() -> None:
    assert Card.objects.bulk_create([]) == []
    with pytest.raises(ValueError, match="positive"):
        Card.objects.bulk_create(cards(1), batch_size=-1)


def test_documents_of_a_batch_are_no_larger_than_those_of_single_rows() -> None:
    one = Card.objects.create(title="card 0", body="0 🥛")
    [other] = Card.objects.bulk_create(cards(1))
    sizes = [len(bytes(Document.objects.get(sync_id=row.sync_id).state)) for row in (one, other)]
    assert abs(sizes[0] - sizes[1]) <= 2
    assert len(document_of(other).vector) == 1
    assert read_state(bytes(Document.objects.get(sync_id=other.sync_id).state)).text_roots
