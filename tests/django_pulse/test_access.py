"""Access: who reads what changes while sockets are open, whichever way the ORM changes it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from django_pulse.changefeed import feed, hints
from django_pulse.tables import Document, Outbox, Scope
from django_pulse.visibility import scopes
from tests.project.teams.models import (
    Assignment,
    Board,
    Budget,
    Letter,
    Membership,
    Project,
    Shift,
    Team,
    Ticket,
)

pytestmark = [pytest.mark.databases("sqlite", "postgres"), pytest.mark.django_db(transaction=True)]


@pytest.fixture
def ada() -> Any:
    return get_user_model().objects.create_user("ada")


@pytest.fixture
def bob() -> Any:
    return get_user_model().objects.create_user("bob")


@pytest.fixture
def red(ada: Any) -> Team:
    """A team of which ada is the only member."""
    team = Team.objects.create(name="Red")
    team.members.add(ada)
    return team


@pytest.fixture
def bridge(red: Team) -> Project:
    return Project.objects.create(name="Bridge", team=red)


@contextmanager
def told(monkeypatch: pytest.MonkeyPatch) -> Iterator[set[str]]:
    """The channels of users who are called while the block runs."""
    called: set[str] = set()
    with monkeypatch.context() as patch:
        patch.setattr(hints, "call", called.update)
        yield called


def access(key: str) -> int:
    feed.stamp("default")
    return Scope.objects.filter(key=key).values_list("access", flat=True).first() or 0


def members_key(project: Project) -> str:
    return f"default/teams.project/team__members/{project.pk}"


Change = Callable[[Team, Project, Any, Any], object]

# Every way in which bob begins, or ada ends, to read what belongs to a project of team red.
CHANGES: dict[str, tuple[Change, set[str]]] = {
    "a member is added": (lambda red, bridge, ada, bob: red.members.add(bob), {"bob"}),
    "a member is added from the other side": (
        lambda red, bridge, ada, bob: bob.teams.add(red),
        {"bob"},
    ),
    "a member is removed": (lambda red, bridge, ada, bob: red.members.remove(ada), {"ada"}),
    "members are cleared": (lambda red, bridge, ada, bob: red.members.clear(), {"ada"}),
    "a user leaves all teams": (lambda red, bridge, ada, bob: ada.teams.clear(), {"ada"}),
    "members are set": (lambda red, bridge, ada, bob: red.members.set([bob]), {"ada", "bob"}),
    "a membership is made": (
        lambda red, bridge, ada, bob: Membership.objects.create(team=red, user=bob),
        {"bob"},
    ),
    "a membership is deleted": (
        lambda red, bridge, ada, bob: Membership.objects.get(user=ada).delete(),
        {"ada"},
    ),
    "memberships are deleted": (
        lambda red, bridge, ada, bob: Membership.objects.filter(user=ada).delete(),
        {"ada"},
    ),
    "a membership is given to somebody else": (
        lambda red, bridge, ada, bob: _give(Membership.objects.get(), bob),
        {"ada", "bob"},
    ),
    "the project goes to another team": (
        lambda red, bridge, ada, bob: _move(bridge, bob),
        {"ada", "bob"},
    ),
    "the project loses its team": (lambda red, bridge, ada, bob: _move(bridge, None), {"ada"}),
    "the user is deleted": (lambda red, bridge, ada, bob: ada.delete(), {"ada"}),
}


def _give(membership: Membership, user: Any) -> None:
    membership.user = user
    membership.save()


def _move(project: Project, user: Any) -> None:
    team = None
    if user is not None:
        team = Team.objects.create(name="Blue")
        team.members.add(user)
    project.team = team
    project.save()


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_of_membership_is_counted_and_told_to_those_concerned(
    name: str,
    ada: Any,
    bob: Any,
    red: Team,
    bridge: Project,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    change, concerned = CHANGES[name]
    before = access(members_key(bridge))
    channels = {"ada": scopes.channel_of(ada.pk), "bob": scopes.channel_of(bob.pk)}
    with told(monkeypatch) as called:
        change(red, bridge, ada, bob)
    assert called == {channels[each] for each in concerned}
    assert access(members_key(bridge)) > before


def test_a_deleted_team_shuts_its_members_out(
    ada: Any, red: Team, bridge: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    with told(monkeypatch) as called:
        red.delete()
    assert scopes.channel_of(ada.pk) in called


def test_what_changes_nothing_is_not_counted(
    ada: Any, red: Team, bridge: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = access(members_key(bridge))
    with told(monkeypatch) as called:
        red.name = "Rot"
        red.save()
        bridge.name = "Brücke"
        bridge.save()
        bridge.save(update_fields=["name"])
        membership = Membership.objects.get()
        membership.role = "writer"
        membership.save()
    assert not called
    assert access(members_key(bridge)) == before


def test_what_is_rolled_back_was_never_noted(
    bob: Any, red: Team, bridge: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = access(members_key(bridge))
    with told(monkeypatch) as called, transaction.atomic():
        red.members.add(bob)
        assert Outbox.objects.filter(document=feed.ACCESS).exists()
        transaction.set_rollback(True)
    assert not called
    assert access(members_key(bridge)) == before


def test_admins_and_members_of_a_project_are_counted_apart(bob: Any, bridge: Project) -> None:
    before = access(members_key(bridge))
    bridge.admins.add(bob)
    assert access(f"default/teams.project/admins/{bridge.pk}") == 1
    assert access(members_key(bridge)) == before


def test_live_messages_carry_the_count(
    bob: Any, bridge: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    Ticket.objects.create(title="Paint", project=bridge)
    pages: list[Any] = []
    monkeypatch.setattr(hints, "broadcast", pages.append)
    Ticket.objects.create(title="Sand", project=bridge)
    bridge.team.members.add(bob)  # type: ignore[union-attr]
    Ticket.objects.create(title="Oil", project=bridge)
    assert [page.access for page in pages] == [pages[0].access, pages[0].access + 1]


# Where the first hop is no column of the row, the row itself moves


def document(row: Any) -> Document:
    return Document.objects.get(sync_id=row.sync_id)


def test_a_reader_who_is_added_or_removed_moves_the_row(ada: Any, bob: Any) -> None:
    letter = Letter.objects.create(title="Dear")
    letter.readers.add(ada)
    assert document(letter).scopes == scopes.of_row(letter, "default")
    assert [change.id for change in feed.pull(_letters(ada), 0).items] == [letter.sync_id]
    ada.letters.remove(letter)
    assert document(letter).scopes == []
    cursor = 0
    assert feed.pull(_letters(ada), cursor).leaves == (("teams.letter", letter.sync_id),)
    letter.readers.set([ada, bob])
    assert len(document(letter).scopes) == 2


def _letters(user: Any) -> str:
    return f"default/auth.user/readers/{user.pk}"


def test_a_row_follows_the_rows_that_refer_to_it(ada: Any, bob: Any) -> None:
    night, day = Shift.objects.create(title="Night"), Shift.objects.create(title="Day")
    work = Assignment.objects.create(shift=night, worker=ada)
    assert document(night).scopes == scopes.of_row(night, "default") != []
    work.shift = day
    work.save()
    assert (document(night).scopes, document(day).scopes) == ([], scopes.of_row(day, "default"))
    work.delete()
    assert document(day).scopes == []


def test_a_deleted_target_takes_its_scope_from_the_row(ada: Any) -> None:
    red = Team.objects.create(name="Red")
    board = Board.objects.create(title="News")
    board.teams.add(red)
    assert document(board).scopes
    red.delete()
    assert document(board).scopes == []


def test_many_rows_move_in_as_few_statements_as_a_few(ada: Any) -> None:
    letters = [Letter.objects.create(title=str(number)) for number in range(60)]
    with CaptureQueriesContext(connection) as few:
        ada.letters.add(*letters[:3])
    with CaptureQueriesContext(connection) as many:
        ada.letters.add(*letters[3:])
    assert len(many) <= len(few)
    assert all(document(letter).scopes for letter in letters)


def test_budgets_go_with_their_project(ada: Any, bridge: Project) -> None:
    budget = Budget.objects.create(title="Steel", project=bridge)
    bridge.admins.add(ada)
    assert document(budget).scopes[0] in scopes.of_user(ada)
    bridge.delete()
    assert document(budget).deleted
