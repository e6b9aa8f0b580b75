"""`SyncSerializerMixin`: a PUT writes what its client changed since it read the row."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from django.test import Client, override_settings
from django.urls import path

from django_pulse.rest import SyncSerializerMixin
from tests.project.forms.models import Board, Card, Label

pytest.importorskip("rest_framework", reason="needs djangorestframework")

from rest_framework import generics, serializers
from rest_framework.parsers import JSONParser
from rest_framework.renderers import JSONRenderer

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.databases("sqlite", "postgres"),
]


class CardSerializer(SyncSerializerMixin, serializers.ModelSerializer):  # type: ignore[misc]
    heading = serializers.CharField(source="title", max_length=40)

    class Meta:
        model = Card
        fields = ["id", "heading", "notes", "story", "votes", "done", "due", "data"]
        fields += ["board", "labels", "secret", "version"]
        read_only_fields = ["version"]
        extra_kwargs = {"secret": {"write_only": True}}


class CardView(generics.RetrieveUpdateAPIView):  # type: ignore[misc]
    queryset = Card.objects.all()
    serializer_class = CardSerializer
    authentication_classes: list[Any] = []
    permission_classes: list[Any] = []
    parser_classes = [JSONParser]
    renderer_classes = [JSONRenderer]


urlpatterns = [path("cards/<int:pk>/", CardView.as_view())]


@pytest.fixture(autouse=True)
def urls() -> Any:
    with override_settings(ROOT_URLCONF=__name__):
        yield


@pytest.fixture
def card() -> Card:
    card: Card = Card.objects.create(
        title="Paint",
        notes="the fence",
        story=" spaces ",
        votes=5,
        due=datetime(2026, 5, 1, 12, 30, 15, 123456, tzinfo=UTC),
        data={"a": [1, 2.5]},
        secret="hush",
    )
    return card


def read(card: Card) -> dict[str, Any]:
    answer: dict[str, Any] = Client().get(f"/cards/{card.pk}/").json()
    return answer


def put(card: Card, shown: dict[str, Any], method: str = "put", **edits: Any) -> Any:
    send = getattr(Client(), method)
    return send(f"/cards/{card.pk}/", shown | edits, content_type="application/json")


def theirs(card: Card, **values: Any) -> None:
    row = Card.objects.get(pk=card.pk)
    for name, value in values.items():
        setattr(row, name, value)
    row.save()


def test_a_put_of_what_was_read_writes_nothing(card: Card) -> None:
    assert put(card, read(card)).status_code == 200
    row = Card.objects.get()
    assert (row.version, row.story, row.secret) == (1, " spaces ", "hush")


def test_only_what_was_changed_is_written(card: Card) -> None:
    board = Board.objects.create(name="all")
    shown = read(card)
    theirs(card, title="Paint it", votes=9, done=True, due=None, data={}, board=board)
    answer = put(card, shown, notes="the wall")
    assert answer.status_code == 200, answer.content
    row = Card.objects.get()
    assert (row.notes, row.title, row.votes, row.done) == ("the wall", "Paint it", 9, True)
    assert (row.due, row.data, row.board) == (None, {}, board)
    assert answer.json()["heading"] == "Paint it"


@pytest.mark.parametrize("method", ["put", "patch"])
def test_what_both_changed_is_merged(card: Card, method: str) -> None:
    shown = read(card)
    theirs(card, votes=8, notes="the old fence", title="Paint it")
    sent = shown if method == "put" else {"base": shown["base"]}
    answer = put(card, sent, method, votes=7, notes="the fence now", heading="Mine")
    row = Card.objects.get()
    assert (row.votes, row.notes, row.title) == (10, "the old fence now", "Mine")
    assert answer.json()["votes"] == 10


def test_what_was_answered_is_the_base_of_the_next(card: Card) -> None:
    shown = put(card, read(card), votes=6).json()
    theirs(card, votes=9)
    put(card, shown, votes=7)
    assert Card.objects.get().votes == 10


def test_sets_and_keys(card: Card) -> None:
    red, blue, green = (Label.objects.create(name=name) for name in ("red", "blue", "green"))
    board = Board.objects.create(name="all")
    card.labels.set([red])
    shown = read(card)
    card.labels.add(green)
    theirs(card, title="Paint it")
    put(card, shown, labels=[blue.pk], board=board.pk)
    assert set(card.labels.all()) == {blue, green}
    assert (Card.objects.get().board, Card.objects.get().title) == (board, "Paint it")


def test_the_merged_value_is_validated(card: Card) -> None:
    shown = read(card)
    theirs(card, notes="the fence" + "x" * 35)
    answer = put(card, shown, notes="y" * 35 + "the fence")
    assert answer.status_code == 400
    assert "at most 60 characters (it has 79)" in answer.json()["notes"][0]


def test_a_base_of_another_row_is_refused(card: Card) -> None:
    other = read(Card.objects.create(title="other"))
    for base in (other["base"], "nonsense"):
        answer = put(card, read(card), base=base, heading="x")
        assert (answer.status_code, list(answer.json())) == (400, ["base"])
    assert Card.objects.get(pk=card.pk).title == "Paint"


def test_without_a_base_a_put_is_what_it_always_was(card: Card) -> None:
    shown = read(card)
    theirs(card, votes=9)
    del shown["base"]
    put(card, shown, heading="Paint it")
    row = Card.objects.get()
    assert (row.title, row.votes) == ("Paint it", 5)


def test_new_rows_and_lists_of_rows(card: Card) -> None:
    made = CardSerializer(data={"heading": "new", "base": ""})
    assert made.is_valid(), made.errors
    assert made.save().title == "new"
    many = CardSerializer(Card.objects.all(), many=True).data
    assert len({each["base"] for each in many}) == 2
