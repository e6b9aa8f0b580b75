"""Rows that wait, seen from real devices that speak with the real server."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth import get_user_model

from crdt import frames
from crdt.events import Changed, Parked, Removed
from django_pulse.changefeed import feed
from django_pulse.tables import Document, Outcome
from django_pulse.upkeep.verifying import verify
from tests.django_pulse.phones import Phone, Switchboard, switchboard
from tests.project.constraints.models import Player, Team

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.databases("sqlite", "postgres"),
]

PLAYER, TEAM = "constraints.player", "constraints.team"


@pytest.fixture
def board() -> Iterator[Switchboard]:
    with switchboard() as board:
        yield board


@pytest.fixture
def user() -> Any:
    return get_user_model().objects.create_user("ada")


def test_a_row_that_waits_is_marked_on_its_device_until_it_is_there(
    board: Switchboard, user: Any
) -> None:
    phone, tablet = Phone(board, user, 11), Phone(board, user, 12)
    tablet.connect()
    tablet.exchange()
    team = tablet.replica.create(TEAM, {"name": "Navy"})  # not sent yet
    phone.connect()
    phone.exchange()
    player = phone.replica.create(PLAYER, {"name": "Grace", "team": team})
    phone.sync()
    (told,) = [event for event in phone.events if isinstance(event, Parked)]
    assert (told.id, told.code, told.fields["team"].value) == (player, "waiting", team)
    assert [row.parked is not None for row in phone.replica.all(PLAYER)] == [True]
    assert phone.replica.in_sync
    assert not Outcome.objects.exists(), "confirmed"

    phone.restart()
    phone.sync()
    assert [each.id for each in phone.replica.parked()] == [player]
    phone.replica.set(PLAYER, player, name="Hopper")
    phone.sync()
    assert not Player.objects.exists()

    tablet.sync()
    phone.sync()
    assert Player.objects.get().team == Team.objects.get()
    assert phone.replica.parked() == []
    assert any(isinstance(e, Changed) and e.id == player for e in phone.events)
    tablet.sync()
    assert tablet.row(PLAYER, player)["name"] == "Hopper"


@pytest.mark.parametrize("comes", ["push", "reason", "reason twice"])
def test_a_row_that_waits_is_marked_also_where_the_ack_was_lost(
    board: Switchboard, user: Any, comes: str
) -> None:
    """The reason follows the next welcome, and the push is sent again: before that came, or after,
    or even after a connection that told nothing else.
    """
    phone = Phone(board, user, 11)
    phone.sync()
    team = Team(name="Navy", user=user)
    player = phone.replica.create(PLAYER, {"name": "Grace", "team": team.sync_id})
    phone.send()
    for _ in range(2 if comes == "reason twice" else 1):
        phone.connect()
        if comes == "push":
            assert phone.receive()
            phone.send()
        while phone.receive():
            pass
    for _ in range(2):
        phone.sync()
        assert [each.id for each in phone.replica.parked()] == [player]
        assert phone.row(PLAYER, player)["name"] == "Grace"
        phone.restart()
    team.save()
    phone.sync()
    assert phone.replica.parked() == []
    assert phone.row(PLAYER, player)["name"] == "Grace"


def test_a_row_that_comes_in_while_its_document_is_asked_for_is_not_marked_any_more(
    board: Switchboard, user: Any
) -> None:
    phone = Phone(board, user, 11)
    phone.sync()
    phone.replica.subscribe({PLAYER: {}})
    phone.sync()
    team = Team(name="Navy", user=user)
    player = phone.replica.create(PLAYER, {"name": "Grace", "team": team.sync_id})
    phone.send()
    assert phone.receive(), "the ack, after which it asks for the document"
    assert [each.id for each in phone.replica.parked()] == [player]
    team.save()
    phone.inbox.sort(key=lambda frame: frames.decode(frame).end)  # type: ignore[union-attr]
    while phone.receive():  # what comes live builds on the document
        pass
    phone.sync()
    assert phone.replica.parked() == []
    assert any(isinstance(e, Changed) and e.id == player for e in phone.events)


@pytest.mark.parametrize("stays", [True, False])
def test_a_row_that_waited_and_gets_in_outside_of_what_is_wanted_goes_from_its_device(
    board: Switchboard, user: Any, stays: bool
) -> None:
    phone = Phone(board, user, 11)
    phone.sync()
    phone.replica.subscribe([TEAM])
    team = Team(name="Navy", user=user)
    player = phone.replica.create(PLAYER, {"name": "Grace", "team": team.sync_id})
    phone.sync()
    phone.sync()
    assert [each.id for each in phone.replica.parked()] == [player]
    if not stays:
        phone.restart()
    team.save()
    phone.sync()
    assert Player.objects.get().name == "Grace"
    assert phone.replica.get(PLAYER, player) is None
    assert phone.replica.parked() == []
    assert phone.replica.reverted() == []
    assert any(isinstance(event, Removed) and event.id == player for event in phone.events)
    assert phone.replica.in_sync


def test_a_row_that_waits_stays_on_its_device_though_its_document_is_broken(
    board: Switchboard, user: Any
) -> None:
    phone = Phone(board, user, 11)
    phone.sync()
    team = Team(name="Navy", user=user)
    player = phone.replica.create(PLAYER, {"name": "Grace", "team": team.sync_id})
    phone.sync()
    stored = Document.objects.get()
    Document.objects.update(state=bytes(stored.state)[:-3])
    phone.restart()
    phone.sync()
    assert [each.id for each in phone.replica.parked()] == [player]
    list(verify(Player, "default", fix=True))
    phone.restart()
    phone.sync()
    team.save()
    phone.sync()
    assert Player.objects.get().name == "Grace"
    assert phone.row(PLAYER, player)["name"] == "Grace"
    assert phone.replica.parked() == []


def test_a_device_that_lost_its_row_fetches_what_it_had_parked(
    board: Switchboard, user: Any
) -> None:
    phone = Phone(board, user, 11)
    phone.sync()
    team = Team(name="Navy", user=user)
    player = phone.replica.create(PLAYER, {"name": "Grace", "team": team.sync_id})
    backup = phone.store.copy()
    phone.sync()
    phone.store = backup
    phone.restart()
    phone.replica.set(PLAYER, player, name="Hopper")
    phone.sync()
    phone.sync()
    team.save()
    phone.sync()
    assert Player.objects.get().name == "Hopper"
    assert phone.row(PLAYER, player)["name"] == "Hopper"


def test_a_row_that_waits_is_given_to_nobody_but_who_pushed_it(
    board: Switchboard, user: Any
) -> None:
    phone = Phone(board, user, 11)
    phone.connect()
    phone.exchange()
    player = phone.replica.create(PLAYER, {"name": "Grace", "team": uuid.uuid4()})
    phone.sync()
    bob = get_user_model().objects.create_user("bob")
    assert [each.id for each in feed.documents(user, [(PLAYER, player)])] == [player]
    assert feed.documents(bob, [(PLAYER, player)]) == []
