"""Access: what it costs that somebody may see more, and to see by many scopes.

A membership opens 10,000 rows to a connected client; the same rows are pulled by an empty one, in
one scope and spread over 500. Client and server share one process here, for the live layer in
memory.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine
from typing import Any

from django.db import connections

from django_pulse.client import Pulse, connect
from tests.bench.database import cleared, prepared, signed_in
from tests.bench.measuring import Options, Report, Table, Timing
from tests.bench.sockets import timed
from tests.project.servers import ThreadServer
from tests.project.teams.models import Project, Team, Ticket

__all__ = ["run"]

ROWS = 10_000
SCOPES = 500

Work = Callable[[str, dict[str, str]], Coroutine[Any, Any, Timing]]


def run(options: Options) -> Report:
    """Time all three, `rounds` times each, over real WebSockets; and what a ping asks."""
    cleared()
    count, scopes = options.rows(ROWS), options.rows(SCOPES)
    one, many = _team(1, count), _team(scopes, max(1, count // scopes))
    joiner, single, spread = (prepared(name) for name in ("joiner", "single", "spread"))
    one.members.add(single)
    many.members.add(spread)
    opened, adding = _served(joiner, lambda url, who: _opened(url, who, one, joiner, options))
    pulled = _served(single, lambda url, who: _pulled(url, who, options.rounds))
    scattered = _served(spread, lambda url, who: _pulled(url, who, options.rounds))
    heads = {name: _heads(user) for name, user in (("one", single), ("many", spread))}
    report = Report()
    report.figures = {
        "rows": count,
        "scopes": scopes,
        "opened": _told(opened, pulled),
        "adding_milliseconds": round(adding.median * 1000, 2),
        "pulled": _told(pulled, pulled),
        "scattered": _told(scattered, pulled),
        "heads": {
            "one_milliseconds": round(heads["one"].median * 1000, 2),
            "many_milliseconds": round(heads["many"].median * 1000, 2),
        },
    }
    lines = [
        (name, timing.median * 1000, timing.ratio_to(pulled), timing.spread)
        for name, timing in (
            (f"{count:,} rows in one scope, pulled", pulled),
            (f"{count:,} rows in {scopes} scopes, pulled", scattered),
            (f"{count:,} rows opened to a connected client", opened),
        )
    ]
    lines += [
        ("the write that opens them", adding.median * 1000, "", adding.spread),
        ("heads for a ping, one scope", heads["one"].median * 1000, "", heads["one"].spread),
        (
            f"heads for a ping, {scopes} scopes",
            heads["many"].median * 1000,
            "",
            heads["many"].spread,
        ),
    ]
    columns = ("", "ms", "ratio", "spread")
    report.tables.append(Table("Who sees what", columns, lines, "medians of the rounds"))
    return report


def _told(timing: Timing, other: Timing) -> dict[str, float]:
    told = {"milliseconds": round(timing.median * 1000, 1), "spread": round(timing.spread, 2)}
    return told | {"ratio_to_pulled": timing.ratio_to(other)}


def _team(projects: int, tickets: int) -> Team:
    team = Team.objects.create(name=f"of {projects}")
    found = Project.objects.bulk_create(
        [Project(name=f"Project {number}", team=team) for number in range(projects)]
    )
    rows = [
        Ticket(title=f"Ticket {number}: water the plants", project=project)
        for project in found
        for number in range(tickets)
    ]
    for start in range(0, len(rows), 500):
        Ticket.objects.bulk_create(rows[start : start + 500])
    return team


def _served(user: Any, work: Callable[[str, dict[str, str]], Coroutine[Any, Any, Any]]) -> Any:
    from tests.project.asgi import application

    cookies = signed_in(user)
    server = ThreadServer(application)
    try:
        return asyncio.run(work(server.ws_url, cookies))
    finally:
        server.stop()


async def _pulled(url: str, cookies: dict[str, str], rounds: int) -> Timing:
    found = []
    for _ in range(rounds + 1):
        async with connect(url, cookies=cookies, wait=False) as pulse:
            found.append(await timed(pulse.synced()))
            assert pulse._replica.all("teams.ticket"), "nothing would come fast"
    return Timing(tuple(found[1:]))  # the first fills caches


async def _opened(
    url: str, cookies: dict[str, str], team: Team, user: Any, options: Options
) -> tuple[Timing, Timing]:
    opened, adding = [], []
    for _ in range(options.rounds + 1):
        await asyncio.to_thread(_in_thread, lambda: team.members.remove(user))
        async with connect(url, cookies=cookies) as pulse:
            await pulse.synced()
            start = time.perf_counter()
            adding.append(await asyncio.to_thread(_in_thread, lambda: _timed_add(team, user)))
            await _holds(pulse)
            opened.append(time.perf_counter() - start)
    return Timing(tuple(opened[1:])), Timing(tuple(adding[1:]))


async def _holds(pulse: Pulse) -> None:
    """Wait until the scope has been read."""
    shelf = pulse._replica._shelf
    while not any("team__members" in scope for scope in shelf.standing.cursors):
        await pulse._connection.news()
    await pulse.synced()
    assert pulse._replica.all("teams.ticket")


def _timed_add(team: Team, user: Any) -> float:
    start = time.perf_counter()
    team.members.add(user)
    return time.perf_counter() - start


def _heads(user: Any, times: int = 20) -> Timing:
    from django_pulse.changefeed.feed import scope_heads

    found = []
    for _ in range(times):
        start = time.perf_counter()
        scope_heads(user)
        found.append(time.perf_counter() - start)
    return Timing(tuple(found))


def _in_thread(function: Callable[[], Any]) -> Any:
    try:
        return function()
    finally:
        connections.close_all()
