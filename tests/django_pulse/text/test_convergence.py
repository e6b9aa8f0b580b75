"""Apps of 1.0.1 and clients with documents edit the same rows over real sockets, offline and on.

One app says its name. The other says none, as those of 1.0.1 do, and only adds to what there is:
what such an app takes back after a lost ack cannot always be told from a stale copy.

PULSE_TEXT_STEPS says how many random steps are taken, PULSE_TEXT_SEED by which dice.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections import Counter as Tally
from collections import defaultdict
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from random import Random
from typing import Any, TypeVar

from django.db import connections
from django.test import override_settings
from websockets.asyncio.client import ClientConnection, connect

from django_pulse.client import ModelHandle, Pulse
from tests.django_pulse.client.devices import connected
from tests.django_pulse.test_consumers import TOKENS
from tests.django_pulse.together import PATIENCE
from tests.project.servers import ThreadServer
from tests.project.todo.models import Note

from .apps import Copies

STEPS = int(os.environ.get("PULSE_TEXT_STEPS", "60"))
SEED = int(os.environ.get("PULSE_TEXT_SEED", "7"))

T = TypeVar("T")

TABLE = "note"
NAMELESS = ""
CHARACTERS = ["a", "é", "😀", "中", "x\u0301", " "]


class SocketApp(Copies):
    """An app on a real socket, in plain JSON."""

    def __init__(self, url: str, device: str) -> None:
        super().__init__()
        self.device = device
        self._url = f"{url}?device={device}" if device else url
        self._socket: ClientConnection | None = None

    @property
    def online(self) -> bool:
        return self._socket is not None

    async def connect(self) -> None:
        if self._socket is None:
            headers = {"Authorization": "Bearer ada"}
            self._socket = await connect(
                self._url,
                proxy=None,
                max_size=None,
                open_timeout=PATIENCE,
                additional_headers=headers,
            )
            await self.pull()

    async def disconnect(self) -> None:
        socket, self._socket = self._socket, None
        if socket is not None:
            socket.transport.abort()

    async def pull(self) -> None:
        asked = {"type": "SYNC_REQUEST_DELTA", "table": TABLE}
        await self._send({**asked, "last_version": self.cursors.get(TABLE, 0)})
        await self._send({"type": "SYNC_BATCH_UPLOAD", "table": TABLE, "payloads": []})
        await self._acked()  # it is answered behind the delta

    async def upload(self, *, lost: bool = False) -> None:
        """Send what is marked; the connection may break before the ack is there."""
        payloads = [self.payload(TABLE, sync_id) for sync_id in self.marked(TABLE)]
        await self._send({"type": "SYNC_BATCH_UPLOAD", "table": TABLE, "payloads": payloads})
        if lost:
            assert self._socket is not None
            await self._socket.recv()  # something has come: it may be the ack
            await self.disconnect()
            return
        ack = await self._acked()
        assert ack["conflicts"] == []
        assert "notes" not in ack, ack
        for error in ack["errors"]:  # nothing is turned down but edits of what is gone
            assert "deleted" in error["msg"], error
            self.edited.pop((TABLE, error["id"]), None)

    async def _acked(self) -> dict[str, Any]:
        assert self._socket is not None
        while True:
            async with asyncio.timeout(PATIENCE):
                said: dict[str, Any] = json.loads(await self._socket.recv())
            self.take(said)
            if said["type"] == "BATCH_ACK":
                return said
            assert said["type"] == "SYNC_UPDATE", said

    async def until(self, reached: Callable[[dict[str, Any]], bool]) -> None:
        """Take what comes, until the app's rows are as wanted."""
        assert self._socket is not None
        async with asyncio.timeout(PATIENCE):
            while not reached(self.table(TABLE)):
                self.take(json.loads(await self._socket.recv()))

    async def _send(self, said: Any) -> None:
        assert self._socket is not None
        await self._socket.send(json.dumps(said))


class Everybody:
    """Two apps, two clients with documents, the server's own code; and what they wrote."""

    def __init__(self, dice: Random, apps: list[SocketApp], pulses: list[Pulse]) -> None:
        self.dice = dice
        self.apps = apps
        self.pulses = pulses
        self.votes: Tally[str] = Tally()
        self.written: dict[str, Tally[str]] = defaultdict(Tally)
        self.titles: dict[str, str] = {}
        self.reviewers: dict[str, str] = {}
        self.owners: dict[str, int] = {}
        self.deleted: set[str] = set()
        self.offline: set[Pulse] = set()

    async def step(self, number: int) -> None:
        who = self.dice.randrange(len(self.apps) + len(self.pulses))
        if self.dice.random() < 0.05:
            await _off_loop(lambda: self._review(number))
        elif who < len(self.apps):
            await self._step_of_app(number, who, self.apps[who])
        else:
            await self._step_of_pulse(number, who, self.pulses[who - len(self.apps)])

    async def _step_of_app(self, number: int, who: int, app: SocketApp) -> None:
        chance, rows = self.dice.random(), sorted(app.table(TABLE))
        if chance < 0.25 and app.online:
            await app.upload(lost=self.dice.random() < 0.3)
        elif chance < 0.35:
            await (app.disconnect() if app.online else app.connect())
        elif chance < 0.4 and app.online:
            await app.pull()
        elif chance < 0.45 or not rows:
            title, votes = f"made {number}", self.dice.randrange(9)
            made = app.create(TABLE, title=title, body="", votes=votes, user=None)
            self._made(made, who, title, votes)
        else:
            sync_id = self.dice.choice(rows)
            row = app.table(TABLE)[sync_id]
            only_adds = app.device == NAMELESS
            app.edit(TABLE, sync_id, **self._edit(number, who, sync_id, row, only_adds))

    async def _step_of_pulse(self, number: int, who: int, pulse: Pulse) -> None:
        notes, chance = pulse.model("todo.note"), self.dice.random()
        rows = sorted(str(row.id) for row in notes.all())
        if chance < 0.2:
            await self._turn(pulse)
        elif chance < 0.3 and pulse not in self.offline:
            await pulse.synced()
        elif chance < 0.35 or not rows:
            title, votes = f"made {number}", self.dice.randrange(9)
            made = notes.create(title=title, body="", votes=votes)
            self._made(str(made.id), who, title, votes)
        elif chance < 0.37 and len(rows) > 4:
            sync_id = self.dice.choice(rows)
            self.deleted.add(sync_id)
            _row(notes, sync_id).delete()
        else:
            sync_id = self.dice.choice(rows)
            row = _row(notes, sync_id)
            before = {name: row[name] for name in ("title", "body", "votes")}
            for name, value in self._edit(number, who, sync_id, before).items():
                row.set(**{name: value})

    async def _turn(self, pulse: Pulse) -> None:
        if pulse in self.offline:
            self.offline.discard(pulse)
            await pulse.online()
        else:
            self.offline.add(pulse)
            await pulse.offline()

    def _made(self, sync_id: str, who: int, title: str, votes: int) -> None:
        self.owners[sync_id] = who
        self.titles[sync_id] = title
        self.votes[sync_id] += votes

    def _edit(
        self, number: int, who: int, sync_id: str, row: Any, only_adds: bool = False
    ) -> dict[str, Any]:
        """An edit of what anybody may edit, or of the title, which only one of them does."""
        kinds = ["votes", "body"] + (["title"] * 2 if self.owners[sync_id] == who else [])
        kind = self.dice.choice(kinds)
        if kind == "votes":
            amount = self.dice.choice([1, 2, 5] if only_adds else [-3, -1, 1, 2, 5])
            self.votes[sync_id] += amount
            return {"votes": row["votes"] + amount}
        if kind == "title":
            self.titles[sync_id] = f"edited {number}"
            return {"title": self.titles[sync_id]}
        text, word = row["body"], self.dice.choice(CHARACTERS) * self.dice.randrange(1, 4)
        at = self.dice.randrange(len(text) + 1)
        self.written[sync_id].update(word)
        return {"body": text[:at] + word + text[at:]}

    def _review(self, number: int) -> None:
        rows = list(Note.objects.order_by("sync_id"))
        if rows:
            row = self.dice.choice(rows)
            row.reviewed_by = self.reviewers[str(row.sync_id)] = f"reviewer {number}"
            row.save()

    async def settle(self) -> None:
        """Everybody online, until nobody has anything to send or to be told."""
        for app in self.apps:
            await app.connect()
            await app.upload()
        for pulse in self.pulses:
            await pulse.online()
            await pulse.synced()
        rows = await _off_loop(_rows)
        for app in self.apps:
            await app.pull()
            await app.until(lambda held: held.keys() == rows.keys() and _are(held, rows))
        for pulse in self.pulses:
            await pulse.synced()  # with what those who came later had to send

    def check(self, rows: Mapping[str, Note]) -> None:
        """Nothing that anybody wrote is lost, and all hold what the database holds."""
        assert rows.keys() == self.owners.keys() - self.deleted
        for sync_id, row in rows.items():
            assert row.title == self.titles[sync_id]
            assert row.votes == self.votes[sync_id]
            assert Tally(row.body) == self.written[sync_id]
            assert row.reviewed_by == self.reviewers.get(sync_id, "")
        for app in self.apps:
            assert app.table(TABLE).keys() == rows.keys()
            assert _are(app.table(TABLE), rows)
        for pulse in self.pulses:
            held_rows = {str(row.id): row for row in pulse.model("todo.note").all()}
            assert held_rows.keys() == rows.keys()
            assert _are(held_rows, rows)


def test_apps_and_clients_with_documents_converge_and_lose_no_edit(
    live_server_asgi: ThreadServer, ada: Any
) -> None:
    with override_settings(DJANGO_PULSE=TOKENS):
        everybody = asyncio.run(_scenario(live_server_asgi.ws_url))
    assert len(everybody.owners) > len(everybody.deleted)


async def _scenario(url: str) -> Everybody:
    async with AsyncExitStack() as stack:
        pulses = [await stack.enter_async_context(connected(url, token="ada")) for _ in range(2)]
        apps = [SocketApp(url, name) for name in ("phone", NAMELESS)]
        for app in apps:
            stack.push_async_callback(app.disconnect)
            await app.connect()
        for pulse in pulses:
            await pulse.synced()
        everybody = Everybody(Random(SEED), apps, pulses)
        for number in range(STEPS):
            await everybody.step(number)
        await everybody.settle()
        everybody.check(await _off_loop(_rows))
    return everybody


async def _off_loop(work: Callable[[], T]) -> T:
    def run() -> T:
        try:
            return work()
        finally:
            connections.close_all()

    return await asyncio.to_thread(run)


def _rows() -> dict[str, Note]:
    return {str(row.sync_id): row for row in Note.objects.all()}


def _are(held: Mapping[str, Any], rows: Mapping[str, Note]) -> bool:
    """Is all that somebody holds as the database has it?"""
    names = ("title", "body", "votes", "reviewed_by")
    return all(
        _value(view, name) == getattr(rows[sync_id], name)
        for sync_id, view in held.items()
        for name in names
    )


def _value(view: Any, name: str) -> Any:
    """Of a row that an app made and was never told, the server's own field is not there."""
    return view.get(name) if isinstance(view, dict) else view[name]


def _row(notes: ModelHandle, sync_id: str) -> Any:
    return next(row for row in notes.all() if str(row.id) == sync_id)
