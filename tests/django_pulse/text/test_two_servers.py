"""Two server processes, one PostgreSQL, one Redis: what one app sends, one elsewhere is told."""

from __future__ import annotations

import json
from typing import Any
from uuid import uuid4

import pytest
from django.conf import settings

from tests.conftest import StartProcess
from tests.django_pulse.client.conftest import signed_in
from tests.django_pulse.sockets import PATIENCE, Socket, opened
from tests.django_pulse.together import in_thread
from tests.project.servers import ProcessServer, RedisServer
from tests.project.todo.models import Note

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.databases("postgres"),
]

NEVER = "3600"
"""Seconds between two polls: whatever arrives in a test arrived live."""

PATIENT = json.dumps({"HINT_TIMEOUT_SECONDS": PATIENCE})


def ask(socket: Socket, **said: Any) -> Any:
    socket.connection.send(json.dumps(said))
    return heard(socket)


def heard(socket: Socket) -> Any:
    return json.loads(socket.connection.recv(timeout=PATIENCE))


def test_what_is_acked_by_one_process_is_told_live_by_the_other_and_a_retry_there_counts_once(
    server_process: StartProcess, redis: RedisServer
) -> None:
    environment = {"PULSE_TEST_REDIS": redis.url, "PULSE_TEST_POLL": NEVER}
    environment["PULSE_TEST_PULSE"] = PATIENT
    starting = in_thread(lambda: server_process(**environment))
    one, other = server_process(**environment), starting.result(PATIENCE)
    cookie = "; ".join(f"{name}={value}" for name, value in signed_in("ann").items())

    def options(server: ProcessServer) -> dict[str, Any]:
        assert settings.SESSION_COOKIE_NAME in cookie
        return {"additional_headers": {"Cookie": cookie}, "origin": server.url}

    row = {"sync_id": str(uuid4()), "version": 0, "title": "Milk", "votes": 2}
    upload = {"type": "SYNC_UPLOAD", "table": "note", "payload": row}
    with (
        opened(one.ws_url, **options(one)) as here,
        opened(other.ws_url, **options(other)) as there,
    ):
        empty = {"type": "SYNC_BATCH_UPLOAD", "table": "note", "payloads": []}
        there.connection.send(json.dumps({"type": "SYNC_REQUEST_DELTA", "table": "note"}))
        assert ask(there, **empty)["type"] == "BATCH_ACK"
        assert ask(here, **upload)["status"] == "SUCCESS"
        told = heard(there)["data"]
        assert (told["sync_id"], told["data"]["votes"]) == (row["sync_id"], 2)
        assert ask(there, **upload)["status"] == "SUCCESS"
    assert Note.objects.get().votes == 2
