"""`sync/`: one address for what goes over HTTP instead of a socket.

    POST, application/octet-stream   frames of the binary protocol (see `server.exchange`)
    POST, application/json           a message of the text protocol, or a list of them
    GET  ?table=task&last_version=0  a page of a table

Who is signed in by a cookie has to send Django's CSRF token with a POST; without it the cookie
counts for nothing. A token in the Authorization header, which no page can make a browser send,
needs no other.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import RequestDataTooBig
from django.db import connections, transaction
from django.http import HttpRequest, HttpResponse
from django.middleware.csrf import CsrfViewMiddleware
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from crdt.errors import Malformed, RemoteFault, TooLarge

from .consumers import bounds
from .server.backend import Backend
from .server.exchange import exchange, joined
from .server.steps import CloseCode
from .sign_in.auth import Handshake, Refused
from .text import messages
from .text.http import answer_to, page_of
from .text.services import TextBackend

__all__ = ["sync"]

_View = Callable[[HttpRequest], HttpResponse]

BINARY: Final = "application/octet-stream"
JSON: Final = "application/json"
ONWARD: Final = "Pulse-Onward"

_UNCHECKED = (
    "This request came with a cookie and without the CSRF token that shows which page sent it: "
    "send the header X-CSRFToken, or a token in an Authorization header."
)

_STATUSES: Final[Mapping[str, int]] = {
    "unauthenticated": 401,
    "expired": 401,
    "forbidden": 403,
    "denied": 403,
    "reauthenticate": 401,
    "unknown_table": 404,
    "too_large": 413,
    "internal": 500,
}

_ENDS: Final[Mapping[int, int]] = {
    CloseCode.UNAUTHENTICATED: 401,
    CloseCode.FORBIDDEN: 403,
    CloseCode.CONFLICT: 409,
    CloseCode.INTERNAL: 500,
}


def _not_atomic(view: _View) -> _View:
    """Whatever ATOMIC_REQUESTS says: a batch is committed in parts, each before it is answered, and
    keeps no row of the others locked.
    """
    for alias in connections:
        view = transaction.non_atomic_requests(using=alias)(view)
    return view


@_not_atomic
@csrf_exempt  # it is checked below, where a cookie is what signs in
@login_not_required
@never_cache
@require_http_methods(["GET", "POST"])
def sync(request: HttpRequest) -> HttpResponse:
    """See the module's docstring. Faults are answered as `error` messages, with their status."""
    try:
        handshake = _handshake(request)
        if request.method == "GET":
            return _json(page_of(TextBackend(), handshake, request.GET))
        if request.content_type == BINARY:
            return _frames(request, handshake)
        if request.content_type == JSON:
            return _json(answer_to(TextBackend(), handshake, _body(request)))
        raise Malformed(f"The Content-Type of what is sent here is {BINARY} or {JSON}.")
    except RemoteFault as fault:
        said = messages.error(fault.code, str(fault))
        return HttpResponse(said, JSON, _STATUSES.get(fault.code, 400))


def _frames(request: HttpRequest, handshake: Handshake) -> HttpResponse:
    onward = request.headers.get(ONWARD, "")
    answer = exchange(Backend(), handshake, bounds(), _body(request), onward)
    status = 200 if answer.end is None else _ENDS.get(answer.end, 400)
    headers = {ONWARD: answer.onward} if answer.onward else {}
    return HttpResponse(joined(answer.frames), BINARY, status, headers=headers)


def _json(said: bytes) -> HttpResponse:
    return HttpResponse(said, JSON)


def _body(request: HttpRequest) -> bytes:
    try:
        return request.body
    except RequestDataTooBig:
        raise TooLarge(
            "This body is over the limit of DATA_UPLOAD_MAX_MEMORY_SIZE: send less at once."
        ) from None


def _handshake(request: HttpRequest) -> Handshake:
    """Who sent this; without its cookies, where these may be somebody else's doing."""
    if request.method == "GET" or _problem(request) is None:
        return Handshake(request, getattr(request, "user", None), is_checked=True)
    bare = HttpRequest()
    hidden = {"HTTP_COOKIE", "HTTP_ORIGIN"}
    bare.META = {name: value for name, value in request.META.items() if name not in hidden}
    handshake = Handshake(bare)
    if request.COOKIES and handshake.bearer is None:
        raise Refused(_UNCHECKED, code="forbidden")
    return handshake


class _Csrf(CsrfViewMiddleware):
    """Django's check, which says what is wrong instead of answering the request."""

    def _reject(self, request: HttpRequest, reason: str) -> Any:
        return reason


def _problem(request: HttpRequest) -> Any:
    """What Django's CSRF protection has against a request; None if there is nothing."""
    check = _Csrf(lambda _: HttpResponse())
    check.process_request(request)
    return check.process_view(request, _problem, (), {})
