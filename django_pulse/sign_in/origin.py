"""Which web pages may open a socket with their visitor's cookies.

A browser sends a site's cookies along with a WebSocket handshake that any page started, and no
CORS rule applies to it. Only the `Origin` header, which a page cannot forge, tells who asked.
So whoever is signed in by a cookie must come from

- the very host the request is for, by Django's own rules for it (`ALLOWED_HOSTS`,
  `USE_X_FORWARDED_HOST`, `SECURE_PROXY_SSL_HEADER`), or
- an origin in `CSRF_TRUSTED_ORIGINS`, wildcard subdomains included.

`ALLOWED_HOSTS = ["*"]` says which names this server answers to. It says nothing about origins.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import SplitResult, urlsplit

from django.conf import settings
from django.core.exceptions import DisallowedHost
from django.http import HttpRequest
from django.http.request import split_domain_port
from django.utils.http import is_same_domain

__all__ = ["HandshakeRequest", "origin_allowed"]

_DEFAULT_PORTS = {"http": "80", "https": "443"}


class HandshakeRequest(HttpRequest):
    """The opening handshake of a WebSocket, as Django's own checks of a request want to see it."""

    def __init__(self, scope: Mapping[str, Any]) -> None:
        super().__init__()
        self._secure = scope.get("scheme") in ("wss", "https")
        server = scope.get("server") or ("unknown", 0)
        client = scope.get("client") or ("an unknown address", 0)
        self.META = {
            "REMOTE_ADDR": client[0],
            "SERVER_NAME": server[0],
            # A unix socket has no port; Django joins this one to the name only without a Host.
            "SERVER_PORT": str(server[1] or 0),
            "QUERY_STRING": scope.get("query_string", b"").decode("latin-1"),
            **_meta(scope.get("headers", ())),
        }
        self.path = self.path_info = scope.get("path", "")
        self.method = "GET"

    def _get_scheme(self) -> str:
        return "https" if self._secure else "http"


def _meta(headers: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    """Headers under their CGI names.

    Repeated ones are joined, and two hosts or origins joined make no valid one: a request that
    names both a good one and a bad one is refused.
    """
    meta: dict[str, str] = {}
    for raw_name, raw_value in headers:
        if b"_" in raw_name:
            continue  # `x_forwarded_host` would pass for the `x-forwarded-host` a proxy sets.
        name = "HTTP_" + raw_name.decode("latin-1").upper().replace("-", "_")
        value = raw_value.decode("latin-1")
        glue = "; " if name == "HTTP_COOKIE" else ","
        meta[name] = meta[name] + glue + value if name in meta else value
    return meta


def origin_allowed(request: HttpRequest) -> bool:
    """Whether the request's Origin is its own host or trusted. A missing one is not."""
    text = request.META.get("HTTP_ORIGIN", "")
    origin = _parse(text)
    if origin is None:
        return False
    return _is_own_host(origin, request) or _is_trusted(text.lower(), origin)


def _parse(text: str) -> SplitResult | None:
    """A serialised web origin, `scheme://host[:port]` and nothing else; None for other text."""
    try:
        origin = urlsplit(text.lower())
    except ValueError:
        return None
    if origin.scheme not in _DEFAULT_PORTS or text.lower() != f"{origin.scheme}://{origin.netloc}":
        return None
    return origin if split_domain_port(origin.netloc)[0] else None


def _is_own_host(origin: SplitResult, request: HttpRequest) -> bool:
    """Same host and port, and never a plain page at a secure socket.

    Anybody on the way could have written the plain page.
    """
    try:
        host = request.get_host()
    except DisallowedHost:
        return False
    if request.is_secure() and origin.scheme != "https":
        return False
    return _address(origin.netloc, origin.scheme) == _address(host, origin.scheme)


def _address(netloc: str, scheme: str) -> tuple[str, str]:
    domain, port = split_domain_port(netloc)
    return domain, port or _DEFAULT_PORTS[scheme]


def _is_trusted(text: str, origin: SplitResult) -> bool:
    """The rule of Django's CsrfViewMiddleware: exact, or a `*.` pattern of the same scheme."""
    for trusted in settings.CSRF_TRUSTED_ORIGINS:
        if "*" not in trusted:
            if text == trusted.lower():
                return True
            continue
        pattern = urlsplit(trusted.lower())
        if pattern.scheme == origin.scheme and is_same_domain(
            origin.netloc, pattern.netloc.lstrip("*")
        ):
            return True
    return False
