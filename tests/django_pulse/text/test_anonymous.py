"""Whoever is not signed in reads what is public, as text and over HTTP, and nothing else."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client, override_settings

from django_pulse.tables import Device
from tests.django_pulse.sockets import PATIENCE, Socket, opened
from tests.project.public.models import Notice, Rota
from tests.project.servers import ThreadServer

URL = "/pulse/sync/"

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.databases("sqlite", "postgres"),
]


@pytest.fixture(autouse=True)
def rows(transactional_db: None) -> Iterator[None]:
    Notice.objects.create(text="Closed on Monday")
    Rota.objects.create(text="Ada on Monday")
    with override_settings(DJANGO_PULSE={"ALLOW_ANONYMOUS": True}):
        yield


def say(socket: Socket, **said: Any) -> None:
    socket.connection.send(json.dumps(said))


def heard(socket: Socket) -> Any:
    return json.loads(socket.connection.recv(timeout=PATIENCE))


def test_public_rows_are_told_live_too_and_no_others(live_server_asgi: ThreadServer) -> None:
    with opened(live_server_asgi.ws_url) as socket:
        say(socket, type="SYNC_REQUEST_DELTA", table="rota", last_version=0)
        say(socket, type="SYNC_REQUEST_DELTA", table="notice", last_version=0)
        assert heard(socket)["data"]["data"]["text"] == "Closed on Monday"
        Rota.objects.create(text="Bob on Tuesday")
        Notice.objects.create(text="Open again")
        assert heard(socket)["data"]["data"]["text"] == "Open again"


def test_nothing_is_written_and_the_row_is_told_why(live_server_asgi: ThreadServer) -> None:
    row = {"sync_id": str(uuid4()), "version": 0, "text": "Mine"}
    with opened(live_server_asgi.ws_url) as socket:
        say(socket, type="SYNC_BATCH_UPLOAD", table="notice", payloads=[row, 5])
        ack = heard(socket)
        assert [each["id"] for each in ack["errors"]] == [row["sync_id"], None]
        assert "Sign in" in ack["errors"][0]["msg"]
        say(socket, type="SYNC_UPLOAD", table="notice", payload=row)
        assert heard(socket)["status"] == "ERROR"
    assert Notice.objects.count() == 1
    assert not Device.objects.exists(), "who writes nothing needs no replica id"


def test_the_same_over_http() -> None:
    client = Client(enforce_csrf_checks=True)
    [update] = client.get(URL, {"table": "notice"}).json()["updates"]
    assert update["data"]["text"] == "Closed on Monday"
    assert client.get(URL, {"table": "rota"}).json()["updates"] == []
    row = {"sync_id": str(uuid4()), "version": 0, "text": "Mine"}
    said = {"type": "SYNC_UPLOAD", "table": "notice", "payload": row}
    answer = client.post(URL, json.dumps(said), content_type="application/json")
    assert (answer.status_code, answer.json()["status"]) == (200, "ERROR")
    assert Notice.objects.count() == 1


def test_a_token_that_is_no_good_makes_nobody_anonymous(live_server_asgi: ThreadServer) -> None:
    bad = {"Authorization": "Bearer nobody"}
    with opened(live_server_asgi.ws_url, additional_headers=bad) as socket:
        say(socket, type="SYNC_REQUEST_DELTA", table="notice", last_version=0)
        assert heard(socket)["code"] == "unauthenticated"
        assert socket.closed()[0] == 4401
    assert Client(headers=bad).get(URL, {"table": "notice"}).status_code == 401
