"""How a fault ends a connection, where it does: the close code and the words that go with it.

The error frame before it says more. `crdt/PROTOCOL.md` says what a client makes of each.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from .steps import CloseCode

__all__ = ["ending_of"]

_ENDINGS: Final[Mapping[str, tuple[CloseCode, str]]] = {
    "unauthenticated": (CloseCode.UNAUTHENTICATED, "Nobody is signed in."),
    "expired": (CloseCode.UNAUTHENTICATED, "The token has expired: get a new one."),
    "denied": (CloseCode.FORBIDDEN, "This account may not sign in."),
    "forbidden": (CloseCode.FORBIDDEN, "The page's Origin is not trusted."),
    "epoch": (CloseCode.CONFLICT, "The database has another epoch: say hello again."),
    "replica_taken": (CloseCode.CONFLICT, "Say hello again with a new replica id."),
    "reauthenticate": (CloseCode.CONFLICT, "The password was changed: say hello again."),
    "other_user": (CloseCode.CONFLICT, "Another user's token: say hello with it."),
}


def ending_of(code: str, *, is_new: bool) -> tuple[CloseCode, str] | None:
    """The end that a fault with this code puts to a connection, in which hello was answered or,
    where it `is_new`, was not; None if it goes on.

    Without a welcome there is nothing to go on with; a message out of place means that the client
    is not where the session thinks it is.
    """
    ending = _ENDINGS.get(code)
    if ending is None and (is_new or code == "protocol"):
        close = CloseCode.INTERNAL if code == "internal" else CloseCode.PROTOCOL
        return close, f"See the error frame: {code}."[:100]
    return ending
