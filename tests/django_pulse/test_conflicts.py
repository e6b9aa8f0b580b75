"""`conflicts()` and `resolve()`: what stands side by side in a row, by whom, and settling it."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.db import connection, transaction
from django.db.models.signals import post_save
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from crdt.messages import Hello
from django_pulse.conflicts import Conflict
from django_pulse.sign_in import replicas
from tests.django_pulse.devices import Device, document_of
from tests.project.forms.models import Board, Card
from tests.project.relations.models import Comment, Project

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.databases("sqlite", "postgres"),
]


def device_of(name: str) -> Device:
    user, _ = get_user_model().objects.get_or_create(username=name)
    device = Device(user, Card)
    replicas.claim_replica(user, Hello(device.replica, f"{name}'s phone"))
    return device


@pytest.fixture
def ada() -> Device:
    return device_of("ada")


@pytest.fixture
def bob() -> Device:
    return device_of("bob")


@pytest.fixture
def card() -> Card:
    card: Card = Card.objects.create(title="Paint", notes="the fence", votes=1)
    return card


def both_write(card: Card, *devices: Device, **values: Any) -> None:
    """Every device pulls, then each writes its own value of the fields, then all push."""
    for device in devices:
        device.pull(card.sync_id)
    for place, device in enumerate(devices):
        device.skew_ms = 1_000 * place
        device.set(card.sync_id, **{name: each[place] for name, each in values.items()})
    for device in devices:
        assert [result.status for result in device.push(card.sync_id)] == ["ok"]
    card.refresh_from_db()


def told(conflicts: list[Conflict]) -> list[tuple[Any, str | None, bool]]:
    return [(c.value, c.author.get_username() if c.author else None, c.current) for c in conflicts]


def test_the_values_alive_are_told_with_their_authors(card: Card, ada: Device, bob: Device) -> None:
    before = timezone.now() - timedelta(seconds=1)
    both_write(card, ada, bob, title=["Paint it red", "Paint it blue"])
    found = card.conflicts()
    assert list(found) == ["title"]
    assert told(found["title"]) == [
        ("Paint it blue", "bob", True),
        ("Paint it red", "ada", False),
    ]
    assert [each.replica for each in found["title"]] == [bob.replica, ada.replica]
    assert all(before < each.at < timezone.now() + timedelta(seconds=2) for each in found["title"])
    assert card.title == "Paint it blue"


def test_what_the_server_wrote_has_no_author(card: Card, ada: Device) -> None:
    ada.pull(card.sync_id)
    ada.set(card.sync_id, title="Paint it red")
    card.title = "Paint it green"
    card.save()
    ada.push(card.sync_id)
    card.refresh_from_db()
    assert {author for _, author, _ in told(card.conflicts()["title"])} == {None, "ada"}


def test_values_are_those_of_instances(card: Card, ada: Device, bob: Device) -> None:
    due = timezone.now().replace(microsecond=123456)
    both_write(card, ada, bob, due=[due, None], data=[{"a": [1]}, {}])
    found = card.conflicts()
    assert [each.value for each in found["due"]] == [None, due]
    assert [each.value for each in found["data"]] == [{}, {"a": [1]}]


def test_no_conflict_no_news(card: Card, ada: Device, bob: Device) -> None:
    both_write(card, ada, bob, title=["Same", "Same"], votes=[2, 5], notes=["a fence", "the wall"])
    assert card.conflicts() == {}
    assert Card(title="new").conflicts() == {}


def test_many_conflicts_take_no_more_queries_than_one(card: Card) -> None:
    devices = [device_of(f"user {number}") for number in range(5)]
    both_write(card, *devices, title=list("abcde"), story=list("vwxyz"))
    with CaptureQueriesContext(
        connection,
    ) as queries:
        found = card.conflicts()
    assert {name: len(each) for name, each in found.items()} == {"title": 5, "story": 5}
    assert len(queries) == 3


@pytest.mark.parametrize("value", ["Paint it red", "Paint it blue", "Leave it"])
def test_resolving_leaves_one_value_everywhere(
    card: Card, ada: Device, bob: Device, value: str
) -> None:
    both_write(card, ada, bob, title=["Paint it red", "Paint it blue"])
    version = card.version
    card.resolve("title", value)
    assert (card.title, card.version, card.conflicts()) == (value, version + 1, {})
    stored = Card.objects.get()
    assert (stored.title, stored.version) == (value, version + 1)
    assert len(document_of(card).live("title")) == 1
    for device in (ada, bob):
        device.pull(card.sync_id)
        assert device.get(card.sync_id)["title"] == value


def test_the_instance_goes_on_from_what_was_settled(card: Card, ada: Device, bob: Device) -> None:
    both_write(card, ada, bob, title=["Paint it red", "Paint it blue"])
    card.story = "not saved yet"
    card.resolve("title", "Leave it")
    card.save()
    stored = Card.objects.get()
    assert (stored.title, stored.story) == ("Leave it", "not saved yet")
    assert stored.version == card.version


def test_a_value_that_the_field_does_not_allow_settles_nothing(
    card: Card, ada: Device, bob: Device
) -> None:
    both_write(card, ada, bob, title=["Paint it red", "Paint it blue"])
    for wrong in ("x" * 41, "", None):
        with pytest.raises(ValidationError) as refused:
            card.resolve("title", wrong)
        assert list(refused.value.message_dict) == ["title"]
    assert card.title == "Paint it blue"
    assert len(card.conflicts()["title"]) == 2


def test_values_of_foreign_keys_are_what_the_column_holds(
    card: Card, ada: Device, bob: Device
) -> None:
    red, blue = (Board.objects.create(name=name) for name in ("red", "blue"))
    both_write(card, ada, bob, board=[red.sync_id, blue.sync_id])
    assert card.board == blue
    with CaptureQueriesContext(connection) as queries:
        found = card.conflicts()
    assert [each.value for each in found["board"]] == [blue.pk, red.pk]
    assert len(queries) == 4
    card.resolve("board", found["board"][1].value)
    assert (Card.objects.get().board, card.board) == (red, red)
    assert card.conflicts() == {}


def test_foreign_keys_are_settled_by_row_or_by_key(card: Card) -> None:
    red, blue = (Board.objects.create(name=name) for name in ("red", "blue"))
    card.resolve("board", red)
    assert Card.objects.get().board == red
    card.resolve("board", blue.pk)
    assert card.board == blue
    with pytest.raises(ValidationError):
        card.resolve("board", blue.pk + 1)


def test_generic_keys_are_settled_by_row_by_what_is_alive_or_by_none(ada: Device) -> None:
    red, blue = (Project.objects.create(name=name) for name in ("red", "blue"))
    comment = Comment.objects.create(text="c")
    devices = [Device(ada.user, Comment) for _ in range(2)]
    both_write(comment, *devices, subject=[_named(red), _named(blue)])
    found = comment.conflicts()["subject"]
    assert [each.value for each in found] == [_named(blue), _named(red)]
    comment.resolve("subject", found[1].value)
    assert (Comment.objects.get().subject, comment.subject) == (red, red)
    assert comment.conflicts() == {}
    comment.resolve("subject", blue)
    assert Comment.objects.get().subject == blue
    for wrong in (["relations.project", str(uuid.uuid4())], ["no.model", 1], "relations", red.pk):
        with pytest.raises(ValidationError, match="There is no such row"):
            comment.resolve("subject", wrong)
    comment.resolve("subject", None)
    assert Comment.objects.get().subject is None


def _named(project: Project) -> list[str]:
    return ["relations.project", str(project.sync_id)]


def test_fields_that_keep_every_part_have_nothing_to_settle(card: Card) -> None:
    with pytest.raises(ValueError, match=r"Card\.votes merges by Counter"):
        card.resolve("votes", 3)
    with pytest.raises(ValueError, match="syncs no field 'colour'"):
        card.resolve("colour", "red")


def test_resolving_is_undone_with_its_transaction(card: Card, ada: Device, bob: Device) -> None:
    both_write(card, ada, bob, title=["Paint it red", "Paint it blue"])
    with transaction.atomic():
        card.resolve("title", "Leave it")
        transaction.set_rollback(True)
    assert Card.objects.get().title == "Paint it blue"
    assert len(card.conflicts()["title"]) == 2


def test_receivers_hear_of_it_as_of_a_save(card: Card) -> None:
    heard: list[Any] = []

    def receive(instance: Card, update_fields: Any, created: bool, **kwargs: Any) -> None:
        heard.append((instance.title, set(update_fields), created))

    post_save.connect(receive, sender=Card)
    try:
        card.resolve("title", "Leave it")
    finally:
        post_save.disconnect(receive, sender=Card)
    assert heard == [("Leave it", {"title"}, False)]


def test_a_row_that_is_gone_cannot_be_settled(card: Card) -> None:
    Card.objects.all().delete()
    with pytest.raises(Card.DoesNotExist):
        card.resolve("title", "Leave it")
    assert card.title == "Paint"
