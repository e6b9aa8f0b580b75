"""The binary protocol over HTTP: some frames in, some frames out, and nothing in between.

A body is frames, each behind its length. The first request says hello, as a socket does. Its answer
brings a *pass*, with which the next requests go on where it stopped: without another hello, which
would ask for another certificate.

Laws:

1. The same session answers as behind a socket, with the same limits and the same services.
2. A pass says which hello it goes on from, and serves its user alone, who signs in anew with every
   request.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from django.core import signing

from crdt.errors import Malformed, RemoteFault, TooLarge
from crdt.frames import decode, encode
from crdt.messages import Fault, Hello

from .session import Session, State
from .steps import Close, CloseCode, Send, Steps, Work, ask

if TYPE_CHECKING:
    from ..changefeed.pages import Heads
    from ..sign_in.auth import Handshake, SignIn
    from .bounds import Bounds
    from .services import Services

__all__ = ["Answer", "drive", "exchange", "joined", "parted"]

MAX_FRAMES: Final = 64
"""Frames of one request: a client sends a few large ones."""

PAGES: Final = 8
"""Pages of a scope in one answer, which is kept in memory until it is sent."""

PASS_SECONDS: Final = 600
"""How long a pass may be used after it was given: a slow line takes a minute for a large answer."""

_LENGTH: Final = struct.Struct(">I")
_SALT: Final = "django_pulse.exchange"


@dataclass(frozen=True, slots=True)
class Answer:
    """The frames of an answer, the pass to go on with, and why it ended, if it did."""

    frames: tuple[bytes, ...]
    onward: str = ""
    end: CloseCode | None = None


class _Resumable(Session):
    """A session that may begin where another one stopped."""

    __slots__ = ()

    def resume(self, hello: Hello, user: str) -> Steps:
        """Go on after the welcome that `hello` of this user got in an earlier request."""
        yield from self._guarded(self._resumed(hello, user), None)

    def _resumed(self, hello: Hello, user: str) -> Steps:
        signed, heads = yield from ask(self._return)
        if _name(signed) != user:
            raise RemoteFault("This pass is somebody else's: say hello.", code="other_user")
        replica = 0 if signed.is_anonymous else hello.replica  # who writes nothing has none
        self._signed, self._replica, self.scopes = signed, replica, frozenset(heads)
        yield from ask(self._subset.become, hello.subscription, self.scopes)
        self.state = State.READY

    def _return(self) -> tuple[SignIn, Heads]:
        signed = self._services.sign_in(self._handshake, None)
        return signed, self._services.scope_heads(signed.user)

    @property
    def user(self) -> str:
        """The primary key, as text, of whoever is signed in; empty for nobody."""
        return _name(self._known())


def exchange(
    services: Services, handshake: Handshake, bounds: Bounds, body: bytes, onward: str
) -> Answer:
    """Answer the frames of a body; `onward` is the pass that came with it, or empty."""
    session = _Resumable(services, handshake, replace(bounds, pages=PAGES))
    sent: list[bytes] = []
    end = None
    try:
        frames = parted(body, bounds.frame_bytes)
        hello, user = _hello_of(frames, onward)
    except RemoteFault as fault:
        return Answer((encode(Fault(fault.code, str(fault), True)),), end=CloseCode.PROTOCOL)
    steps = [session.resume(hello, user)] if onward else []
    for answer in (*steps, *map(session.receive, frames)):
        for step in drive(answer):
            if isinstance(step, Send):
                assert isinstance(step.frame, bytes), "it is a binary session"
                sent.append(step.frame)
            elif isinstance(step, Close):
                end = step.code
    if session.state is not State.READY:
        return Answer(tuple(sent), end=end or CloseCode.PROTOCOL)
    return Answer(tuple(sent), onward or _pass_for(hello, session.user))


def drive(steps: Steps) -> Iterator[Any]:
    """Perform the work of steps here and now; gives those that are none."""
    answer: Any = None
    failure: Exception | None = None
    while True:
        try:
            step = steps.send(answer) if failure is None else steps.throw(failure)
        except StopIteration:
            return
        answer = failure = None
        if isinstance(step, Work):
            try:
                answer = step.function()
            except Exception as error:  # noqa: BLE001 - the session deals with it
                failure = error
        else:
            yield step


def joined(frames: Iterable[bytes]) -> bytes:
    """Frames as one body."""
    return b"".join(part for frame in frames for part in (_LENGTH.pack(len(frame)), frame))


def parted(body: bytes, limit: int) -> list[bytes]:
    """The frames of a body, of at most `limit` bytes each; raises `RemoteFault` for no body."""
    frames, at = [], 0
    while at < len(body):
        if len(body) < at + _LENGTH.size:
            raise Malformed("The body ends within the length of a frame.")
        (length,) = _LENGTH.unpack_from(body, at)
        at += _LENGTH.size
        if length > limit:
            raise TooLarge(f"A frame of {length} bytes is over the limit of {limit}.")
        if len(body) < at + length:
            raise Malformed("The body ends within a frame.")
        frames.append(body[at : at + length])
        at += length
    if not 0 < len(frames) <= MAX_FRAMES:
        raise Malformed(f"A body holds 1 to {MAX_FRAMES} frames, each behind its length (uint32).")
    return frames


def _hello_of(frames: Sequence[bytes], onward: str) -> tuple[Hello, str]:
    """The hello that this exchange goes on from, its first frame or that of an earlier one, and
    whose it was.
    """
    if not onward:
        first = decode(frames[0])
        if not isinstance(first, Hello):
            raise RemoteFault(
                "Say hello first, or send the pass of an earlier answer.", code="protocol"
            )
        return first, ""
    try:
        said = signing.loads(onward, salt=_SALT, max_age=PASS_SECONDS)
    except signing.BadSignature:
        raise RemoteFault(
            "This pass has run out, or is none: say hello again.", code="pass"
        ) from None
    hello = Hello(said["replica"], said["device"], subscription=said["subscription"])
    return hello, said["user"]


def _name(signed: SignIn) -> str:
    return "" if signed.is_anonymous else str(signed.user.pk)


def _pass_for(hello: Hello, user: str) -> str:
    said = {"replica": hello.replica, "device": hello.device, "user": user}
    return signing.dumps({**said, "subscription": hello.subscription}, salt=_SALT)
