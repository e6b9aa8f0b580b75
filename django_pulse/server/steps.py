"""What a session asks of whoever drives it, one step at a time.

A session yields steps. Each is performed, and its result sent back into the session, before the
next one is asked for; only `Work` has a result.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass
from enum import IntEnum
from functools import partial
from typing import Any, ParamSpec, TypeVar

__all__ = ["Close", "CloseCode", "Join", "Part", "Send", "Step", "Steps", "Work", "ask"]

P = ParamSpec("P")
T = TypeVar("T")


class CloseCode(IntEnum):
    """Why the server ends a connection (RFC 6455, section 7.4; 4000 and up are ours)."""

    INTERNAL = 1011
    PROTOCOL = 4400
    UNAUTHENTICATED = 4401
    FORBIDDEN = 4403
    TOO_SLOW = 4408
    CONFLICT = 4409


@dataclass(frozen=True, slots=True)
class Send:
    """Send this frame: binary, or a text one."""

    frame: bytes | str


@dataclass(frozen=True, slots=True)
class Work:
    """Call this off the event loop and send its result back in."""

    function: Callable[[], Any]


@dataclass(frozen=True, slots=True)
class Join:
    """Listen to these scopes from now on; failing to is survivable."""

    scopes: frozenset[str]


@dataclass(frozen=True, slots=True)
class Part:
    """Stop listening to these scopes."""

    scopes: frozenset[str]


@dataclass(frozen=True, slots=True)
class Close:
    """End the connection; the last step there is."""

    code: CloseCode
    reason: str


Step = Send | Work | Join | Part | Close
Steps = Generator[Step, Any, None]


def ask(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> Generator[Step, Any, T]:
    """The result of `function`, which whoever drives the session runs off the event loop."""
    result: T = yield Work(partial(function, *args, **kwargs))
    return result
