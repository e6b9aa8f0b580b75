"""What is on its way to a client that does not read is bounded, whatever its server does."""

from __future__ import annotations

import asyncio
import json
import select
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth import get_user_model

from crdt.frames import decode, encode
from crdt.messages import Hello, Ping, Pong, Pull, Welcome
from django_pulse.changefeed.pages import Page
from django_pulse.server.connection import Connection
from django_pulse.server.flow import ASK_BYTES, MAX_EARLY, MAX_EARLY_BYTES, Early, Flow
from django_pulse.server.session import Session
from tests.django_pulse.client.conftest import signed_in
from tests.django_pulse.sockets import PATIENCE, welcomed
from tests.django_pulse.stand_ins import BOUNDS, HANDSHAKE, HELLO, StandIns, changes, settings
from tests.project.servers import DaphneServer
from tests.project.todo.models import Note

WINDOW = 2 << 20


def asked(flow: Flow, size: int) -> int | None:
    ping = flow.sent(size)
    if ping is None:
        return None
    message = decode(ping)
    assert isinstance(message, Ping)
    return message.time


def is_full(flow: Flow) -> bool:
    return flow.is_full  # anew each time


def test_what_was_sent_counts_as_read_by_an_answer_to_a_later_ping_only() -> None:
    flow = Flow(WINDOW)
    assert asked(flow, ASK_BYTES - 1) is None
    first = asked(flow, 1)
    second = asked(flow, WINDOW)
    assert first is not None
    assert second is not None
    assert is_full(flow)
    for guess in (0, 1, first + 1):
        assert not flow.takes(encode(Pong(guess, {})))
        assert is_full(flow)
    assert flow.takes(encode(Pong(first, {})))
    assert is_full(flow), "the rest came after it"
    assert flow.takes(encode(Pong(second, {})))
    assert not is_full(flow)
    asked(flow, WINDOW)
    assert not flow.takes(encode(Pong(second, {})))
    assert is_full(flow), "an answer counts once"


@pytest.mark.parametrize("frame", [None, b"", b'\0\0\0\x09{"pong":1}', encode(Ping(1)), b"x" * 999])
def test_nothing_else_is_taken_for_an_answer(frame: bytes | None) -> None:
    assert not Flow(WINDOW).takes(frame)


def test_what_comes_before_the_answer_is_kept_in_its_order_up_to_a_bound() -> None:
    early = Early()
    for number in range(MAX_EARLY):
        early.add({"type": "websocket.receive", "bytes": b"x" * number})
    assert not early.is_full
    large = Early()
    large.add({"type": "websocket.receive", "bytes": bytes(MAX_EARLY_BYTES + 1)})
    assert large.is_full
    sizes = [len(message["bytes"]) for message in iter(early.take, None) if message]
    assert sizes == list(range(MAX_EARLY))
    assert early.take() is None


class Greedy:
    """An ASGI server that takes whatever it is given, and a client that reads, or does not."""

    def __init__(self, *, reads: bool) -> None:
        self.reads = reads
        self.kept = 0
        self.most = 0
        self.pages = 0
        self.closed: int | None = None
        self.incoming: asyncio.Queue[Any] = asyncio.Queue()

    def say(self, message: Any) -> None:
        self.incoming.put_nowait({"type": "websocket.receive", "bytes": encode(message)})

    async def send(self, message: Any) -> None:
        if message["type"] == "websocket.close":
            self.closed = message["code"]
            return
        frame = message["bytes"]
        self.kept += len(frame)
        self.most = max(self.most, self.kept)
        said = decode(frame)
        if isinstance(said, Welcome):
            for number in range(40):
                self.say(Pull(number, {"all": 0}))
        elif isinstance(said, Ping) and self.reads:
            self.kept = 0
            self.say(Pong(said.time, {}))
        elif not isinstance(said, Ping):
            self.pages += 1
            if self.pages == 40:
                self.incoming.put_nowait({"type": "websocket.disconnect"})


@pytest.mark.parametrize("reads", [True, False])
def test_a_server_that_keeps_everything_is_given_no_more_than_the_window(reads: bool) -> None:
    large = [Page("all", 0, 10, False, changes(1, size=200_000), ()) for _ in range(40)]
    greedy = Greedy(reads=reads)

    async def serve() -> None:
        session = Session(StandIns(pages=large), HANDSHAKE, BOUNDS)
        greedy.say(HELLO)
        await Connection(session, greedy.incoming.get, greedy.send).run()

    with settings(MAX_UNREAD_BYTES=WINDOW, SEND_TIMEOUT_SECONDS=10 if reads else 0.05):
        asyncio.run(serve())
    assert greedy.most < WINDOW + 300_000
    assert (greedy.pages == 40, greedy.closed) == (reads, None if reads else 4408)


@pytest.fixture
def daphne(child_environment: dict[str, str]) -> Iterator[DaphneServer]:
    settings = {"SEND_TIMEOUT_SECONDS": 0.2}
    server = DaphneServer(child_environment | {"PULSE_TEST_PULSE": json.dumps(settings)})
    yield server
    server.stop()


@pytest.mark.skipif(sys.platform != "linux", reason="asks Linux how much memory a process had")
@pytest.mark.django_db(transaction=True)
def test_under_daphne_a_client_that_never_reads_is_cut_off_before_memory_grows(
    daphne: DaphneServer,
) -> None:
    cookies = signed_in("mallory")
    user = get_user_model().objects.get()
    for number in range(20):
        Note.objects.create(title=f"{number}", body="x" * 250_000, user=user)
    headers = {"Cookie": "; ".join(f"{name}={value}" for name, value in cookies.items())}
    hello = Hello(2**40, "phone")
    options: dict[str, Any] = {"origin": daphne.url, "max_queue": 1, "compression": None}
    with welcomed(daphne.ws_url, hello, additional_headers=headers, **options) as (socket, welcome):
        before = daphne.peak_bytes
        for number in range(50):  # 250 MB, if all of them were answered
            socket.send(Pull(number, dict.fromkeys(welcome.scopes, 0)))
        poll = select.poll()
        poll.register(socket.connection.socket, 0)  # of which only the end counts
        assert poll.poll(PATIENCE * 1_000), "it is cut off"
    assert daphne.peak_bytes - before < 60 << 20
