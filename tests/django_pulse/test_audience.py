"""Audiences: by which path a row reaches its users."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.db import connection
from django.test.utils import CaptureQueriesContext

from django_pulse.mapping.schema import sync_models
from django_pulse.tables import Document
from django_pulse.visibility import audience, scopes
from tests.django_pulse.devices import Device
from tests.project.teams.models import (
    Assignment,
    Board,
    Budget,
    Letter,
    Project,
    Rumour,
    Shift,
    Team,
    Ticket,
)
from tests.project.todo.models import Item

pytestmark = [pytest.mark.databases("sqlite", "postgres"), pytest.mark.django_db(transaction=True)]


@pytest.fixture
def ada() -> Any:
    return get_user_model().objects.create_user("ada")


@pytest.fixture
def bob() -> Any:
    return get_user_model().objects.create_user("bob")


@pytest.fixture
def project(ada: Any) -> Project:
    """In a team of which ada is the member, and without admins."""
    team = Team.objects.create(name="Red")
    team.members.add(ada)
    return Project.objects.create(name="Bridge", team=team)


def sees(user: Any, row: Any) -> bool:
    return not set(scopes.of_user(user)).isdisjoint(scopes.of_row(row, "default"))


def test_a_path_of_any_length_leads_to_users(ada: Any, bob: Any, project: Project) -> None:
    ticket = Ticket.objects.create(title="Paint", project=project)
    assert sees(ada, ticket)
    assert not sees(bob, ticket)
    project.team.members.add(bob)  # type: ignore[union-attr]
    assert sees(bob, ticket), "without the row being written"
    project.team.members.remove(ada)  # type: ignore[union-attr]
    assert not sees(ada, ticket)


def test_two_paths_from_one_row_are_two_scopes(ada: Any, bob: Any, project: Project) -> None:
    ticket = Ticket.objects.create(title="Paint", project=project)
    budget = Budget.objects.create(title="Paint", project=project)
    project.admins.add(bob)
    assert sees(ada, ticket)
    assert not sees(ada, budget)
    assert sees(bob, budget)
    assert not sees(bob, ticket)


def test_a_row_whose_first_hop_is_null_is_nobodys(ada: Any, project: Project) -> None:
    ticket = Ticket.objects.create(title="Paint")
    assert scopes.of_row(ticket, "default") == []


def test_a_path_that_starts_at_the_users_names_each_of_them(ada: Any, bob: Any) -> None:
    letter = Letter.objects.create(title="Dear both")
    assert scopes.of_row(letter, "default") == []
    letter.readers.set([ada, bob])
    assert len(scopes.of_row(letter, "default")) == 2
    assert sees(ada, letter)
    assert sees(bob, letter)


def test_a_row_may_belong_to_several(ada: Any, bob: Any) -> None:
    red, blue = Team.objects.create(name="Red"), Team.objects.create(name="Blue")
    red.members.add(ada)
    blue.members.add(bob)
    board = Board.objects.create(title="News")
    board.teams.set([red, blue])
    assert sees(ada, board)
    assert sees(bob, board)
    board.teams.remove(red)
    assert not sees(ada, board)


def test_a_path_may_go_against_a_foreign_key(ada: Any, bob: Any) -> None:
    shift = Shift.objects.create(title="Night")
    Assignment.objects.create(shift=shift, worker=ada)
    assert sees(ada, shift)
    assert not sees(bob, shift)


def test_a_function_names_the_users(ada: Any, bob: Any) -> None:
    rumour = Rumour.objects.create(title="ada knows")
    assert sees(ada, rumour)
    assert not sees(bob, rumour)


def test_many_rows_take_one_query(ada: Any) -> None:
    boards = [Board.objects.create(title=str(number)) for number in range(20)]
    red = Team.objects.create(name="Red")
    for board in boards:
        board.teams.add(red)
    with CaptureQueriesContext(
        connection,
    ) as queries:
        found = scopes.of_rows(boards, "default")
    assert len(queries) == 1
    assert found == [[f"default/teams.team/members/{red.pk}"]] * 20


def test_a_users_scopes_take_a_query_for_each_path_not_for_each_scope(ada: Any) -> None:
    paths = {
        found.key
        for model in sync_models()
        if (found := audience.audience_of(model)) is not None and found.rest
    }
    for number in range(30):
        team = Team.objects.create(name=str(number))
        team.members.add(ada)
        Project.objects.create(name=str(number), team=team)
    with CaptureQueriesContext(connection) as queries:
        keys = scopes.of_user(ada)
    assert len(queries) == len(paths)
    assert len(keys) > 60


@pytest.mark.parametrize(
    ("path", "problem"),
    [
        ("projekt__team", "has no relation"),
        ("title", "does not lead to one model"),
        ("project__team", "ends at teams.Team"),
        ("", "has no relation"),
    ],
)
def test_a_path_that_leads_nowhere_is_explained(path: str, problem: str) -> None:
    found = audience.follow(Ticket, path)
    assert isinstance(found, str)
    assert problem in found


def test_a_path_names_its_relations() -> None:
    found = audience.follow(Ticket, "project__team__members")
    assert not isinstance(found, str)
    assert [hop.attname for hop in found] == ["project_id", "team_id", None]
    assert found[2].through is Team.members.through
    assert audience.audience_of(Item) == audience.Audience(Item)


# Devices write only where they see what they wrote


def test_a_device_makes_rows_where_its_user_belongs(ada: Any, project: Project) -> None:
    phone = Device(ada, Ticket)
    made = phone.create(title="Paint", project=project.pk)
    [result] = phone.push()
    assert result.status == "ok"
    assert Ticket.objects.get().sync_id == made


@pytest.mark.parametrize("known", [True, False], ids=["a foreign project", "no such project"])
def test_a_device_cannot_make_a_row_where_its_user_does_not_belong(
    bob: Any, project: Project, known: bool
) -> None:
    phone = Device(bob, Budget)
    phone.create(title="Paint", project=project.pk if known else 999_999)
    [result] = phone.push()
    assert result.status != "ok" or result.reverted
    assert not Budget.objects.exists()
    assert not Document.objects.exclude(scopes=[]).exists()


def test_a_device_makes_rows_that_name_its_user_among_their_readers(ada: Any, bob: Any) -> None:
    phone = Device(ada, Letter)
    made = phone.create(title="Dear both", readers=[ada.pk, bob.pk])
    [result] = phone.push()
    assert (result.status, result.reverted) == ("ok", {})
    letter = Letter.objects.get()
    assert (letter.sync_id, set(letter.readers.all())) == (made, {ada, bob})
    assert sees(ada, letter)
    assert sees(bob, letter)
    [document] = Document.objects.all()
    assert document.scopes == scopes.of_row(letter, "default")
    other = Device(bob, Letter)
    other.pull()
    other.set(made, readers=[ada.pk])
    other.push()
    assert not sees(bob, letter)
    assert Document.objects.get().scopes == scopes.of_row(letter, "default")


def test_a_row_cannot_be_moved_where_its_writer_does_not_belong(ada: Any, project: Project) -> None:
    foreign = Project.objects.create(name="Tower", team=Team.objects.create(name="Blue"))
    phone = Device(ada, Ticket)
    made = phone.create(title="Paint", project=project.pk)
    phone.push()
    phone.pull()
    phone.set(made, title="Paint it", project=foreign.pk)
    [result] = phone.push()
    assert result.reverted.keys() == {"project"}
    ticket = Ticket.objects.get()
    assert (ticket.title, ticket.project) == ("Paint it", project)


def test_a_row_can_be_moved_between_two_places_that_its_writer_sees(
    ada: Any, project: Project
) -> None:
    other = Project.objects.create(name="Tower", team=project.team)
    phone = Device(ada, Ticket)
    made = phone.create(title="Paint", project=project.pk)
    phone.push()
    phone.set(made, project=other.pk)
    [result] = phone.push()
    assert not result.reverted
    assert Ticket.objects.get().project == other
    [document] = Document.objects.all()
    assert document.scopes == scopes.of_row(Ticket.objects.get(), "default")
