"""Opening the WebSocket, and what a failure to open it means in plain English."""

import ssl
from collections.abc import Mapping
from typing import Any

from websockets.asyncio.client import ClientConnection
from websockets.asyncio.client import connect as websockets_connect
from websockets.exceptions import (
    ConnectionClosed,
    InvalidHandshake,
    InvalidMessage,
    InvalidStatus,
    InvalidUpgrade,
)
from websockets.typing import Origin

from .address import Address
from .errors import (
    OriginRefused,
    PulseError,
    RefusedByServer,
    SignInRefused,
    Unreachable,
    WrongEndpoint,
)

__all__ = ["open_socket", "why_closed", "why_not_open"]

# Seconds for TCP, TLS and the HTTP upgrade together: a mobile network waking up needs several.
OPEN_SECONDS = 15
# Seconds to wait for the server's half of a close; going offline should not feel stuck.
CLOSE_SECONDS = 2
# Bytes of one frame, after decompression. A page is at most a megabyte unless one single document
# is larger; this bounds what a broken server can make a phone allocate.
MAX_FRAME_BYTES = 64 << 20

_BROKEN_STATUS = 500
_GATEWAY_STATUSES = frozenset({408, 425, 429, 502, 503, 504})
_CLOSED_UNAUTHENTICATED = 4401
_CLOSED_FORBIDDEN = 4403
_CLOSED_TOO_SLOW = 4408
_CLOSED_CONFLICT = 4409
_CLOSED_PROTOCOL = 4400


class _Opening(websockets_connect):
    """Follows no redirect: the token in `hello` must not reach a host that the app did not name."""

    def process_redirect(self, exc: Exception) -> Exception | str:
        return exc


async def open_socket(
    address: Address, headers: Mapping[str, str], context: ssl.SSLContext | None
) -> ClientConnection:
    """A connected WebSocket; raises what `why_not_open` says otherwise."""
    options: dict[str, Any] = {} if context is None else {"ssl": context}
    try:
        return await _Opening(
            address.url,
            origin=Origin(address.origin),
            additional_headers=dict(headers),
            proxy=None if address.local else True,
            open_timeout=OPEN_SECONDS,
            close_timeout=CLOSE_SECONDS,
            max_size=MAX_FRAME_BYTES,
            **options,
        )
    except (OSError, InvalidHandshake, ConnectionClosed, EOFError, ImportError) as error:
        raise why_not_open(error, address) from error


def why_not_open(error: Exception, address: Address) -> PulseError:
    """The failed attempt `error` as one of this package's errors."""
    if isinstance(error, InvalidStatus):
        return _why_status(error.response.status_code, error.response.headers, address)
    if isinstance(error, InvalidMessage | EOFError) and _was_cut(error):
        return Unreachable(f"{address.url} hung up before it had answered.")
    if isinstance(error, InvalidMessage | InvalidUpgrade):
        return WrongEndpoint(
            f"{address.url} does not answer as a WebSocket: check the port, and whether the URL "
            "should start with 'wss://' rather than 'ws://' (or the other way round)."
        )
    if isinstance(error, ssl.SSLError):
        return WrongEndpoint(f"No secure connection to {address.url}: {error}.")
    if isinstance(error, TimeoutError):
        return Unreachable(f"{address.url} did not answer within {OPEN_SECONDS} seconds.")
    return Unreachable(f"{address.url} cannot be reached: {error}.")


def _was_cut(error: BaseException | None) -> bool:
    """Whether the answer is missing rather than wrong: as when a server or a proxy restarts."""
    while error is not None:
        if isinstance(error, EOFError | ConnectionError):
            return True
        error = error.__cause__
    return False


def _why_status(status: int, headers: Mapping[str, str], address: Address) -> PulseError:
    if status in (401, 403):
        return SignInRefused(
            f"The server answered {status}: it refused this client's sign-in (session cookie or "
            f"headers) or its Origin, {address.origin}."
        )
    if status in _GATEWAY_STATUSES:
        return Unreachable(f"The server answered {status}: it is busy or restarting.")
    if 300 <= status < 400:
        return WrongEndpoint(
            f"The server answered {status} and points to {headers.get('Location', 'nowhere')!r}: "
            "give connect() the final URL. Redirects are not followed, so that a token "
            "never reaches a host that you did not name."
        )
    if status >= _BROKEN_STATUS:
        return WrongEndpoint(
            f"The server answered {status} before opening the WebSocket: its log says why. A path "
            "that is not in django_pulse.routing.websocket_urlpatterns is answered like this too."
        )
    return WrongEndpoint(
        f"The server answered {status}: is django_pulse.routing.websocket_urlpatterns in asgi.py "
        "and does the server speak WebSocket (daphne or uvicorn, not plain runserver)?"
    )


def why_closed(error: ConnectionClosed, address: Address) -> PulseError:
    """What the end of a connection that stood means."""
    code = error.rcvd.code if error.rcvd is not None else None
    reason = error.rcvd.reason if error.rcvd is not None else ""
    if code == _CLOSED_UNAUTHENTICATED:
        return SignInRefused(reason or "The server does not know who this is: sign in again.")
    if code == _CLOSED_FORBIDDEN:
        return OriginRefused(
            f"The server does not accept the Origin {address.origin}: add it to "
            f"CSRF_TRUSTED_ORIGINS. {reason}".rstrip()
        )
    if code == _CLOSED_PROTOCOL:
        return RefusedByServer(
            reason or "The server says the protocol was broken.", code="protocol"
        )
    if code == _CLOSED_TOO_SLOW:
        return Unreachable(f"The server gave up on this client as too slow. {reason}".rstrip())
    if code == _CLOSED_CONFLICT:
        return Unreachable(f"The server asks to start over. {reason}".rstrip())
    return Unreachable(f"The connection to {address.url} was lost ({error}).")
