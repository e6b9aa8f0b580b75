"""Wire: what a row costs on the network, counted by a relay between real client and real server.

TCP payload: with WebSocket frames, headers and acks; the first connection's handshake included.
"""

from __future__ import annotations

from typing import Any

from django_pulse.client import Changed, Pulse, Row, connect
from tests.bench.database import cleared
from tests.bench.measuring import Options, Report, Table
from tests.bench.sockets import Relay, on_server, relayed
from tests.bench.upload import values_of

__all__ = ["run"]

ROWS = 2_000


def run(options: Options) -> Report:
    """Count the bytes of an upload, of a bootstrap pull, and of live changes."""
    cleared()
    count = options.rows(ROWS)
    values = sum(len(str(value)) for number in range(count) for value in values_of(number).values())
    figures: dict[str, Any] = on_server(
        "counter", lambda server, cookies: _counted(server, cookies, count)
    )
    figures["values_alone"] = {"down": 0.0, "up": round(values / count, 1)}
    lines = [(name, each["up"], each["down"]) for name, each in figures.items()]
    title = f"Bytes on the wire, a row ({count:,} rows)"
    note = "with the compression that WebSocket peers agree on; the rows resemble each other"
    return Report(figures, [Table(title, ("", "to the server", "to the client"), lines, note)])


async def _counted(server: Any, cookies: dict[str, str], count: int) -> dict[str, Any]:
    found: dict[str, Any] = {}
    async with relayed(server.port) as (first, url), connect(url, cookies=cookies) as writer:
        tasks = writer.model("todo.task")
        await writer.offline()
        rows = [tasks.create(**values_of(number)) for number in range(count)]
        before = await _connected(writer, first)
        await writer.synced()
        found["upload"] = _per_row(first, before, count)
        found |= await _read(server, cookies, rows)
    return found


async def _read(server: Any, cookies: dict[str, str], rows: list[Row]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    async with relayed(server.port) as (relay, url), connect(url, cookies=cookies) as reader:
        await reader.synced()
        found["bootstrap"] = _per_row(relay, (0, 0), len(rows))
        found["live_change"] = await _live(rows[: max(2, len(rows) // 20)], reader, relay)
    return found


async def _live(rows: list[Row], reader: Pulse, relay: Relay) -> dict[str, float]:
    """Edits that arrive one by one, as deltas."""
    before, news = (relay.up, relay.down), reader.changes()
    for row in rows:
        row.set(completed=not row["completed"])
        async for event in news:
            if isinstance(event, Changed) and event.id == row.id:
                break
    return _per_row(relay, before, len(rows))


async def _connected(pulse: Pulse, relay: Relay) -> tuple[int, int]:
    before = (relay.up, relay.down)
    await pulse.online()
    return before


def _per_row(relay: Relay, before: tuple[int, int], count: int) -> dict[str, float]:
    return {
        "up": round((relay.up - before[0]) / count, 1),
        "down": round((relay.down - before[1]) / count, 1),
    }
