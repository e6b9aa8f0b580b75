"""An app made for pulse-rn, as far as its server can tell: whole rows, and their versions.

It keeps a copy of each row. Edits change the copy and mark it; uploading sends all that is marked,
under the version that the copy was told; what comes from the server takes the place of copies that
are not marked.
"""

from __future__ import annotations

import json
import uuid
from typing import Any

from django_pulse.server.steps import Send
from django_pulse.sign_in.auth import Handshake
from django_pulse.text.services import TextBackend
from django_pulse.text.session import TextSession
from tests.django_pulse.stand_ins import drive

__all__ = ["App", "Copies"]

Said = dict[str, Any]


class Copies:
    """The rows that an app holds, by table and `sync_id`."""

    def __init__(self) -> None:
        self.rows: dict[str, dict[str, Said]] = {}
        self.versions: dict[tuple[str, str], int] = {}
        self.edited: dict[tuple[str, str], bool] = {}
        self.cursors: dict[str, int] = {}

    def table(self, table: str) -> dict[str, Said]:
        return self.rows.setdefault(table, {})

    def create(self, table: str, **values: Any) -> str:
        sync_id = str(uuid.uuid4())
        self.table(table)[sync_id] = {"sync_id": sync_id, "is_deleted": False, **values}
        self.edited[table, sync_id] = True
        return sync_id

    def edit(self, table: str, sync_id: str, **values: Any) -> None:
        self.table(table)[sync_id] |= values
        self.edited[table, sync_id] = True

    def payload(self, table: str, sync_id: str) -> Said:
        """All that the app knows of a row, as it sends it."""
        row = {name: value for name, value in self.table(table)[sync_id].items() if name != "id"}
        return {**row, "version": self.versions.get((table, sync_id), 0), "is_local_only": True}

    def marked(self, table: str) -> list[str]:
        return [sync_id for name, sync_id in self.edited if name == table]

    def take(self, said: Said) -> None:
        """Take in a message of the server."""
        if said["type"] == "SYNC_UPDATE":
            self._take_row(said["data"])
        elif said["type"] == "BATCH_ACK":
            for sync_id in said["synced_ids"]:
                self.edited.pop((said["table"], sync_id), None)
        elif said["type"] == "SYNC_ACK_INDIVIDUAL" and said["status"] == "SUCCESS":
            self.edited.pop((said["table"], said["sync_id"]), None)

    def _take_row(self, data: Said) -> None:
        table, sync_id = data["model"], data["sync_id"]
        self.cursors[table] = max(self.cursors.get(table, 0), data["version"])
        if data.get("type") == "HARD_DELETE":
            self.table(table).pop(sync_id, None)
            self.versions.pop((table, sync_id), None)
            self.edited.pop((table, sync_id), None)
        elif (table, sync_id) not in self.edited:
            self.table(table)[sync_id] = dict(data["data"])
            self.versions[table, sync_id] = data["version"]


class App(Copies):
    """An app whose connection is a session without a network: frames are handed over in calls."""

    def __init__(self, user: Any, device: str = "") -> None:
        super().__init__()
        self.user = user
        self.device = device
        self.session: TextSession | None = None
        self.connect()

    def connect(self) -> None:
        """Connect anew: the server knows nothing of the former connection."""
        scope = {
            "type": "websocket",
            "path": "/ws/pulse/sync/",
            "headers": [],
            "user": self.user,
            "query_string": f"device={self.device}".encode(),
        }
        self.session = TextSession(TextBackend(), Handshake.of(scope))

    def say(self, said: Any) -> list[Said]:
        """Send a message; the answers, without taking them in."""
        assert self.session is not None
        text = said if isinstance(said, str) else json.dumps(said)
        return _told(drive(self.session.receive(text)))

    def check(self) -> list[Said]:
        """Let a poll interval pass."""
        assert self.session is not None
        return self._taken(_told(drive(self.session.check())))

    def pull(self, table: str) -> list[Said]:
        """Ask what has changed since what the app holds."""
        asked = {"type": "SYNC_REQUEST_DELTA", "table": table}
        return self._taken(self.say({**asked, "last_version": self.cursors.get(table, 0)}))

    def upload(self, table: str, *, lost: bool = False) -> Said:
        """Send all that is marked in one batch; the ack, which may get lost on its way."""
        payloads = [self.payload(table, sync_id) for sync_id in self.marked(table)]
        told = self.say({"type": "SYNC_BATCH_UPLOAD", "table": table, "payloads": payloads})
        if not lost:
            self._taken(told)
        return told[0]

    def _taken(self, told: list[Said]) -> list[Said]:
        for said in told:
            self.take(said)
        return told


def _told(steps: Any) -> list[Said]:
    return [json.loads(step.frame) for step in steps if isinstance(step, Send)]
