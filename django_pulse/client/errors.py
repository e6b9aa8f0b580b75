"""What can go wrong on the device, and whose fault it is.

`LocalFault`s are for the app on this device to mend (a wrong URL, a store that is in use),
`RemoteFault`s for the server or whoever runs it; `Unreachable` is nobody's: the network comes and
goes, and the client goes on trying by itself. Local edits never raise any of the network's errors:
they are written to the store, connected or not.
"""

from crdt.errors import LocalFault, PulseError, RemoteFault

__all__ = [
    "AccountDenied",
    "BadAddress",
    "ClosedPulse",
    "LocalFault",
    "Offline",
    "OriginRefused",
    "PulseError",
    "RefusedByServer",
    "RemoteFault",
    "SignInExpired",
    "SignInRefused",
    "StoreFault",
    "StoreInUse",
    "TimedOut",
    "TokenFailed",
    "Unreachable",
    "WrongEndpoint",
]


class BadAddress(LocalFault):
    """The URL given to `connect` cannot be the address of a Pulse server."""


class StoreFault(LocalFault):
    """The store's file cannot be read or written; nothing of the failed write was kept."""


class StoreInUse(StoreFault):
    """Another process, or another `connect`, has this store open."""


class ClosedPulse(LocalFault):
    """The `async with connect(...)` block was left; open it again to go on."""


class Offline(LocalFault):
    """Waiting for the server makes no sense: the app itself called `offline()`."""


class TokenFailed(LocalFault):
    """The app's token callback raised, or returned something that is not a token."""


class TimedOut(PulseError, TimeoutError):
    """The server had not got this far when the timeout passed; nothing is lost."""


class Unreachable(PulseError):
    """The server cannot be reached just now; the client goes on trying."""


class WrongEndpoint(RemoteFault):
    """Something answers at the URL, but it is not Django Pulse."""

    def __init__(self, message: str, *, code: str = "wrong_endpoint") -> None:
        super().__init__(message, code=code)


class SignInRefused(RemoteFault):
    """The server does not accept who this client says it is.

    The client stops knocking until it has another token: from its token callback, from
    `Pulse.sign_in(token)`, or because the app calls `Pulse.online()`.
    """

    def __init__(self, message: str, *, code: str = "unauthenticated") -> None:
        super().__init__(message, code=code)


class SignInExpired(SignInRefused):
    """The token was good, and its time has run out: the token callback is asked for another one."""

    def __init__(self, message: str, *, code: str = "expired") -> None:
        super().__init__(message, code=code)


class AccountDenied(SignInRefused):
    """The server knows who this is and does not let them in: the account was deactivated.

    The client stops, whatever its token callback could give, until `Pulse.sign_in(token)` or
    `Pulse.online()`.
    """

    def __init__(self, message: str, *, code: str = "denied") -> None:
        super().__init__(message, code=code)


class OriginRefused(RemoteFault):
    """The server does not accept connections from this client's Origin."""

    def __init__(self, message: str, *, code: str = "forbidden") -> None:
        super().__init__(message, code=code)


class RefusedByServer(RemoteFault):
    """The server ended the conversation over something this client sent, and says what."""
