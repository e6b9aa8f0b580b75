"""The URL of a server, checked before anything is sent to it."""

from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import SplitResult, urlsplit

from .errors import BadAddress

__all__ = ["Address", "read_address"]

_HTTP_OF = {"ws": "http", "wss": "https"}
_WS_OF = {"http": "ws", "https": "wss"}
_DEFAULT_PORT = {"ws": 80, "wss": 443}


@dataclass(frozen=True, slots=True)
class Address:
    """Where the server is, and the Origin that its own pages would have.

    `local` is whether the host is this very machine: no HTTP proxy stands between.
    """

    url: str
    origin: str
    local: bool


def read_address(url: str) -> Address:
    """`url` as an `Address`; BadAddress where it cannot be one, with what to write instead."""
    if not isinstance(url, str):
        raise BadAddress(f"The URL of the server must be a string, not {type(url).__name__}.")
    parts = _split(url)
    if parts.scheme not in _HTTP_OF:
        raise BadAddress(_wrong_scheme(url, parts.scheme))
    if not parts.hostname:
        raise BadAddress(
            f"{url!r} names no host: write it like 'wss://example.com/ws/pulse/sync/'."
        )
    if parts.username is not None or parts.password is not None:
        raise BadAddress(
            "A user name or password inside the URL would be sent as it is and end up in logs: "
            "give connect() a token, cookies or headers instead."
        )
    if parts.fragment:
        raise BadAddress(f"{url!r} has a fragment ('#...'), which is never sent: leave it out.")
    return Address(url, _origin(parts), _is_local(parts.hostname))


def _split(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        _ = parts.port  # checked only when it is asked for
    except ValueError as error:
        raise BadAddress(f"{url!r} is not a URL: {error}.") from None
    return parts


def _wrong_scheme(url: str, scheme: str) -> str:
    if scheme in _WS_OF:
        right = _WS_OF[scheme] + url[len(scheme) :]
        return f"{url!r} is a page's address, sync goes over a WebSocket: write {right!r}."
    return f"{url!r} must start with 'wss://' (or 'ws://' on a machine of your own)."


def _origin(parts: SplitResult) -> str:
    host = (parts.hostname or "").lower()
    if ":" in host:
        host = f"[{host}]"
    standard = parts.port is None or parts.port == _DEFAULT_PORT[parts.scheme]
    return f"{_HTTP_OF[parts.scheme]}://{host}" + ("" if standard else f":{parts.port}")


def _is_local(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
