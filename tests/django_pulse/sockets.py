"""A client for tests of the server: frames over a real WebSocket, one at a time."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from crdt.frames import decode, encode
from crdt.messages import Hello, Message, Ping, Pong, Welcome

from .together import PATIENCE

__all__ = ["PATIENCE", "Socket", "heard", "opened", "welcomed"]


class Socket:
    """An open connection to the server."""

    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection

    def send(self, *sent: Message | bytes | str) -> None:
        for message in sent:
            frame = message if isinstance(message, bytes | str) else encode(message)
            self.connection.send(frame)

    def receive(self) -> Message:
        while True:
            frame = self.connection.recv(timeout=PATIENCE)
            assert isinstance(frame, bytes), frame
            message = decode(frame)
            if not isinstance(message, Ping):
                return message
            self.send(Pong(message.time, {}))

    def ask(self, message: Message | bytes) -> Any:
        """Send one message; the answer to it."""
        self.send(message)
        return self.receive()

    def closed(self) -> tuple[int, str]:
        """Wait for the server to close; the code and the reason, whatever came before them."""
        end = None
        while end is None:
            try:
                self.connection.recv(timeout=PATIENCE)
            except ConnectionClosed as closed:
                end = closed
        assert end.rcvd is not None, "the server went without a closing frame"
        return end.rcvd.code, end.rcvd.reason


@contextmanager
def opened(url: str, **options: Any) -> Iterator[Socket]:
    """A connection that has said nothing yet."""
    patient = {"open_timeout": PATIENCE, "close_timeout": 1, **options}
    with connect(url, proxy=None, max_size=None, **patient) as connection:
        yield Socket(connection)


@contextmanager
def welcomed(url: str, hello: Hello, **options: Any) -> Iterator[tuple[Socket, Welcome]]:
    """A connection that has said hello."""
    with opened(url, **options) as socket:
        welcome = socket.ask(hello)
        assert isinstance(welcome, Welcome), welcome
        yield socket, welcome


@contextmanager
def heard(logger: str, words: str) -> Iterator[threading.Event]:
    """An event that is set when a record with these words is logged, in whatever thread."""
    event = threading.Event()

    class Listener(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if words in record.getMessage():
                event.set()

    listener, target = Listener(), logging.getLogger(logger)
    level = target.level
    target.addHandler(listener)
    target.setLevel(logging.INFO)
    try:
        yield event
    finally:
        target.removeHandler(listener)
        target.setLevel(level)
