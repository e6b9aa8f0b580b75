"""Where devices may put rows: only where their users see them, whatever says where that is."""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest

from django_pulse.tables import Awaited, Document
from django_pulse.visibility import scopes
from tests.django_pulse.devices import Device, values_of
from tests.project.crews.models import Club, Entry, Meeting
from tests.project.teams.models import Board, Letter, Team

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.databases("sqlite", "postgres")]


def team(*members: Any) -> Team:
    made: Team = Team.objects.create(name="t")
    made.members.set(members)
    return made


def club(*members: Any) -> Club:
    made: Club = Club.objects.create(name="c")
    made.members.set(members)
    return made


def sees(user: Any, row: Any) -> bool:
    stored = Document.objects.get(sync_id=row.sync_id)
    assert stored.scopes == scopes.of_row(row, "default")
    return bool(set(stored.scopes) & set(scopes.of_user(user)))


@pytest.mark.parametrize("named", ["nobody", "somebody else"])
def test_a_new_row_is_refused_that_does_not_name_its_writer(ada: Any, bob: Any, named: str) -> None:
    phone = Device(ada, Letter)
    phone.create(title="x", readers=[] if named == "nobody" else [bob.pk])
    boards = Device(ada, Board)
    boards.create(title="x", teams=[] if named == "nobody" else [team(bob).pk])
    told = [(result.status, result.code) for result in (*phone.push(), *boards.push())]
    assert told == [("refused", "forbidden")] * 2
    assert not Letter.objects.exists()
    assert not Board.objects.exists()
    assert not Document.objects.exists()


def test_a_row_cannot_be_put_where_its_writer_does_not_read(ada: Any, bob: Any) -> None:
    mine, foreign = team(ada), team(bob)
    boards = Device(ada, Board)
    made = boards.create(title="x", teams=[mine.pk, foreign.pk])
    [result] = boards.push()
    assert json.loads(result.reverted["teams"]["value"]) == [foreign.pk]
    assert result.reverted["teams"]["code"] == "missing"
    board = Board.objects.get()
    assert list(board.teams.all()) == values_of_teams(board) == [mine]
    boards.pull()
    boards.set(made, title="y", teams=[foreign.pk])
    [result] = boards.push()
    assert result.reverted.keys() == {"teams"}
    board.refresh_from_db()
    assert (board.title, list(board.teams.all())) == ("y", [mine])
    assert values_of_teams(board) == [mine]
    assert (sees(ada, board), sees(bob, board)) == (True, False)


def values_of_teams(board: Board) -> list[Team]:
    return list(Team.objects.filter(pk__in=values_of(board)["teams"]))


def test_whoever_sees_both_places_moves_a_row_between_them(ada: Any, bob: Any) -> None:
    here, there = team(ada), team(ada, bob)
    boards = Device(ada, Board)
    made = boards.create(title="x", teams=[here.pk])
    boards.push()
    boards.set(made, teams=[there.pk])
    [result] = boards.push()
    assert result.reverted == {}
    board = Board.objects.get()
    assert list(board.teams.all()) == [there]
    assert (sees(ada, board), sees(bob, board)) == (True, True)


def test_who_leaves_a_row_leaves_it_to_the_others_and_the_last_one_stays(
    ada: Any, bob: Any
) -> None:
    phone = Device(ada, Letter)
    made = phone.create(title="x", readers=[ada.pk, bob.pk])
    phone.push()
    letter = Letter.objects.get()
    phone.set(made, readers=[bob.pk])
    [result] = phone.push()
    assert result.reverted == {}
    assert (sees(ada, letter), sees(bob, letter)) == (False, True)
    other = Device(bob, Letter)
    other.pull()
    other.set(made, readers=[], title="y")
    [result] = other.push()
    assert result.reverted.keys() == {"readers"}
    letter.refresh_from_db()
    assert (letter.title, list(letter.readers.all())) == ("y", [bob])


def test_who_hands_a_row_over_to_somebody_new_keeps_it(ada: Any, bob: Any) -> None:
    """He would have moved it where it is none of his business."""
    phone = Device(ada, Letter)
    made = phone.create(title="x", readers=[ada.pk])
    phone.push()
    phone.set(made, readers=[bob.pk])
    [result] = phone.push()
    assert result.reverted.keys() == {"readers"}
    assert list(Letter.objects.get().readers.all()) == [ada]
    assert values_of(Letter.objects.get())["readers"] == [ada.pk]


def test_a_new_row_waits_for_the_row_by_which_its_writer_will_see_it(ada: Any) -> None:
    meetings, clubs = Device(ada, Meeting), Device(ada, Club)
    coming = uuid.uuid4()
    made = meetings.create(title="x", clubs=[str(coming)])
    [result] = meetings.push()
    assert result.status == "ok"
    assert result.parked
    assert result.parked["code"] == "waiting"
    assert json.loads(result.parked["fields"]["clubs"]["value"]) == [str(coming)]
    assert not Meeting.objects.exists()
    clubs.create(coming, name="c")
    clubs.push()
    assert not Meeting.objects.exists(), "nobody is in it"
    Entry.objects.create(club=Club.objects.get(), member=ada)
    meetings.set(made, title="y")
    [result] = meetings.push()
    assert (result.reverted, result.parked) == ({}, None)
    meeting = Meeting.objects.get()
    assert (meeting.title, list(meeting.clubs.all())) == ("y", [Club.objects.get()])
    assert sees(ada, meeting)
    assert not Awaited.objects.exists()


def test_what_somebody_else_may_see_is_no_place_either(ada: Any, bob: Any) -> None:
    """Everybody sees every club; only members read what belongs to it."""
    mine, foreign = club(ada), club(bob)
    meetings = Device(ada, Meeting)
    meetings.create(title="x", clubs=[str(mine.sync_id), str(foreign.sync_id)])
    [result] = meetings.push()
    assert json.loads(result.reverted["clubs"]["value"]) == [str(foreign.sync_id)]
    assert list(Meeting.objects.get().clubs.all()) == [mine]
