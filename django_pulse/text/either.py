"""One socket, two protocols: the kind of its first frame decides which of them it speaks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from crdt.frames import encode
from crdt.messages import Fault

from ..server.session import State
from ..server.steps import Send, Steps

if TYPE_CHECKING:
    from ..server.session import Session
    from .session import TextSession

__all__ = ["EitherSession"]

_TEXT_HERE = "This connection speaks the text protocol: open another one for binary frames."


class EitherSession:
    """A session in which nobody has said anything, and then one of the two."""

    def __init__(self, binary: Session, text: TextSession) -> None:
        self._binary = binary
        self._text = text
        self._is_text: bool | None = None

    @property
    def state(self) -> State:
        """Where the conversation stands."""
        if not self._is_text:
            return self._binary.state
        if self._text.is_closed:
            return State.CLOSED
        return State.READY if self._text.is_ready else State.NEW

    @property
    def checks(self) -> int:
        """How often the user was found to be in good standing."""
        return self._text.checks if self._is_text else self._binary.checks

    @property
    def seconds_left(self) -> float | None:
        """How long the sign-in lasts; None where it has no end of its own."""
        return self._text.seconds_left if self._is_text else self._binary.seconds_left

    def receive(self, frame: bytes) -> Steps:
        """Answer a binary frame."""
        if self._is_text:
            yield Send(encode(Fault("protocol", _TEXT_HERE)))
            return
        self._is_text = False
        yield from self._binary.receive(frame)

    def receive_text(self, text: str) -> Steps:
        """Answer a text frame."""
        if self._is_text is False:
            yield from self._binary.receive_text(text)
            return
        self._is_text = True
        yield from self._text.receive(text)

    def relay(self, scope: str, frame: bytes, access: int = 0) -> Steps:
        """Pass on what has changed in a scope."""
        session = self._text if self._is_text else self._binary
        yield from session.relay(scope, frame, access)

    def check(self, ended: str = "") -> Steps:
        """Find out whether the user may still be served."""
        session = self._text if self._is_text else self._binary
        yield from session.check(ended)

    def expire(self) -> Steps:
        """End a connection on which nobody was signed in in time."""
        yield from self._binary.expire()
