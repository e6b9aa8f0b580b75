"""Bootstrap: an empty client pulls 10,000 rows; later it comes back 100 changes behind.

Timed from before it connects until it knows that it has everything.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

from django.db import connections

from crdt import frames
from crdt.messages import Changes
from django_pulse.client import Pulse, connect
from tests.bench.database import cleared, prepared
from tests.bench.measuring import Options, Report, Table, Timing
from tests.bench.sockets import Relay, on_server, relayed, timed
from tests.bench.upload import values_of
from tests.project.todo.models import Task

__all__ = ["run"]

ROWS = 10_000
BEHIND = 100


@dataclass(frozen=True, slots=True)
class _Pull:
    """One catching up: how long, how many bytes, in how many frames of changes."""

    seconds: float
    size: int
    chunks: int


def run(options: Options) -> Report:
    """Time both, `rounds` times each, over real WebSockets."""
    cleared()
    count, behind = options.rows(ROWS), options.rows(BEHIND)
    user = prepared("puller")
    for start in range(0, count, 500):
        numbers = range(start, min(start + 500, count))
        Task.objects.bulk_create([Task(user=user, **values_of(number)) for number in numbers])
    rounds: list[tuple[_Pull, _Pull]] = on_server(
        "puller", lambda server, cookies: _rounds(server, cookies, behind, options.rounds)
    )
    report, lines = Report(), []
    names = (("bootstrap", f"{count:,} rows", count), ("behind", f"{behind:,} changes", behind))
    for (name, title, rows), pulls in zip(names, zip(*rounds, strict=True), strict=True):
        timing, last = Timing(tuple(each.seconds for each in pulls)), pulls[-1]
        report.figures[name] = {
            "rows": rows,
            "milliseconds": round(timing.median * 1000, 1),
            "megabytes": round(last.size / 1e6, 4),
            "chunks": last.chunks,
            "spread": round(timing.spread, 2),
        }
        lines.append((title, timing.median * 1000, last.size / 1000, last.chunks, timing.spread))
    columns = ("", "ms", "kB", "chunks", "spread")
    report.tables.append(Table("A client pulls", columns, lines, "medians of the rounds"))
    return report


async def _rounds(
    server: Any, cookies: dict[str, str], behind: int, rounds: int
) -> list[tuple[_Pull, _Pull]]:
    found = []
    async with relayed(server.port) as (relay, url):
        for turn in range(rounds + 1):
            async with connect(url, cookies=cookies, wait=False) as pulse:
                chunks = _counting(pulse)
                first = await _pulled(pulse, relay, chunks)
                await pulse.offline()
                await asyncio.to_thread(_change, behind, turn)
                found.append((first, await _pulled(pulse, relay, chunks)))
    return found[1:]  # the first fills caches


async def _pulled(pulse: Pulse, relay: Relay, chunks: list[int]) -> _Pull:
    size, number = relay.up + relay.down, len(chunks)

    async def all_of_it() -> None:
        await pulse.online()
        await pulse.synced()

    seconds = await timed(all_of_it())
    return _Pull(seconds, relay.up + relay.down - size, len(chunks) - number)


def _counting(pulse: Pulse) -> list[int]:
    """The rows in each frame of changes that comes from now on."""
    chunks: list[int] = []
    replica: Any = pulse._replica
    receive = replica.receive

    def counting(frame: bytes) -> Any:
        message = frames.decode(frame)
        if isinstance(message, Changes):
            chunks.append(len(message.items))
        return receive(frame)

    replica.receive = counting
    return chunks


def _change(count: int, turn: int) -> None:
    try:
        for task in Task.objects.order_by("pk")[:count]:
            task.title = f"Changed in round {turn}"
            task.save()
    finally:
        connections.close_all()
