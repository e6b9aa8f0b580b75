"""Rows that refer to others appear when those do, in whatever order they come."""

from __future__ import annotations

import uuid
from itertools import pairwise
from typing import Any

import pytest
from django.contrib.auth import get_user_model

from django_pulse import writes
from django_pulse.mapping.schema import schema_of
from django_pulse.tables import Awaited, Document, Feed, Outcome
from django_pulse.writes import PushItem
from tests.django_pulse.devices import Device, values_of
from tests.project.constraints.models import Page, Player, Team

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.databases("sqlite", "postgres"),
]


@pytest.fixture
def user() -> Any:
    return get_user_model().objects.create_user("ada")


@pytest.fixture
def teams(user: Any) -> Device:
    return Device(user, Team)


@pytest.fixture
def players(user: Any) -> Device:
    return Device(user, Player)


@pytest.fixture
def pages(user: Any) -> Device:
    return Device(user, Page)


def nobody_waits() -> bool:
    marked = Document.objects.exclude(parked__isnull=True, waiting__isnull=True)
    return not (marked.exists() or Awaited.objects.exists() or Outcome.objects.exists())


def test_a_row_whose_target_has_not_come_is_parked_and_appears_with_it(
    teams: Device, players: Device
) -> None:
    team = uuid.uuid4()
    player = players.create(name="Grace", team=team)
    [result] = players.push()
    assert (result.status, result.parked and result.parked["code"]) == ("ok", "waiting")
    assert result.parked
    assert result.parked["fields"]["team"]["value"] == str(team)
    assert not Player.objects.exists()
    assert not Feed.objects.exists(), "it is in no scope"
    teams.create(team, name="Navy")
    [result] = teams.push()
    row = Player.objects.get()
    assert (row.sync_id, row.name, row.team.name) == (player, "Grace", "Navy")
    assert nobody_waits()
    assert Feed.objects.filter(document__sync_id=player).exists()


@pytest.mark.parametrize("how", ["save", "bulk_create"])
def test_a_target_that_the_server_makes_lets_in_what_waits_for_it(
    players: Device, user: Any, how: str
) -> None:
    team = Team(sync_id=uuid.uuid4(), name="Navy", user=user)
    players.create(name="Grace", team=team.sync_id)
    players.push()
    if how == "save":
        team.save()
    else:
        Team.objects.bulk_create([team])
    assert Player.objects.get().team == team
    assert nobody_waits()


def test_what_is_edited_while_it_is_parked_appears_as_it_was_edited(
    teams: Device, players: Device
) -> None:
    team = uuid.uuid4()
    player = players.create(name="Grace", team=team)
    players.push()
    players.set(player, name="Hopper")
    [result] = players.push()
    assert result.parked
    teams.create(team, name="Navy")
    teams.push()
    assert Player.objects.get().name == "Hopper"
    assert nobody_waits()


def test_a_parked_row_can_be_pointed_elsewhere_and_be_deleted(
    teams: Device, players: Device
) -> None:
    there = teams.create(name="Army")
    teams.push()
    one, two = (players.create(name=name, team=uuid.uuid4()) for name in ("one", "two"))
    players.push()
    players.set(one, team=there)
    players.delete(two)
    results = players.push()
    assert [result.parked for result in results] == [None, None]
    assert Player.objects.get().sync_id == one
    assert Document.objects.get(sync_id=two).deleted
    assert nobody_waits()


def test_only_who_pushed_a_parked_row_may_push_to_it(players: Device) -> None:
    made = players.create(name="Grace", team=uuid.uuid4())
    players.push()
    thief = Device(get_user_model().objects.create_user("eve"), Player)
    thief.create(made, name="Stolen", team=uuid.uuid4())
    [result] = thief.push()
    assert (result.status, result.code) == ("refused", "forbidden")


def test_in_one_frame_the_order_does_not_matter(user: Any) -> None:
    team, player = uuid.uuid4(), uuid.uuid4()
    device, other = Device(user, Player), Device(user, Team)
    other.replica = device.replica
    device.create(player, name="Grace", team=team)
    other.create(team, name="Navy")
    items = [
        PushItem("constraints.player", player, device.update(player)),
        PushItem("constraints.team", team, other.update(team)),
    ]
    results = writes.push(user, device.replica, items)
    assert [(each.status, each.parked) for each in results] == [("ok", None)] * 2
    assert Player.objects.get().team.name == "Navy"
    assert nobody_waits()


def test_a_chain_within_one_batch_appears_whatever_its_order(pages: Device) -> None:
    ids = [uuid.uuid4() for _ in range(12)]
    for child, parent in pairwise(ids):
        pages.create(child, title="page", parent=parent)
    pages.create(ids[-1], title="page", parent=None)
    assert [result.parked for result in pages.push()] == [None] * 12
    assert Page.objects.count() == 12
    assert Page.objects.get(sync_id=ids[0]).parent.parent.sync_id == ids[2]
    assert nobody_waits()


def test_an_edit_that_points_to_what_has_not_come_waits_in_the_document(
    pages: Device,
) -> None:
    old, new = pages.create(title="old"), uuid.uuid4()
    page = pages.create(title="page", parent=old)
    pages.push()
    pages.set(page, parent=new, title="renamed")
    [result] = pages.push(page)
    assert result.parked
    assert result.parked["fields"]["parent"]["code"] == "waiting"
    row = Page.objects.get(sync_id=page)
    assert row.parent is not None
    assert (row.title, row.parent.sync_id) == ("renamed", old), "the column keeps its value"
    row.title = "saved"
    row.save()
    pages.set(old, title="older")
    pages.push(old)
    assert values_of(row)["parent"] == new
    pages.create(new, title="new")
    pages.push(new)
    assert Page.objects.get(sync_id=page).parent == Page.objects.get(sync_id=new)
    assert nobody_waits()


def test_a_target_of_somebody_else_is_as_one_that_is_not_there(
    teams: Device, players: Device
) -> None:
    hidden = Team.objects.create(name="MI6", user=get_user_model().objects.create_user("bob"))
    one, two = (
        players.create(name="a", team=hidden.sync_id),
        players.create(name="b", team=uuid.uuid4()),
    )
    seen, unseen = players.push()
    assert seen.parked
    assert unseen.parked
    assert seen.parked["fields"]["team"].keys() == unseen.parked["fields"]["team"].keys()
    assert seen.parked["message"] == unseen.parked["message"]
    hidden.name = "MI5"
    hidden.save()
    assert not Player.objects.exists()
    hidden.user = players.user
    hidden.save()
    assert Player.objects.get().sync_id == one, "it may be seen by now"
    assert Document.objects.get(sync_id=two).parked


def test_a_hidden_target_is_not_linked_because_somebody_else_touches_the_row(
    user: Any, pages: Device
) -> None:
    hidden = Page.objects.create(title="hidden", is_local_only=True)
    page = pages.create(title="page")
    pages.push()
    pages.set(page, parent=hidden.sync_id)
    assert pages.push()[0].parked
    other = Device(get_user_model().objects.create_user("bob"), Page)
    other.pull(page)
    other.set(page, title="theirs")
    assert other.push(page)[0].parked is None
    assert Page.objects.get(sync_id=page).parent is None
    hidden.is_local_only = False
    hidden.save()
    assert Page.objects.get(sync_id=page).parent == hidden


def test_a_deleted_row_does_not_come_back_without_what_it_refers_to(
    teams: Device, players: Device
) -> None:
    team = teams.create(name="Navy")
    teams.push()
    player = players.create(name="Grace", team=team)
    players.push()
    Team.objects.all().delete()
    players.pull()
    document = players.rows[player]
    live = tuple(each.dot for each in document.live("-"))
    document.append("-", document.next_stamp(players.now()), False, live)
    [result] = players.push()
    assert (result.status, result.code) == ("refused", "required")
    assert Document.objects.get(sync_id=player).deleted


def test_no_more_may_wait_of_one_user_than_is_set(players: Device, settings: Any) -> None:
    settings.DJANGO_PULSE = {**getattr(settings, "DJANGO_PULSE", {}), "MAX_PARKED_PER_USER": 3}
    for _ in range(5):
        players.create(name="Grace", team=uuid.uuid4())
    results = players.push()
    assert [result.code for result in results].count("too_many_parked") == 2
    assert Awaited.objects.count() == 3


def test_what_waited_for_a_user_who_is_gone_stays_where_it_is(
    teams: Device, players: Device
) -> None:
    team = uuid.uuid4()
    players.create(name="Grace", team=team)
    players.push()
    players.user.is_active = False
    players.user.save()
    Team.objects.create(sync_id=team, name="Navy", user=teams.user)
    assert not Player.objects.exists()
    assert not Awaited.objects.filter(ready=True).exists()


def test_a_thousand_rows_that_wait_for_one_appear_in_few_queries(
    teams: Device, players: Device, django_assert_max_num_queries: Any
) -> None:
    team = uuid.uuid4()
    for number in range(300):
        players.create(name=f"{number}", team=team)
    players.push()
    teams.create(team, name="Navy")
    with django_assert_max_num_queries(120):
        teams.push()
    assert Player.objects.count() == 300
    assert schema_of(Player).label == "constraints.player"
