"""`bulk_update` and `update()`: what they change is merged, row by row, in set-sized queries."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.db.models import Case, Count, F, Max, Subquery, Value, When

from django_pulse.tables import Document, Feed, Outbox
from tests.django_pulse.bulk.conftest import counted, is_mirrored, state_of
from tests.django_pulse.devices import Device, values_of
from tests.project.bulk.models import Card, Plain, Shelf, Sticker

pytestmark = pytest.mark.databases("sqlite", "postgres")


def made(count: int, **values: Any) -> list[Card]:
    Card.objects.bulk_create([Card(title=f"card {n}", votes=n, **values) for n in range(count)])
    return list(Card.objects.order_by("pk"))


def versions() -> set[int]:
    return set(Card.objects.values_list("version", flat=True))


def test_bulk_update_writes_what_the_instances_changed() -> None:
    rows = made(4)
    for row in rows:
        row.title += "!"
        row.votes += 10
        row.body = "not asked for"
    assert Card.objects.bulk_update(rows, ["title", "votes"]) == 4
    assert is_mirrored(Card)
    assert [(r.title, r.votes, r.body) for r in Card.objects.order_by("pk")] == [
        (f"card {n}!", n + 10, "") for n in range(4)
    ]
    assert [row.version for row in rows] == [2] * 4


def test_stale_instances_merge_by_the_rules_of_their_fields() -> None:
    [one], [other] = made(1, body="two litres"), list(Card.objects.all())
    one.votes += 1
    one.body = "exactly two litres"
    one.save()
    other.votes += 2
    other.body = "two litres 🥛"
    Card.objects.bulk_update([other], ["votes", "body"])
    row = Card.objects.get()
    assert (row.votes, row.body) == (3, "exactly two litres 🥛")
    assert is_mirrored(Card)


def test_after_bulk_update_a_save_adds_nothing_twice() -> None:
    rows = made(2)
    for row in rows:
        row.votes += 5
    Card.objects.bulk_update(rows, ["votes"])
    assert counted(rows[0].save) == 0
    rows[0].votes += 1
    rows[0].save()
    assert [row.votes for row in Card.objects.order_by("pk")] == [6, 6]


def test_what_is_unchanged_is_not_written() -> None:
    rows = made(3)
    before = state_of(Card)
    rows[1].title = "changed"
    assert Card.objects.bulk_update(rows, ["title"]) == 3
    after = state_of(Card)
    assert [a == b for a, b in zip(before, after, strict=True)] == [True, False, True]


def test_expressions_are_computed_by_the_database_and_mirrored() -> None:
    rows = made(3)
    rows[0].votes = F("votes") + 100
    rows[1].votes = Case(When(title="card 1", then=Value(50)), default=Value(0))
    rows[2].votes = 7
    rows[2].rank = F("rank") + 1
    Card.objects.bulk_update(rows, ["votes", "rank"])
    assert [(r.votes, r.rank, r.twice) for r in Card.objects.order_by("pk")] == [
        (100, 7, 14), (50, 7, 14), (7, 8, 16)
    ]  # fmt: skip
    assert is_mirrored(Card)
    assert [row.votes for row in rows] == [100, 50, 7]
    assert counted(rows[0].save) == 0


def test_bulk_update_is_bound_to_its_queryset_as_in_django() -> None:
    rows = made(3)
    for row in rows:
        row.title = "new"
    assert Card.objects.filter(votes__gt=0).bulk_update(rows, ["title"]) == 2
    assert list(Card.objects.order_by("pk").values_list("title", flat=True)) == [
        "card 0", "new", "new"
    ]  # fmt: skip
    assert is_mirrored(Card)


def test_bulk_update_of_hand_made_instances_and_of_rows_that_are_gone() -> None:
    rows = made(2)
    gone = Card(pk=987654, title="gone")
    assert Card.objects.bulk_update([Card(pk=rows[0].pk, title="by hand"), gone], ["title"]) == 1
    assert Card.objects.get(pk=rows[0].pk).title == "by hand"
    assert is_mirrored(Card)


def test_bulk_update_refuses_what_django_refuses() -> None:
    rows = made(1)
    for objs, fields, size in (
        (rows, [], None),
        (rows, ["id"], None),
        (rows, ["title"], -1),
        ([Card()], ["title"], None),
    ):
        with pytest.raises(ValueError, match=r"bulk_update|must be|Field names"):
            Card.objects.bulk_update(objs, fields, batch_size=size)
    assert Card.objects.bulk_update([], ["title"]) == 0


def test_bulk_update_of_instances_that_are_local_only() -> None:
    rows = made(2)
    rows[0].is_local_only = True
    Card.objects.bulk_update(rows, ["is_local_only"])
    assert sorted(bool(scopes) for *_, scopes in state_of(Card)) == [False, True]
    assert Feed.objects.filter(present=False).count() == 1


@pytest.mark.parametrize("batch_size", [None, 2])
def test_bulk_update_that_is_rolled_back_can_be_repeated(batch_size: Any) -> None:
    rows = made(3)
    before = state_of(Card)
    for row in rows:
        row.votes += 1
    with transaction.atomic():
        Card.objects.bulk_update(rows, ["votes"], batch_size=batch_size)
        transaction.set_rollback(True)
    assert state_of(Card) == before
    assert not Outbox.objects.exists()
    Card.objects.bulk_update(rows, ["votes"], batch_size=batch_size)
    rows[0].save()
    assert [row.votes for row in Card.objects.order_by("pk")] == [1, 2, 3]
    assert is_mirrored(Card)


def test_update_that_is_rolled_back_leaves_no_document_ahead() -> None:
    made(2)
    before = state_of(Card)
    with transaction.atomic():
        Card.objects.update(title="x", votes=F("votes") + 1)
        transaction.set_rollback(True)
    assert state_of(Card) == before
    assert not Outbox.objects.exists()
    with transaction.atomic():
        with transaction.atomic():
            Card.objects.update(title="undone")
            transaction.set_rollback(True)
        Card.objects.update(votes=F("votes") + 1)
    assert [(row.title, row.votes) for row in Card.objects.order_by("pk")] == [
        ("card 0", 1), ("card 1", 2)
    ]  # fmt: skip
    assert is_mirrored(Card)


def test_an_update_that_fails_leaves_no_document_ahead() -> None:
    made(2)
    before = state_of(Card)
    with pytest.raises(IntegrityError):
        Card.objects.update(code="same")
    assert state_of(Card) == before
    rows = list(Card.objects.all())
    for row in rows:
        row.code = "same"
    with pytest.raises(IntegrityError):
        Card.objects.bulk_update(rows, ["code"])
    assert state_of(Card) == before


def test_one_statement_sees_the_rows_as_they_were() -> None:
    made(4)
    most = Card.objects.order_by().values("rank").annotate(most=Max("votes")).values("most")
    Card.objects.filter(votes__lt=10).update(votes=Subquery(most[:1]) + 1)
    assert set(Card.objects.values_list("votes", flat=True)) == {4}
    assert is_mirrored(Card)


def test_update_writes_only_documents_that_changed() -> None:
    made(4)
    before = state_of(Card)
    assert Card.objects.update(title=Case(When(votes=2, then=Value("x")), default=F("title"))) == 4
    assert [a == b for a, b in zip(before, state_of(Card), strict=True)] == [
        True, True, False, True
    ]  # fmt: skip


def test_update_through_joins_annotations_and_related_managers() -> None:
    shelf = Shelf.objects.create(label="top")
    rows = made(4)
    Sticker.objects.create(card=rows[0], text="x")
    shelf.cards.add(*rows[:2])
    assert is_mirrored(Card)
    shelf.cards.update(title="on the shelf")
    Card.objects.filter(shelf__label="top").update(rank=9)
    busy = Card.objects.annotate(stuck=Count("stickers")).filter(stuck=1)
    busy.update(body="stuck", votes=42)
    assert Card.objects.get(pk=rows[0].pk).votes == 42
    shelf.cards.set(rows[1:3])
    shelf.cards.remove(rows[1])
    assert list(shelf.cards.all()) == [rows[2]]
    made_there = shelf.cards.create(title="made there")
    shelf.cards.clear()
    assert not shelf.cards.exists()
    assert values_of(made_there)["shelf"] is None
    assert is_mirrored(Card, Shelf, Sticker)


def test_the_base_manager_mirrors_too() -> None:
    made(2)
    Card._base_manager.update(title="based")
    assert is_mirrored(Card)
    Card._base_manager.bulk_create([Card(title="more")])
    Card._base_manager.filter(title="based").delete()
    assert is_mirrored(Card)


def test_queries_do_not_grow_with_the_rows() -> None:
    def queries(count: int) -> list[int]:
        Card.objects.all().delete()
        rows = made(count)
        for row in rows:
            row.votes += 1
            row.body = "x"
        found = [counted(lambda: Card.objects.bulk_update(rows, ["votes", "body"]))]
        for row in rows:
            row.votes = F("votes") + 1
        found.append(counted(lambda: Card.objects.bulk_update(rows, ["votes"])))
        found.append(counted(lambda: Card.objects.update(title="x", votes=F("votes") + 1)))
        found.append(counted(lambda: Card.objects.filter(title="x").delete()))
        return found

    assert queries(40) == queries(4)


def test_more_rows_than_a_statement_takes_parameters() -> None:
    """SQLite's limit is 32,766 in its default build; PostgreSQL's protocol takes 65,535."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO bulk_plain (title, votes, body) WITH RECURSIVE n(i) AS "
            "(SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1200) SELECT 'x', i, '' FROM n"
        )
    assert Plain.objects.update(title="y") == 1200
    assert is_mirrored(Plain)
    assert Document.objects.filter(version=1).count() == 1200


def test_a_device_takes_what_bulk_writes_changed(django_user_model: Any) -> None:
    user = django_user_model.objects.create_user("ada")
    phone = Device(user, Plain)
    sync_id = phone.create(title="milk", body="two litres", votes=1)
    phone.push()
    Plain.objects.update(votes=F("votes") + 5, body="two litres, cold")
    phone.add(sync_id, votes=10)
    phone.edit(sync_id, "body", 0, 0, "exactly ")
    phone.push()
    row = Plain.objects.get()
    assert (row.votes, row.body) == (16, "exactly two litres, cold")
    row.votes += 1
    Plain.objects.bulk_update([row], ["votes"])
    phone.pull()
    assert phone.get(sync_id)["votes"] == 17


def test_updated_at_follows_bulk_update_but_not_update() -> None:
    [row] = made(1)
    before = row.updated_at
    Card.objects.update(title="y")
    assert Card.objects.get().updated_at == before
    row = Card.objects.get()
    row.title = "z"
    Card.objects.bulk_update([row], ["title"])
    assert Card.objects.get().updated_at > before
