"""Whoever may not see a row may not refer to it, and learns nothing of it."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from django_pulse.models import SyncModel
from tests.django_pulse.devices import Device
from tests.project.relations.models import Comment
from tests.project.teams.models import Budget, Letter, Project, Rumour, Team, Ticket

pytestmark = pytest.mark.django_db(transaction=True)


def ticket(user: Any) -> Ticket:
    team = Team.objects.create(name="a")
    team.members.add(user)
    made: Ticket = Ticket.objects.create(title="t", project=Project.objects.create(team=team))
    return made


def budget(user: Any) -> Budget:
    project = Project.objects.create(name="p")
    project.admins.add(user)
    made: Budget = Budget.objects.create(title="b", project=project)
    return made


def letter(user: Any) -> Letter:
    made: Letter = Letter.objects.create(title="l")
    made.readers.add(user)
    return made


def rumour(user: Any) -> Rumour:
    made: Rumour = Rumour.objects.create(title=f"of {user.username}")
    return made


@pytest.mark.parametrize("make", [ticket, budget, letter, rumour])
def test_rows_are_referred_to_by_those_who_see_them_and_by_nobody_else(
    make: Any, ada: Any, bob: Any
) -> None:
    row: SyncModel = make(ada)
    told = []
    for user, key in ((ada, row.sync_id), (bob, row.sync_id), (bob, uuid.uuid4())):
        device = Device(user, Comment)
        device.create(text="c", subject=[row._meta.label_lower, str(key)])
        [result] = device.push()
        told.append(result.parked)
    seen, hidden, missing = told
    assert seen is None
    assert hidden is not None
    assert missing is not None
    del hidden["fields"]["subject"]["value"], missing["fields"]["subject"]["value"]
    assert hidden == missing
