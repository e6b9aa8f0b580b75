"""Who holds what: after every step each device holds the rows that a plain query gives its user."""

from __future__ import annotations

import contextlib
import itertools
import os
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from django_pulse.server.session import State
from django_pulse.tables import Document as StoredDocument
from tests.django_pulse.phones import Phone, switchboard
from tests.project.permits.models import Page, Workspace
from tests.project.teams.models import Board, Budget, Letter, Membership, Project, Team, Ticket

EXAMPLES = int(os.environ.get("PULSE_EXAMPLES", "12"))
NAMES = ("ada", "bob", "cy")

_numbers = itertools.count(500_000)  # a replica id is its first user's for ever

people = st.integers(0, len(NAMES) - 1)
places = st.integers(0, 1_000)
crowds = st.sets(people)
kinds = st.sampled_from(["write", "move", "make", "delete"])
parts = st.sampled_from(["all", "tickets", "tickets of a project", "pages and boards"])

# The rows that each model shows a user, asked as anybody would ask.
ORACLES: dict[str, Any] = {
    "teams.ticket": lambda user: Ticket.objects.filter(project__team__members=user),
    "teams.budget": lambda user: Budget.objects.filter(project__admins=user),
    "teams.letter": lambda user: Letter.objects.filter(readers=user),
    "teams.board": lambda user: Board.objects.filter(teams__members=user),
    "permits.page": lambda user: Page.objects.filter(workspace__members=user),
}

TICKET, PAGE = "teams.ticket", "permits.page"
ROLES = ("reader", "voter", "editor", "admin")


def pick(place: int, rows: Any) -> Any:
    found = list(rows.order_by("pk"))
    return found[place % len(found)] if found else None


class Membering(RuleBasedStateMachine):
    """Three users with a device each, two teams, and everything that changes who sees what."""

    def __init__(self) -> None:
        super().__init__()
        self.closing = contextlib.ExitStack()
        self.board = self.closing.enter_context(switchboard())
        users = get_user_model()
        tables = (Ticket, Budget, Letter, Board, Page, Project, Team, Workspace)
        for model in (*tables, StoredDocument, users):
            model._base_manager.all().delete()
        self.users = [users.objects.create_user(name) for name in NAMES]
        self.phones = [Phone(self.board, user, next(_numbers)) for user in self.users]
        self.parts: list[Any] = [None] * len(NAMES)
        self.unsaid = False
        for phone in self.phones:
            phone.sync()

    @initialize(lossy=st.booleans())
    def begin(self, lossy: bool) -> None:
        self.board.loses_calls = self.unsaid = lossy
        for name in ("red", "blue"):
            team = Team.objects.create(name=name)
            Project.objects.create(name=name, team=team)
            Workspace.objects.create(name=name)

    # Who belongs to what

    @rule(who=people, place=places)
    def join(self, who: int, place: int) -> None:
        pick(place, Team.objects).members.add(self.users[who])

    @rule(who=people, place=places)
    def leave(self, who: int, place: int) -> None:
        self.users[who].teams.remove(pick(place, Team.objects))

    @rule(who=people)
    def leave_everything(self, who: int) -> None:
        Membership.objects.filter(user=self.users[who]).delete()

    @rule(who=people, place=places, admin=st.booleans())
    def administer(self, who: int, place: int, admin: bool) -> None:
        admins = pick(place, Project.objects).admins
        (admins.add if admin else admins.remove)(self.users[who])

    @rule(place=places, to=places)
    def move_a_project(self, place: int, to: int) -> None:
        project = pick(place, Project.objects)
        project.team = None if to % 3 == 0 else pick(to, Team.objects)
        project.save()

    @rule(place=places, crowd=crowds)
    def say_who_belongs_to_a_team(self, place: int, crowd: set[int]) -> None:
        members = pick(place, Team.objects).members
        members.set([self.users[who] for who in crowd]) if crowd else members.clear()

    @rule(who=people, place=places, crowd=crowds)
    def say_what_somebody_administers(self, who: int, place: int, crowd: set[int]) -> None:
        """From the other side of the relation."""
        found = {pick(place + each, Project.objects) for each in crowd}
        user: Any = self.users[who]
        administered = user.administered
        administered.set(found) if found else administered.clear()

    @rule(place=places, who=people)
    def hand_a_membership_over(self, place: int, who: int) -> None:
        membership = pick(place, Membership.objects)
        others = Membership.objects.filter(user=self.users[who])
        if membership is not None and not others.filter(team=membership.team_id).exists():
            membership.user = self.users[who]
            membership.save()

    @rule(place=places)
    def a_team_is_dissolved_and_founded_anew(self, place: int) -> None:
        pick(place, Team.objects).delete()
        Project.objects.create(name="new", team=Team.objects.create(name="new"))

    @rule(who=people)
    def a_user_is_deleted_and_another_comes(self, who: int) -> None:
        gone = self.phones[who]
        self.users[who].delete()
        gone.exchange()
        if not self.board.loses_calls:
            assert gone.session is None or gone.session.state is State.CLOSED
        gone.cut()
        self.users[who] = get_user_model().objects.create_user(f"{NAMES[who]} {next(_numbers)}")
        self.phones[who] = Phone(self.board, self.users[who], next(_numbers))
        self.parts[who] = None
        self.phones[who].sync()

    @rule(who=people, place=places, role=st.sampled_from([None, *ROLES]))
    def give_a_role(self, who: int, place: int, role: str | None) -> None:
        seats = pick(place, Workspace.objects).seats
        seats.filter(user=self.users[who]).delete()
        if role is not None:
            seats.create(user=self.users[who], role=role)

    @rule(place=places, who=people)
    def move_a_membership_without_a_signal(self, place: int, who: int) -> None:
        membership = pick(place, Membership.objects)
        others = Membership.objects.filter(user=self.users[who])
        if membership is not None and not others.filter(team=membership.team_id).exists():
            Membership.objects.filter(pk=membership.pk).update(user=self.users[who])
            self.unsaid = True

    # Rows come and go

    @rule(place=places)
    def the_orm_creates(self, place: int) -> None:
        project = pick(place, Project.objects)
        Ticket.objects.create(title="t", project=project)
        Budget.objects.create(title="b", project=project)
        Page.objects.create(title="p", workspace=pick(place, Workspace.objects))

    @rule(place=places, to=places, bulk=st.booleans())
    def the_orm_moves_a_ticket(self, place: int, to: int, bulk: bool) -> None:
        ticket = pick(place, Ticket.objects)
        if ticket is None:
            return
        ticket.project = None if to % 4 == 0 else pick(to, Project.objects)
        if bulk:
            Ticket.objects.filter(pk=ticket.pk).update(project=ticket.project)
        else:
            ticket.save()

    @rule(place=places, who=people, reads=st.booleans())
    def letters_and_boards(self, place: int, who: int, reads: bool) -> None:
        if reads and place % 3 == 0:
            Letter.objects.create(title="l")
            Board.objects.create(title="b")
        letter, board = pick(place, Letter.objects), pick(place, Board.objects)
        if letter is not None and board is not None:
            (letter.readers.add if reads else letter.readers.remove)(self.users[who])
            team = pick(who, Team.objects)
            (board.teams.add if reads else board.teams.remove)(team)

    @rule(place=places)
    def delete_a_ticket(self, place: int) -> None:
        Ticket.objects.filter(pk=getattr(pick(place, Ticket.objects), "pk", None)).delete()

    @rule(who=people, place=places)
    def a_device_creates(self, who: int, place: int) -> None:
        """Also where its user does not belong: then it is refused."""
        project = pick(place, Project.objects).pk
        self.phones[who].replica.create("teams.ticket", {"title": "d", "project": project})

    @rule(who=people, place=places, to=places)
    def a_device_moves_a_ticket(self, who: int, place: int, to: int) -> None:
        replica = self.phones[who].replica
        rows = sorted(row.id for row in replica.all("teams.ticket"))
        if rows:
            project = pick(to, Project.objects).pk
            replica.set("teams.ticket", rows[place % len(rows)], title="m", project=project)

    @rule(
        who=people,
        place=places,
        to=places,
        kind=st.sampled_from(["write", "move", "make", "delete"]),
    )
    def a_device_does_what_its_role_may_not_allow(
        self, who: int, place: int, to: int, kind: str
    ) -> None:
        replica, space = self.phones[who].replica, pick(to, Workspace.objects).pk
        rows = sorted(row.id for row in replica.all(PAGE))
        if kind == "make":
            replica.create(PAGE, {"title": "d", "workspace": space})
        elif rows and kind == "delete":
            replica.delete(PAGE, rows[place % len(rows)])
        elif rows:
            more = {"workspace": space} if kind == "move" else {}
            replica.set(PAGE, rows[place % len(rows)], title=f"{place}", **more)

    # What devices ask for

    @rule(who=people, part=parts, place=places)
    def ask_for_a_part(self, who: int, part: str, place: int) -> None:
        project = pick(place, Project.objects).pk
        self.parts[who] = {
            "all": None,
            "tickets": {TICKET: {}},
            "tickets of a project": {TICKET: {"project": [project]}},
            "pages and boards": {PAGE: {}, "teams.board": {}},
        }[part]
        self.phones[who].replica.subscribe(self.parts[who])

    def wanted(self, who: int, model: str) -> set[Any]:
        """What a plain query gives the user, of the part that his device asked for."""
        rows, part = ORACLES[model](self.users[who]), self.parts[who]
        if part is not None and model not in part:
            return set()
        if part is not None and "project" in part[model]:
            rows = rows.filter(project__in=part[model]["project"])
        return set(rows.values_list("sync_id", flat=True))

    # The network

    @rule(who=people)
    def restart(self, who: int) -> None:
        self.phones[who].restart()
        self.phones[who].sync()

    @rule(who=people)
    def cut(self, who: int) -> None:
        self.phones[who].cut()

    # What must hold

    @invariant()
    def everybody_holds_what_he_may_see(self) -> None:
        for phone in self.phones:
            phone.send()
        for who, phone in enumerate(self.phones):
            if phone.session is None:
                continue
            phone.exchange()
            if self.unsaid:  # nobody was told: the next ping finds out
                phone.ping()
                phone.exchange()
            for model in ORACLES:
                held = {row.id for row in phone.replica.all(model)}
                assert held == self.wanted(who, model), model
        self.unsaid = self.board.loses_calls

    def teardown(self) -> None:
        try:
            for phone in self.phones:
                phone.sync()
            self.unsaid = True
            self.everybody_holds_what_he_may_see()
        finally:
            self.closing.close()


@pytest.mark.django_db(transaction=True)
@pytest.mark.timeout(120 + 10 * EXAMPLES)
def test_every_device_holds_exactly_the_rows_that_a_query_gives_its_user() -> None:
    run_state_machine_as_test(
        Membering,
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=20,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
