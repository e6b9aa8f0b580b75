"""Where a device puts rows: what others have is answered like what nobody has, word for word."""

from __future__ import annotations

import dataclasses
import uuid
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.django_pulse.devices import Device
from tests.django_pulse.text.apps import App
from tests.project.permits.models import Page, Workspace
from tests.project.teams.models import Board, Project, Team, Ticket

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.databases("sqlite", "postgres")]

THEIRS, NOBODYS = 123_456_789, 987_654_321
"""Primary keys of what others have, and of nothing."""


@pytest.fixture
def places(ada: Any, bob: Any) -> dict[Any, tuple[Any, Any]]:
    """For each model that ada may write, a place of hers and one of bob's."""
    hall = Workspace.objects.create(name="Hall")
    yard = Workspace.objects.create(pk=THEIRS, name="Yard")
    hall.seats.create(user=ada, role="admin")
    yard.seats.create(user=bob, role="admin")
    teams = [Team.objects.create(name="red"), Team.objects.create(pk=THEIRS, name="blue")]
    for team, user in zip(teams, (ada, bob), strict=True):
        team.members.add(user)
    projects = [
        Project.objects.create(name="red", team=teams[0]),
        Project.objects.create(pk=THEIRS, name="blue", team=teams[1]),
    ]
    return {
        Page: (hall.pk, yard.pk),
        Ticket: (projects[0].pk, projects[1].pk),
        Board: (teams[0].pk, teams[1].pk),
    }


NAMES = {Page: "workspace", Ticket: "project", Board: "teams"}


def named(model: Any, *places: Any) -> dict[str, Any]:
    return {NAMES[model]: list(places) if model is Board else places[0]}


def make(model: Any, place: Any) -> Any:
    if model is Board:
        board = Board.objects.create(title="here")
        board.teams.add(place)
        return board
    return model.objects.create(title="here", **{f"{NAMES[model]}_id": place})


def told(result: Any, place: Any) -> Any:
    """What is told of a push, but for what he said himself and the number of the outcome."""
    said = dataclasses.asdict(result) | {"outcome": None}
    return str(said).replace(str(place), "PLACE")


@pytest.mark.parametrize("model", NAMES)
@pytest.mark.parametrize("how", ["create", "create with a place", "move"])
def test_a_device_learns_nothing_of_a_place_that_is_not_its_users(
    ada: Any, places: dict[Any, Any], model: Any, how: str
) -> None:
    mine, theirs = places[model]
    row = make(model, mine)
    answers = []
    for place in (theirs, NOBODYS):
        phone = Device(ada, model)
        phone.pull()
        if how == "move":
            phone.set(wanted := row.sync_id, title="Moved", **named(model, place))
        else:
            both = [mine, place] if model is Board and how != "create" else [place]
            wanted = phone.create(title="Made", **named(model, *both))
        with CaptureQueriesContext(connection) as captured:
            [result] = phone.push(wanted)
        answers.append((told(result, place), len(captured)))
    assert answers[0] == answers[1]
    row.refresh_from_db()
    assert not model.objects.filter(**{NAMES[model]: theirs}).exists()


@pytest.mark.parametrize("model", NAMES)
@pytest.mark.parametrize("how", ["create", "move"])
def test_an_app_of_the_text_protocol_learns_nothing_either(
    ada: Any, places: dict[Any, Any], model: Any, how: str
) -> None:
    mine, theirs = places[model]
    row = make(model, mine)
    table = model._meta.label_lower
    answers = []
    for place in (theirs, NOBODYS):
        app = App(ada)
        app.pull(table)
        sync_id = str(row.sync_id)
        if how == "move":
            app.edit(table, sync_id, title="Moved", **named(model, mine, place))
            app.table(table)[sync_id] |= named(model, place) if model is not Board else {}
        else:
            sync_id = app.create(table, title="Made", **named(model, place))
        ack = app.upload(table)
        answers.append(str(ack).replace(sync_id, "ROW").replace(str(place), "PLACE"))
    assert answers[0] == answers[1]
    assert not model.objects.filter(**{NAMES[model]: theirs}).exists()


def test_a_whole_row_keeps_links_that_its_user_cannot_see(ada: Any, places: dict[Any, Any]) -> None:
    """An app sends back what it was told; what is linked already is nothing new."""
    mine, theirs = places[Board]
    team = Team.objects.create(name="green")
    team.members.add(ada)
    board = make(Board, mine)
    board.teams.add(theirs)
    app = App(ada)
    app.pull("teams.board")
    app.edit("teams.board", str(board.sync_id), teams=[mine, theirs, team.pk])
    ack = app.upload("teams.board")
    assert ack["errors"] == []
    assert "notes" not in ack
    assert set(board.teams.values_list("pk", flat=True)) == {mine, theirs, team.pk}
    assert uuid.UUID(ack["synced_ids"][0]) == board.sync_id
