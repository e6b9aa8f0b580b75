"""`sync_once`: everything up and down over plain HTTP, and done.

For a background task of a phone, a cron job, or a network that lets no WebSocket through.

    sync_once("https://example.com/pulse/sync/", store="phone.sqlite3", token="...")

The same replica, frames and rules as on a socket: a request says hello, the next ones push and
pull.
"""

import http.client
import os
import ssl
import struct
import time
import urllib.error
import urllib.request
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlsplit

from crdt.errors import RemoteFault
from crdt.events import Event, Failed
from crdt.replica import Replica
from crdt.rules import MergeRule
from crdt.store import Store

from .changes import CHANGES
from .connection import fault_of
from .errors import BadAddress, PulseError, TimedOut, Unreachable, WrongEndpoint
from .pulse import new_replica, open_store
from .sign_in import read_headers

__all__ = ["Exchanged", "sync_once"]

# Bytes of frames in one request: below what Django takes unasked (DATA_UPLOAD_MAX_MEMORY_SIZE).
MAX_BODY_BYTES: Final = 2_000_000
# Frames of one request, as the server's limit.
MAX_FRAMES: Final = 64
# Bytes of one answer; it holds a few pages of each scope.
MAX_ANSWER_BYTES: Final = 256 << 20
# Seconds for one request, and for all of it.
REQUEST_SECONDS: Final = 30.0
ALL_SECONDS: Final = 300.0

_BINARY = "application/octet-stream"
_ONWARD = "Pulse-Onward"
_LENGTH = struct.Struct(">I")


@dataclass(frozen=True, slots=True)
class Exchanged:
    """What a `sync_once` did: rows whose edits are durable now, changes that came, and what
    happened to edits that did not stand. Requests and bytes are those of the network.
    """

    pushed: int
    changed: int
    events: tuple[Event, ...] = field(repr=False)
    requests: int = 0
    sent: int = 0
    received: int = 0


def sync_once(
    url: str,
    *,
    store: str | os.PathLike[str] | Store,
    token: str | None = None,
    headers: Mapping[str, str] | None = None,
    cookies: Mapping[str, str] | None = None,
    rules: Iterable[MergeRule] = (),
    tls: ssl.SSLContext | None = None,
    timeout: float = ALL_SECONDS,
) -> Exchanged:
    """Send what the store has, fetch what it lacks, and return; blocks, for `timeout` seconds at
    most.

    `url` is where the server includes `django_pulse.urls`, and `sync/`. The store is that of
    `connect`, which must not have it open (StoreInUse). `token` goes in an Authorization header;
    with `cookies` Django's CSRF token is wanted, as cookie and as the header X-CSRFToken. Raises
    what `connect` does: `Unreachable`, `SignInRefused`, `RefusedByServer`, `TimedOut`. What was
    done until then is done.
    """
    line = _Line(url, token, read_headers(headers, cookies), tls)
    kept = open_store(store)
    with closing(kept):
        replica = new_replica(kept, rules)
        return _Run(replica, line, time.monotonic() + timeout).run()


class _Run:
    """One `sync_once`."""

    def __init__(self, replica: Replica, line: "_Line", deadline: float) -> None:
        self._replica = replica
        self._line = line
        self._deadline = deadline
        self._events: list[Event] = []

    def run(self) -> Exchanged:
        pending = self._replica.pending
        while not self._converse():
            pass
        changed = sum(isinstance(event, CHANGES) for event in self._events)
        line, events = self._line, tuple(self._events)
        pushed = max(pending - self._replica.pending, 0)
        return Exchanged(pushed, changed, events, line.requests, line.sent, line.received)

    def _converse(self) -> bool:
        """Hello, and then until there is nothing to send; says whether all is in step then."""
        self._exchange([self._replica.connected(self._line.token)], "")
        while True:
            frames = self._replica.outgoing()
            if frames:
                for part in _parts(frames):
                    self._exchange(part, self._line.onward)
            elif self._replica.in_sync:
                self._replica.disconnected()
                return True
            elif self._replica.retry_after is None:
                self._replica.disconnected()  # more pages than one answer holds
                return False
            else:
                time.sleep(min(self._replica.retry_after, self._left()))
                self._replica.retry()

    def _exchange(self, frames: Sequence[bytes], onward: str) -> None:
        for frame in self._line.exchange(frames, onward, min(REQUEST_SECONDS, self._left())):
            events = self._replica.receive(frame)
            self._events += events
            for event in events:
                if isinstance(event, Failed):
                    raise fault_of(event)

    def _left(self) -> float:
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise TimedOut(
                f"{self._line.url} had not got done when the timeout passed; rows with edits not "
                f"confirmed by the server: {self._replica.pending}."
            )
        return left


class _Line:
    """Requests to one address."""

    def __init__(
        self, url: str, token: str | None, headers: Mapping[str, str], tls: ssl.SSLContext | None
    ) -> None:
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise BadAddress(f"{url!r} is no address like 'https://example.com/pulse/sync/'.")
        self.url = url
        self.token = token
        self.onward = ""
        self.requests = self.sent = self.received = 0
        self._headers = {**headers, "Content-Type": _BINARY}
        if token is not None:
            self._headers["Authorization"] = f"Bearer {token}"
        self._opener = urllib.request.build_opener(
            _NoRedirect, urllib.request.HTTPSHandler(context=tls)
        )

    def exchange(self, frames: Sequence[bytes], onward: str, timeout: float) -> list[bytes]:
        """The frames that these are answered by."""
        body = b"".join(part for frame in frames for part in (_LENGTH.pack(len(frame)), frame))
        headers = {**self._headers, **({_ONWARD: onward} if onward else {})}
        request = urllib.request.Request(self.url, body, headers, method="POST")  # noqa: S310
        self.requests += 1
        self.sent += len(body)
        answer = self._answer(request, timeout)
        self.received += len(answer)
        return list(_parted(answer))

    def _answer(self, request: urllib.request.Request, timeout: float) -> bytes:
        try:
            with self._opener.open(request, timeout=timeout) as response:
                return self._read(response)
        except urllib.error.HTTPError as error:
            with error:
                if error.headers.get_content_type() == _BINARY:
                    return self._read(error)
                raise self._why(error.code, error.headers, error.read(1_000)) from error
        except (urllib.error.URLError, OSError, http.client.HTTPException) as error:
            raise Unreachable(f"{self.url} cannot be reached: {error}.") from error

    def _read(self, response: Any) -> bytes:
        if response.headers.get_content_type() != _BINARY:
            raise WrongEndpoint(f"{self.url} answers, but not as Django Pulse does.")
        self.onward = response.headers.get(_ONWARD, "")
        answer: bytes = response.read(MAX_ANSWER_BYTES + 1)
        if len(answer) > MAX_ANSWER_BYTES:
            raise RemoteFault(f"The server answered with more than {MAX_ANSWER_BYTES} bytes.")
        return answer

    def _why(self, status: int, headers: Any, said: bytes) -> PulseError:
        if 300 <= status < 400:
            return WrongEndpoint(
                f"{self.url} answered {status} and points to {headers.get('Location')!r}: give the "
                "final URL. Redirects are not followed, so that a token never reaches a host that "
                "you did not name."
            )
        if status in {408, 425, 429, 502, 503, 504}:
            return Unreachable(f"{self.url} answered {status}: it is busy or restarting.")
        return WrongEndpoint(f"{self.url} answered {status}: {said.decode(errors='replace')}")


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *arguments: Any) -> None:
        """Follow none: what they raise says where it would have gone."""


def _parts(frames: Iterable[bytes]) -> list[list[bytes]]:
    """The frames in runs that one request may hold."""
    parts: list[list[bytes]] = []
    size = 0
    for frame in frames:
        if not parts or size + len(frame) > MAX_BODY_BYTES or len(parts[-1]) == MAX_FRAMES:
            parts.append([])
            size = 0
        parts[-1].append(frame)
        size += len(frame)
    return parts


def _parted(body: bytes) -> Iterable[bytes]:
    at = 0
    while at < len(body):
        if len(body) - at < _LENGTH.size:
            raise RemoteFault("The server's answer ends within the length of a frame.")
        (length,) = _LENGTH.unpack_from(body, at)
        at += _LENGTH.size + length
        if at > len(body):
            raise RemoteFault("The server's answer ends within a frame.")
        yield body[at - length : at]
