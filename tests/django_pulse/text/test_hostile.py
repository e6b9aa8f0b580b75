"""Whatever text a client sends is answered, and the connection goes on: over a real server.

PULSE_TEXT_FUZZ says how many messages are made up.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest
from django.test import override_settings
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from django_pulse.tables import Receipt
from tests.django_pulse.sockets import PATIENCE, Socket, opened
from tests.django_pulse.test_consumers import TOKENS
from tests.project.servers import ThreadServer
from tests.project.todo.models import Everything, Note

pytestmark = pytest.mark.databases("sqlite", "postgres")

CASES = int(os.environ.get("PULSE_TEXT_FUZZ", "60"))

TOKEN = {"Authorization": "Bearer ada"}
IDS = [str(UUID(int=number)) for number in range(4)]
LAST = {"type": "SYNC_BATCH_UPLOAD", "table": "todo.item", "payloads": []}
"""A message whose answer is none of another's."""


class Raw(str):  # noqa: SLOT000
    """A number as it is written, whatever JSON says to that."""


NUMBERS = st.sampled_from(["NaN", "Infinity", "-0", "1e400", "1e30", "0.1", str(2**53 + 1)])
NUMBERS |= st.sampled_from([str(2**63), str(2**64), str(-(2**70)), "9" * 300])
TEXTS = st.text(max_size=5) | st.sampled_from(
    ["", "a\0b", "\ud800", "é😀", "5", "true", "2024-01-01", "[]", *IDS]
)
DEEP = st.integers(0, 2_000).map(lambda depth: Raw("[" * depth + "]" * depth))
_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | NUMBERS.map(Raw) | TEXTS | DEEP,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=4,
)
VALUES = st.deferred(lambda: _VALUES)  # whose representation is short
NAMES = [*(field.name for field in Everything._meta.fields), "title", "votes", "body"]
_HEADS = st.fixed_dictionaries(
    {},
    optional={
        "sync_id": st.sampled_from(IDS) | VALUES,
        "version": st.sampled_from([0, 1, 2**62]) | VALUES,
        "is_deleted": st.sampled_from([0, 1, True]) | VALUES,
    },
)
ROWS = st.tuples(st.dictionaries(st.sampled_from(NAMES), VALUES, max_size=4), _HEADS).map(
    lambda parts: parts[0] | parts[1]
)
MESSAGES = st.fixed_dictionaries(
    {"type": st.sampled_from(["SYNC_REQUEST_DELTA", "SYNC_UPLOAD", "SYNC_BATCH_UPLOAD"]) | VALUES},
    optional={
        "table": st.sampled_from(["everything", "note", "task", "todo.task", "user"]) | VALUES,
        "last_version": st.sampled_from([0, 1, 2**62]) | VALUES,
        "payload": ROWS | VALUES,
        "payloads": st.lists(ROWS | VALUES, max_size=3) | VALUES,
    },
)


def written(value: Any) -> str:
    if isinstance(value, Raw):
        return value
    if isinstance(value, dict):
        pairs = (f"{json.dumps(name)}:{written(each)}" for name, each in value.items())
        return f"{{{','.join(pairs)}}}"
    if isinstance(value, list):
        return f"[{','.join(map(written, value))}]"
    return json.dumps(value)


@pytest.fixture
def socket(live_server_asgi: ThreadServer, ada: Any) -> Iterator[Socket]:
    Everything.objects.create(sync_id=IDS[0])
    Note.objects.create(sync_id=IDS[1], title="Milk", user=ada)
    with (
        override_settings(DJANGO_PULSE=TOKENS | {"FRAMES_PER_SECOND": 100_000}),
        opened(live_server_asgi.ws_url, additional_headers=TOKEN) as socket,
    ):
        yield socket


def answers(socket: Socket, *sent: str | bytes) -> list[dict[str, Any]]:
    """Everything that is said before the answer to a message that is sent behind these."""
    for each in sent:
        socket.connection.send(each)
    socket.connection.send(json.dumps(LAST))
    told: list[dict[str, Any]] = []
    while not told or told[-1].get("table") != LAST["table"]:
        told.append(json.loads(socket.connection.recv(timeout=PATIENCE)))
    return told[:-1]


def test_whatever_is_sent_is_answered_and_the_connection_goes_on(
    socket: Socket, caplog: pytest.LogCaptureFixture
) -> None:
    quick = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example]

    @settings(max_examples=CASES, database=None, suppress_health_check=quick)
    @given(MESSAGES.map(written) | VALUES.map(written) | st.text(max_size=20))
    def exchange(text: str) -> None:
        told = answers(socket, text.encode("utf-8", "replace").decode())
        assert told or "SYNC_REQUEST_DELTA" in text, "nothing was answered"
        assert not [each for each in told if each.get("code") == "internal"]
        assert not [each for each in told if "its log says why" in str(each)]

    exchange()
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]


@pytest.mark.parametrize("place", ["type", "table", "name", "sync_id", "title", "body", "votes"])
def test_a_megabyte_of_text_is_answered_wherever_it_stands(socket: Socket, place: str) -> None:
    long = "x" * 1_000_000
    row = {"sync_id": IDS[1], "version": 0, "long" if place != "name" else long: 1}
    said = {"type": "SYNC_UPLOAD", "table": "note", "payload": row}
    {"type": said, "table": said}.get(place, row)[place] = long
    [told] = answers(socket, json.dumps(said))
    assert len(json.dumps(told)) < 1_000


def test_a_row_that_no_document_can_hold_is_refused_and_not_kept(socket: Socket) -> None:
    good = {"sync_id": IDS[1], "version": 0, "votes": 5}
    large = {"sync_id": IDS[2], "version": 0, "votes": "x" * 3_000_000, "title": "Milk"}
    said = {"type": "SYNC_BATCH_UPLOAD", "table": "note", "payloads": [large, good]}
    [told] = answers(socket, json.dumps(said))
    assert told["synced_ids"] == [IDS[1]]
    assert told["errors"] == [
        {"id": IDS[2], "msg": "This row is too large: no document can hold it."}
    ]
    assert len(json.dumps(list(map(str, Receipt.objects.values_list("sent"))))) < 1_000


def test_text_that_is_no_utf_8_ends_the_connection_as_the_standard_says(
    live_server_asgi: ThreadServer, socket: Socket
) -> None:
    with opened(live_server_asgi.ws_url, additional_headers=TOKEN) as other:
        other.connection.send(b'{"type":"\xff"}', text=True)
        assert other.closed()[0] == 1007
    assert answers(socket, "{}")[0]["type"] == "error"


def test_a_message_of_eight_megabytes_is_answered(socket: Socket) -> None:
    [told] = answers(socket, '"' + "x" * (8 << 20) + '"')
    assert told["code"] == "too_large"


def test_binary_frames_amid_text_are_answered_as_such(socket: Socket) -> None:
    answers(socket)
    socket.connection.send(b"\x00")
    assert isinstance(socket.connection.recv(timeout=PATIENCE), bytes)
    assert answers(socket, "[]")[0]["code"] == "malformed"
