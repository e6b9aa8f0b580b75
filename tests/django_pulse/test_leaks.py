"""What a hostile member of one tenant tries, to learn of another tenant: over a real server."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth import get_user_model
from django.test import override_settings

from crdt.messages import Changes, Leave, Ping, Pong, Pull, Subscribe, Subscribed
from django_pulse.visibility import scopes
from tests.django_pulse.permitted import Caller, called
from tests.project.servers import ThreadServer
from tests.project.teams.models import Project, Team, Ticket

pytestmark = pytest.mark.databases("sqlite", "postgres")

TICKET = "teams.ticket"
THEIRS, NOBODYS = 123_456_789, 987_654_321
"""Primary keys of what others have, and of nothing."""


@pytest.fixture
def url(live_server_asgi: ThreadServer) -> Iterator[str]:
    settings = {"AUTHENTICATE": "tests.django_pulse.permitted.by_username"}
    with override_settings(DJANGO_PULSE=settings):
        yield live_server_asgi.ws_url


@pytest.fixture
def mine(transactional_db: None) -> Ticket:
    """Eve's."""
    return ticket("eve")


@pytest.fixture
def theirs(transactional_db: None) -> Ticket:
    """Ada's, whom Eve does not know."""
    return ticket("ada", pk=THEIRS)


def ticket(name: str, **key: int) -> Ticket:
    team = Team.objects.create(name=name, **key)
    team.members.add(get_user_model().objects.create_user(name))
    project = Project.objects.create(name=name, team=team, **key)
    made: Ticket = Ticket.objects.create(title=name, project=project)
    return made


def everything(eve: Caller, heads: dict[str, int]) -> list[tuple[Any, ...]]:
    """What comes of all scopes that she reads, from the beginning."""
    said = []
    for scope in heads:
        changes = eve.ask(Pull(1, {scope: 0}), Changes)
        said.append((scope, changes.items, changes.leaves, changes.more))
    return said


def test_to_ask_for_a_part_of_others_shows_nothing_and_that_alike(
    url: str, mine: Ticket, theirs: Ticket
) -> None:
    answers = []
    with called(url, "eve") as eve:
        for place in (THEIRS, NOBODYS):
            wanted = {TICKET: {"project": (place,)}}
            answer = eve.ask(Subscribe(place, wanted), Subscribed)
            answers.append((answer.heads, everything(eve, answer.heads)))
        assert theirs.sync_id.bytes not in b"\n".join(eve.frames)
    assert answers[0] == answers[1]
    assert not any(items for _, items, *_ in answers[0][1])


def test_scopes_of_others_are_answered_like_those_of_nobody(
    url: str, mine: Ticket, theirs: Ticket
) -> None:
    [scope] = scopes.of_row(theirs, "default")
    with called(url, "eve") as eve:
        for cursor in (0, 1, 2**52):
            for key in (scope, scope.replace(str(THEIRS), str(NOBODYS)), "@1", ""):
                assert eve.ask(Pull(1, {key: cursor}), Leave) == Leave(key)
            keys = eve.keys(TICKET, theirs.sync_id, uuid4())
            assert eve.ask(Pull(2, {}, keys), Changes).items == ()


def test_no_number_that_she_is_told_moves_when_others_write(
    url: str, mine: Ticket, theirs: Ticket
) -> None:
    with called(url, "eve") as eve:
        before = eve.ask(Ping(1), Pong).heads
        rows = everything(eve, before)
        for number in range(5):
            Ticket.objects.create(title=f"{number}", project_id=THEIRS)
            theirs.title = f"Theirs {number}"
            theirs.save()
        assert eve.ask(Ping(2), Pong).heads == before
        assert everything(eve, before) == rows
        assert len(eve.frames) == 2 * (1 + len(rows)), "nothing came by itself"


def test_a_cursor_of_another_scope_or_from_the_future_shows_no_more(
    url: str, mine: Ticket, theirs: Ticket
) -> None:
    with called(url, "eve") as eve, called(url, "ada") as ada:
        [scope] = scopes.of_row(mine, "default")
        foreign = max(ada.ask(Ping(1), Pong).heads.values())
        for cursor in (foreign, 2**52):
            changes = eve.ask(Pull(1, {scope: cursor}), Changes)
            assert {item.id for item in changes.items} <= {mine.sync_id}
        assert eve.ask(Pull(1, {scope: 0}), Changes).items[0].id == mine.sync_id
