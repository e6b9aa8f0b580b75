"""Who holds what, with two server processes: after every step each device, at whichever of them,
holds the rows that a plain query gives its user.
"""

from __future__ import annotations

import asyncio
import os
import random
from collections.abc import Callable
from contextlib import AsyncExitStack
from functools import partial
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.test import override_settings

from django_pulse.client import Pulse, connect
from tests.conftest import StartProcess
from tests.django_pulse.client.conftest import in_django, signed_in
from tests.django_pulse.test_visibility import ORACLES, pick
from tests.django_pulse.together import PATIENCE, in_thread
from tests.project.servers import RedisServer
from tests.project.teams.models import Board, Budget, Letter, Membership, Project, Team, Ticket

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.databases("postgres")]

NAMES = ("ann", "bob", "cy")
STEPS = int(os.environ.get("PULSE_VISIBILITY_STEPS", "14"))
SEED = int(os.environ.get("PULSE_VISIBILITY_SEED", "7"))

# Seconds between two pings: what no signal tells is found out by then.
POLL = "1"


class Life:
    """What happens to memberships and rows, one step at a time, as chance has it."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        users = get_user_model()
        self.users = [users.objects.get(username=name) for name in NAMES]
        for name in ("red", "blue"):
            team = Team.objects.create(name=name)
            Project.objects.create(name=name, team=team)

    def step(self) -> str:
        """Do one thing; says which."""
        step = self.chance.choice(self.STEPS)
        step(self, self.chance.choice(self.users))
        return step.__name__

    def any(self, rows: Any) -> Any:
        return pick(self.chance.randrange(1_000), rows)

    def join(self, user: Any) -> None:
        self.any(Team.objects).members.add(user)

    def leave(self, user: Any) -> None:
        user.teams.remove(self.any(Team.objects))

    def say_who_belongs_to_a_team(self, user: Any) -> None:
        members = self.any(Team.objects).members
        self.chance.choice([members.clear, lambda: members.set([user])])()

    def hand_a_membership_over(self, user: Any) -> None:
        membership = self.any(Membership.objects)
        if membership is not None:
            membership.team = self.any(Team.objects)
            membership.save()

    def dissolve_a_team(self, user: Any) -> None:
        self.any(Team.objects).delete()
        Project.objects.create(name="new", team=Team.objects.create(name="new"))

    def leave_in_silence(self, user: Any) -> None:
        membership = self.any(Membership.objects)
        if membership is not None:
            Membership.objects.filter(pk=membership.pk)._raw_delete("default")

    def administer(self, user: Any) -> None:
        admins = self.any(Project.objects).admins
        self.chance.choice([admins.add, admins.remove])(user)

    def move_a_project(self, user: Any) -> None:
        project = self.any(Project.objects)
        project.team = self.any(Team.objects)
        project.save()

    def write_rows(self, user: Any) -> None:
        project = self.any(Project.objects)
        Ticket.objects.create(title="t", project=project)
        Budget.objects.create(title="b", project=project)

    def move_a_ticket(self, user: Any) -> None:
        ticket = self.any(Ticket.objects)
        if ticket is not None:
            Ticket.objects.filter(pk=ticket.pk).update(project=self.any(Project.objects))

    def send_a_letter(self, user: Any) -> None:
        Letter.objects.create(title="l").readers.add(user)

    def hang_up_a_board(self, user: Any) -> None:
        board = Board.objects.create(title="b")
        board.teams.add(self.any(Team.objects))
        self.any(Board.objects).teams.clear()

    def delete_a_ticket(self, user: Any) -> None:
        ticket = self.any(Ticket.objects)
        if ticket is not None:
            ticket.delete()

    STEPS: tuple[Callable[[Life, Any], None], ...] = (
        join,
        join,
        leave,
        leave_in_silence,
        say_who_belongs_to_a_team,
        hand_a_membership_over,
        dissolve_a_team,
        administer,
        move_a_project,
        write_rows,
        write_rows,
        move_a_ticket,
        send_a_letter,
        hang_up_a_board,
        delete_a_ticket,
    )


def wanted_by(user: Any) -> dict[str, set[Any]]:
    return {
        model: set(oracle(user).values_list("sync_id", flat=True))
        for model, oracle in ORACLES.items()
    }


async def holds(pulse: Pulse, wanted: dict[str, set[Any]], step: str) -> None:
    """Wait until the device holds exactly these rows."""

    def held() -> dict[str, set[Any]]:
        return {model: {row.id for row in pulse.model(model).all()} for model in wanted}

    try:
        async with asyncio.timeout(PATIENCE):
            while held() != wanted:
                await pulse._connection.news()
    except TimeoutError:
        assert held() == wanted, f"after {step}"


def test_at_two_servers_every_device_holds_what_a_query_gives_its_user(
    server_process: StartProcess, redis: RedisServer
) -> None:
    print(f"PULSE_VISIBILITY_SEED={SEED}")
    layer = "channels_redis.core.RedisChannelLayer"
    environment = {"PULSE_TEST_REDIS": redis.url, "PULSE_TEST_POLL": POLL}
    other = in_thread(lambda: server_process(**environment))
    one = server_process(**environment)
    addresses = [one.ws_url, other.result(PATIENCE).ws_url]
    cookies = [signed_in(name) for name in NAMES]

    async def main() -> None:
        life = await in_django(lambda: Life(SEED))
        async with AsyncExitStack() as stack:
            devices = [
                (
                    user,
                    await stack.enter_async_context(
                        connect(address, cookies=cookie, timeout=PATIENCE)
                    ),
                )
                for user, cookie in zip(life.users, cookies, strict=True)
                for address in addresses
            ]
            for number in range(STEPS):
                step = await in_django(life.step)
                for user, pulse in devices:
                    wanted = await in_django(partial(wanted_by, user))
                    await holds(pulse, wanted, f"step {number}, {step}")

    with override_settings(
        CHANNEL_LAYERS={"default": {"BACKEND": layer, "CONFIG": {"hosts": [redis.url]}}}
    ):
        asyncio.run(main())
