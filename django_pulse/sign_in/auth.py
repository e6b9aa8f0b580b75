"""Who is behind a socket, and whether they still may be.

In this order:
1. the user some middleware has put into the scope;
2. the user of Django's session cookie, read here when no middleware was wrapped;
3. the user that the token in `hello` belongs to: one of our own tickets (see `tickets`), or
   whatever `DJANGO_PULSE["AUTHENTICATE"]` knows.

The first two hang on what the browser sends by itself, so they count only where the page that
opened the socket is one of ours (see `origin`). Inactive users are refused.

Whoever brings none of these is anonymous, and refused unless `ALLOW_ANONYMOUS` is set. A token that
is no good, or a session that has ended, makes nobody anonymous: it is told so.

A sign-in ends with what it hangs on: the session, the token's time, the account. A new password
ends every one; whoever holds a token is asked for it anew, and AUTHENTICATE decides again.

Everything here may query the database: call it through `threads.run`.
"""

from __future__ import annotations

import hashlib
import inspect
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cache
from importlib import import_module
from typing import Any

from asgiref.sync import async_to_sync
from django.conf import settings
from django.contrib.auth import SESSION_KEY, get_user_model
from django.contrib.auth import get_user as user_of_session
from django.contrib.auth.base_user import AbstractBaseUser
from django.core.exceptions import ImproperlyConfigured, PermissionDenied
from django.db import connections
from django.http import HttpRequest, parse_cookie
from django.utils import timezone
from django.utils.crypto import constant_time_compare
from django.utils.module_loading import import_string

from crdt.errors import RemoteFault

from ..authenticators import SignedIn, TokenExpired
from ..conf import conf
from ..prepared import Prepared, is_fixed
from ..tables import Ticket
from . import tickets
from .origin import HandshakeRequest, origin_allowed

__all__ = ["GONE", "Handshake", "Refused", "SignIn", "current_user", "name_of_session", "renew"]
__all__ += ["sign_in", "stored_user"]

logger = logging.getLogger(__name__)

# Characters of a token. The longest in use, signed ones with many claims, stay below the 8 KiB
# that web servers allow a header.
MAX_TOKEN_CHARS = 8192

BEARERS = frozenset({"bearer", "token"})
"""The words before a token in an Authorization header."""

NOBODY = (
    "Sign in first: no signed-in user came with the connection, and hello brought no token that "
    "this server accepts."
)
FOREIGN = (
    "The page that opened this connection is not one this server trusts: its Origin is neither "
    "the server's own host nor in CSRF_TRUSTED_ORIGINS. Without a trusted Origin, sign in with a "
    "token in hello."
)
GONE = "You are no longer signed in: the account or the session has ended. Sign in again."
EXPIRED = "The token's time has run out: get a new one, and connect again with it."
DENIED = "This account may not sign in: it was deactivated, or the server will not let it in."
AGAIN = "The password was changed: connect again, so that the server can ask who you are."
OTHER_USER = "This token is somebody else's: close the connection, and open another one with it."


class Refused(RemoteFault):
    """Nobody we may serve.

    The code says why: "unauthenticated" (nobody is signed in), "expired" (the token was good,
    once), "denied" (the account is not let in), "forbidden" (the page is foreign), "reauthenticate"
    (who it is has to be asked again), "other_user" (a connection stays with its user).
    """


@dataclass(frozen=True, slots=True)
class Handshake:
    """What the opening request of a socket, or a request, says about its sender.

    `is_checked` says that it is known to come from a page of ours: its CSRF token was checked.
    """

    request: HttpRequest
    user: Any = None
    is_checked: bool = False

    @classmethod
    def of(cls, scope: Mapping[str, Any]) -> Handshake:
        """Of an ASGI connection scope. Touches no database: a lazy user stays lazy."""
        return cls(HandshakeRequest(scope), scope.get("user"))

    @property
    def session_key(self) -> str | None:
        """The session cookie's value, where it can be one."""
        cookies = parse_cookie(self.request.META.get("HTTP_COOKIE", ""))
        key = cookies.get(settings.SESSION_COOKIE_NAME, "")
        return key if key and key.isascii() and key.isprintable() else None

    @property
    def from_browser(self) -> bool:
        """Whether the sender may be a foreign page acting with its visitor's ambient rights."""
        if self.is_checked:
            return False
        return "HTTP_COOKIE" in self.request.META or "HTTP_ORIGIN" in self.request.META

    @property
    def bearer(self) -> str | None:
        """The token in its Authorization header, as no browser sends it by itself."""
        header = str(self.request.META.get("HTTP_AUTHORIZATION", ""))
        scheme, _, token = header.partition(" ")
        return token.strip() or None if scheme.lower() in BEARERS else None


@dataclass(frozen=True, slots=True)
class SignIn:
    """A signed-in user, and what that hangs on.

    An anonymous one is Django's AnonymousUser. `session_key` where a session keeps them signed in,
    `expires_at` where a token has an end, and `recheck` where whoever resolved the token can say
    whose it is by now.
    """

    user: AbstractBaseUser
    session_key: str | None = None
    expires_at: datetime | None = None
    recheck: Callable[[], AbstractBaseUser | None] | None = field(default=None, compare=False)

    def ends_with(self, ended: str) -> bool:
        """Was it this session (see `name_of_session`) that has ended?"""
        return self.session_key is not None and name_of_session(self.session_key) == ended

    @property
    def is_anonymous(self) -> bool:
        """Is this nobody, let in to read what everybody may?"""
        return self.user.is_anonymous

    @property
    def seconds_left(self) -> float | None:
        """How long it lasts, at least 0; None where it has no end of its own."""
        if self.expires_at is None:
            return None
        return max((self.expires_at - timezone.now()).total_seconds(), 0.0)


def name_of_session(key: str) -> str:
    """A session's name among ourselves: with the key itself, whoever reads it could sign in."""
    return hashlib.sha256(key.encode()).hexdigest()


def sign_in(handshake: Handshake, token: str | None) -> SignIn:
    """Who this is. Raises `Refused`, with the reason, where it is nobody we may serve.

    For a page that is not trusted nothing is looked up: the answer must not tell it whether its
    visitor is signed in here.
    """
    token = token or handshake.bearer
    trusted = not handshake.from_browser or origin_allowed(handshake.request)
    signed = _ambient(handshake) if trusted else None
    if signed is None and token:
        signed = _sign_in_by_token(token)
    if signed is not None:
        return signed
    if trusted and not token and _may_be_anonymous(handshake):
        return SignIn(_nobody())
    if trusted or token:
        raise Refused(NOBODY, code="unauthenticated")
    logger.warning("Refused a WebSocket %s.", _origin_problem(handshake.request))
    raise Refused(FOREIGN, code="forbidden")


def renew(signed: SignIn, token: str) -> SignIn:
    """The sign-in that another token of the same user makes of this one; else `Refused`."""
    fresh = _sign_in_by_token(token)
    if fresh is None:
        raise Refused(NOBODY, code="unauthenticated")
    if fresh.user.pk != signed.user.pk:
        raise Refused(OTHER_USER, code="other_user")
    return replace(fresh, session_key=fresh.session_key or signed.session_key)


def current_user(signed: SignIn) -> AbstractBaseUser:
    """The same user as the database has them now; `Refused` once they may not be served."""
    if signed.is_anonymous:
        if not conf.ALLOW_ANONYMOUS:
            raise Refused(NOBODY, code="unauthenticated")
        return signed.user
    if signed.seconds_left == 0:
        raise Refused(EXPIRED, code="expired")
    user = _read_again(signed)
    if user is None or user.pk != signed.user.pk:
        known = stored_user(signed.user)
        if known is None or known.is_active:
            raise Refused(GONE, code="unauthenticated")
        user = known
    if not user.is_active:
        raise Refused(DENIED, code="denied")
    if user.get_session_auth_hash() != signed.user.get_session_auth_hash():
        raise Refused(AGAIN, code="reauthenticate")
    return user


def _may_be_anonymous(handshake: Handshake) -> bool:
    """Whoever has a session in which somebody was signed in, or one that is gone, may not: it was
    somebody, and is to sign in again.
    """
    if not conf.ALLOW_ANONYMOUS:
        return False
    if handshake.session_key is None:
        return True
    stored = _session_store(handshake.session_key).load()
    return bool(stored) and SESSION_KEY not in stored


def _nobody() -> Any:
    from django.contrib.auth.models import AnonymousUser  # whose module needs loaded apps

    return AnonymousUser()


def _read_again(signed: SignIn) -> AbstractBaseUser | None:
    """Whoever this sign-in stands for now."""
    if signed.session_key is not None:
        owner = _user_of_session(signed.session_key)
        if owner is None or owner.pk != signed.user.pk or signed.recheck is None:
            return owner
    if signed.recheck is None:
        return stored_user(signed.user)
    try:
        return signed.recheck()
    except TokenExpired:
        raise Refused(EXPIRED, code="expired") from None
    except PermissionDenied:
        raise Refused(DENIED, code="denied") from None


def _ambient(handshake: Handshake) -> SignIn | None:
    """The sign-in that came with the request itself: the scope's user, else the session's."""
    key = handshake.session_key
    owner = _user_of_session(key) if key is not None else None
    user = handshake.user
    if user is None or not user.is_authenticated:
        return SignIn(owner, key) if owner is not None else None
    fresh = stored_user(user)
    if fresh is None:
        return None
    if not fresh.is_active:
        raise Refused(DENIED, code="denied")
    # Where a middleware has read the same session, its end is the end of the sign-in, too.
    return SignIn(fresh, key if owner is not None and owner.pk == fresh.pk else None)


def _user_of_session(key: str) -> AbstractBaseUser | None:
    """The active user of a session, verified as Django does for a request, changing nothing."""
    request = HttpRequest()
    stored = _session_store(key).load()
    request.session = _Frozen(stored)  # type: ignore[assignment] # all that is used of a session
    user = user_of_session(request)
    return user if isinstance(user, AbstractBaseUser) and user.is_active else None


def _session_store(key: str) -> Any:
    return import_module(settings.SESSION_ENGINE).SessionStore(key)


class _Frozen(dict[str, Any]):
    """A session's data, cut off from where it is stored.

    Django renews or drops a session whose hash is old, and tells the browser by a cookie; a
    socket can send none, so it must leave the session as it is.
    """

    def cycle_key(self) -> None: ...

    def flush(self) -> None: ...


def _sign_in_by_token(token: str) -> SignIn | None:
    """Whoever used a ticket, or what the project's AUTHENTICATE function says of the token."""
    # PostgreSQL takes no NUL: a function that looks the token up would fail instead of answering.
    if len(token) > MAX_TOKEN_CHARS or "\0" in token:
        return None
    try:
        if tickets.is_ticket(token):
            return _sign_in_by_ticket(tickets.redeem(token))
        found = _authenticate(token)
    except TokenExpired:
        raise Refused(EXPIRED, code="expired") from None
    except PermissionDenied:
        raise Refused(DENIED, code="denied") from None
    answer = found if isinstance(found, SignedIn) else SignedIn(found)
    return _checked(answer.user, answer)


def _authenticate(token: str) -> Any:
    if conf.AUTHENTICATE is None:
        return None
    authenticate = import_string(conf.AUTHENTICATE)
    if inspect.iscoroutinefunction(authenticate):
        authenticate = async_to_sync(authenticate)
    return authenticate(token)


def _sign_in_by_ticket(ticket: Ticket | None) -> SignIn | None:
    """What the page that asked for the ticket was signed in by, if that still holds."""
    if ticket is None:
        return None
    user = get_user_model()._default_manager.filter(pk=ticket.user).first()
    if user is None or not constant_time_compare(user.get_session_auth_hash(), ticket.auth_hash):
        return None
    if not user.is_active:
        raise Refused(DENIED, code="denied")
    signed = SignIn(user, ticket.session)
    return signed if _read_again(signed) == user else None


def _checked(user: Any, answer: SignedIn) -> SignIn | None:
    """The sign-in that AUTHENTICATE's answer stands for, if it is one that still holds."""
    if user is None or not user.is_authenticated:
        return None
    if not isinstance(user, get_user_model()):
        raise ImproperlyConfigured(
            f"DJANGO_PULSE['AUTHENTICATE'] returned a {type(user).__name__}: it must return an "
            f"instance of {settings.AUTH_USER_MODEL}, a SignedIn with one, or None."
        )
    if answer.expires_at is not None and timezone.is_naive(answer.expires_at):
        raise ImproperlyConfigured(
            "DJANGO_PULSE['AUTHENTICATE'] returned a SignedIn whose expires_at has no time zone: "
            "write datetime.fromtimestamp(seconds, UTC)."
        )
    signed = SignIn(user, None, answer.expires_at, answer.recheck)
    if signed.seconds_left == 0:
        raise Refused(EXPIRED, code="expired")
    if not user.is_active:
        raise Refused(DENIED, code="denied")
    return signed


def stored_user(user: Any) -> AbstractBaseUser | None:
    """The user's row as it is now; None where it is gone."""
    model = get_user_model()
    manager = model._default_manager
    if not is_fixed(manager):
        return manager.filter(pk=user.pk).first()
    key = model._meta.pk.get_db_prep_value(user.pk, connections[manager.db])
    rows = _prepared_users(model).rows(manager.db, key)
    return model.from_db(manager.db, _columns(model), rows[0]) if rows else None


@cache
def _prepared_users(model: type[AbstractBaseUser]) -> Prepared:
    return Prepared(lambda pk: model._default_manager.filter(pk=pk).values_list(*_columns(model)))


def _columns(model: type[AbstractBaseUser]) -> list[str]:
    return [field.attname for field in model._meta.concrete_fields]


def _origin_problem(request: HttpRequest) -> str:
    """For the log, where a foreign page's text is printed so that it cannot forge a line."""
    sender = request.META["REMOTE_ADDR"]
    origin = request.META.get("HTTP_ORIGIN")
    if origin is None:
        return f"from {sender}: it came with cookies and without an Origin header"
    return (
        f"from {sender}: its Origin {origin[:200]!a} is neither this host "
        "nor in CSRF_TRUSTED_ORIGINS"
    )
