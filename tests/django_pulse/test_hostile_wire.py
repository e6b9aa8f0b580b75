"""Bad input on the wire, over a real server with everything behind it.

Whatever a client sends: an error that says what was wrong, the database as it was, and the next one
is served. Which line of the list of hazards is shown by which test stands in `tests/hazards.md`.
"""

from __future__ import annotations

import contextlib
import secrets
import threading
from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth import get_user_model
from django.test import override_settings
from websockets.exceptions import ConnectionClosed

from crdt.document import Document
from crdt.frames import encode
from crdt.messages import PROTOCOL, Ack, Fault, Hello, Item, Ping, Pong, Pull, Push, Welcome
from django_pulse.signals import rows_synced
from tests.django_pulse.sockets import PATIENCE, Socket, heard, opened, welcomed
from tests.project.servers import ThreadServer
from tests.project.todo.models import Note, Task

pytestmark = pytest.mark.databases("sqlite", "postgres")

TOKENS = {"AUTHENTICATE": f"{__name__}.by_username"}


def by_username(token: str) -> Any:
    return get_user_model().objects.filter(username=token).first()


def hello(token: str = "mallory") -> Hello:
    return Hello(secrets.randbits(52) + 1, "phone", token, attempts=(secrets.randbits(52),))


@pytest.fixture
def url(live_server_asgi: ThreadServer) -> Iterator[str]:
    """Of a server on which, whatever a test does, Bob is served afterwards and has lost nothing."""
    users = [get_user_model().objects.create_user(name) for name in ("mallory", "bob")]
    task = Task.objects.create(title="Bob's", user=users[1])
    with (
        override_settings(DJANGO_PULSE=TOKENS),
        welcomed(live_server_asgi.ws_url, hello("bob")) as (bob, welcome),
    ):
        yield live_server_asgi.ws_url
        pong = bob.ask(Ping(1))
        while not isinstance(pong, Pong):  # a live message may come before it
            pong = bob.receive()
        assert pong.heads.keys() == welcome.scopes.keys()
    assert Task.objects.get().pk == task.pk


def headed(head: bytes) -> bytes:
    return len(head).to_bytes(4, "big") + head


def is_refused(socket: Socket, frame: bytes | str, code: str = "malformed") -> None:
    """The frame is answered with this error, and the connection goes on."""
    fault = socket.ask(frame if isinstance(frame, bytes) else frame.encode())
    assert isinstance(fault, Fault)
    assert (fault.code, fault.fatal) == (code, False)
    assert isinstance(socket.ask(Ping(1)), Pong)


def pushed(welcome: Welcome, replica: int, row: Any, votes: int) -> Push:
    document = Document(replica=replica)
    document.append("title", 1 << 11, "Pushed")
    document.append("votes", 1 << 11, votes)
    return Push(1, welcome.epoch, (Item("todo.note", row, document.own_diff(0)),))


def test_an_empty_frame(url: str) -> None:
    with welcomed(url, hello()) as (socket, _):
        for frame in (b"", b"\0", b"\0\0\0\0"):
            is_refused(socket, frame)


def test_text_where_binary_is_due(url: str) -> None:
    with welcomed(url, hello()) as (socket, _):
        for text in ("", "{}", '{"type":"ping","time":1}', "\0", '{"type":"SYNC_UPLOAD"}'):
            socket.send(text)
            assert "binary" in str(socket.connection.recv(timeout=PATIENCE))
        assert isinstance(socket.ask(Ping(1)), Pong)


def test_invalid_json(url: str) -> None:
    with welcomed(url, hello()) as (socket, _):
        for head in (b"", b"{", b"nul", b"'x'", b"\xff\xfe", b'{"type":"ping",}'):
            is_refused(socket, headed(head))


def test_duplicate_keys(url: str) -> None:
    with welcomed(url, hello()) as (socket, _):
        is_refused(socket, headed(b'{"type":"ping","time":1,"time":2}'))
        is_refused(socket, headed(b'{"type":"pull","id":1,"cursors":{"a":1,"a":2}}'))


def test_json_100k_deep(url: str) -> None:
    with welcomed(url, hello()) as (socket, _):
        for opening in (b"[", b'{"a":', b'{"type":['):
            is_refused(socket, headed(opening * 100_000))


def is_out_of_place(url: str, head: bytes) -> None:
    """A message of this header is told to be none, and the connection ends."""
    with welcomed(url, hello()) as (socket, _):
        fault = socket.ask(headed(head))
        assert isinstance(fault, Fault)
        assert fault.code == "protocol"
        assert fault.fatal
        assert socket.closed()[0] == 4400


def test_unknown_types_and_those_that_name_an_internal_handler(url: str) -> None:
    for kind in (
        "",
        "PING",
        "nothing",
        "__class__",
        "pulse.frame",
        "pulse.check",
        "websocket.close",
    ):
        head = f'{{"type":"{kind}","scope":"x","frame":"x","ended":"x","time":1}}'
        with welcomed(url, hello()) as (socket, _):
            is_refused(socket, headed(head.encode()), "protocol")


def test_what_is_for_the_server_to_say(url: str) -> None:
    is_out_of_place(url, b'{"type":"pong","time":1,"heads":{}}')
    is_out_of_place(url, b'{"type":"leave","scope":"all"}')
    is_out_of_place(url, b'{"type":"error","code":"x","message":"x"}')


def test_one_byte_past_the_size_limit(url: str) -> None:
    head = b'{"type":"ping","time":1,"x":"%s"}'
    fits = headed(head % (b"x" * (2_000 - len(head) - 2)))
    assert len(fits) == 2_000
    with (
        override_settings(DJANGO_PULSE=TOKENS | {"MAX_FRAME_BYTES": 2_000}),
        welcomed(url, hello()) as (socket, welcome),
    ):
        assert welcome.limits.frame == 2_000
        assert isinstance(socket.ask(fits), Pong)
        is_refused(socket, fits + b"x", "too_large")


def test_a_compressed_bomb(url: str) -> None:
    with welcomed(url, hello()) as (socket, _):
        with contextlib.suppress(ConnectionClosed):
            socket.send(bytes(64 << 20))
        assert socket.closed()[0] == 1009


def test_ten_thousand_tiny_frames_a_second(url: str) -> None:
    """They are read more slowly; the others are served meanwhile."""
    frame, sent = encode(Ping(1)), threading.Event()
    with welcomed(url, hello()) as (socket, _), welcomed(url, hello("bob")) as (bob, _):

        def flood() -> None:
            with contextlib.suppress(ConnectionClosed):
                for number in range(10_000):
                    socket.send(frame)
                    if number == 500:
                        sent.set()
            sent.set()

        thread = threading.Thread(target=flood, daemon=True)
        thread.start()
        assert sent.wait(PATIENCE)
        for number in range(20):
            assert isinstance(bob.ask(Ping(number)), Pong)
        assert isinstance(socket.receive(), Pong)
        socket.connection.socket.close()
        thread.join(PATIENCE)


def test_a_push_before_hello(url: str) -> None:
    for early in (Push(1, "x", ()), Pull(1, {}), Ping(1)):
        with opened(url) as socket:
            fault = socket.ask(early)
            assert (fault.code, fault.fatal) == ("protocol", True)
            assert socket.closed()[0] == 4400


def test_two_hellos(url: str) -> None:
    said = hello()
    with welcomed(url, said) as (socket, _):
        fault = socket.ask(replace(said, token="bob"))
        assert (fault.code, fault.fatal) == ("protocol", True)
        assert socket.closed()[0] == 4400


def test_a_protocol_version_from_the_future(url: str) -> None:
    for protocol in (0, PROTOCOL + 1, 2**53 - 1):
        with opened(url) as socket:
            fault = socket.ask(replace(hello(), protocol=protocol))
            assert (fault.code, fault.fatal) == ("protocol", True)
            assert str(PROTOCOL) in fault.message


def test_a_header_length_past_the_end_of_the_frame(url: str) -> None:
    with welcomed(url, hello()) as (socket, _):
        for length in (26, 2**16, 2**31, 2**32 - 1):
            is_refused(socket, length.to_bytes(4, "big") + b'{"type":"ping","time":1}')


def test_a_client_that_never_reads(url: str) -> None:
    mallory = get_user_model().objects.get(username="mallory")
    notes = [Note.objects.create(title=f"{n}", body="x" * 250_000, user=mallory) for n in range(20)]
    with (
        override_settings(DJANGO_PULSE=TOKENS | {"SEND_TIMEOUT_SECONDS": 0.2}),
        heard("django_pulse.server.connection", "did not read") as dropped,
        welcomed(url, hello(), max_queue=1, compression=None) as (socket, welcome),
    ):
        for number in range(50):
            socket.send(Pull(number, dict.fromkeys(welcome.scopes, 0)))
        assert dropped.wait(PATIENCE)
    for note in notes:
        note.delete()


def test_a_disconnect_between_commit_and_ack(url: str) -> None:
    """What was committed is not done again when it is sent again."""
    committed, row, said = threading.Event(), uuid4(), hello()

    def note(**kwargs: Any) -> None:
        committed.set()

    rows_synced.connect(note)
    try:
        with welcomed(url, said) as (socket, welcome):
            socket.send(pushed(welcome, said.replica, row, votes=3))
            socket.connection.socket.close()
            assert committed.wait(PATIENCE)
    finally:
        rows_synced.disconnect(note)
    again = replace(said, certificate=welcome.certificate, attempts=(1,))
    with welcomed(url, again) as (socket, welcome):
        push = pushed(welcome, said.replica, row, votes=3)
        answer = socket.ask(push)
        while not isinstance(answer, Ack):
            answer = socket.receive()
        assert (answer.push, answer.count) == (1, 1)
    assert Note.objects.get().votes == 3


def test_a_push_of_bytes_that_are_no_update(url: str) -> None:
    with welcomed(url, hello()) as (socket, welcome):
        for data in (b"", b"\0\0", b"\xff" * 50, bytes(1_000)):
            answer = socket.ask(Push(1, welcome.epoch, (Item("todo.note", uuid4(), data),)))
            assert isinstance(answer, Ack)
            [verdict] = answer.exceptions.values()
            assert getattr(verdict, "code", None) == "malformed"
    assert not Note.objects.exists()
