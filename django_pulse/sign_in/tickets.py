"""Tickets: a page that is signed in gets one, and its socket signs in with it, once.

For sockets that bring no cookie: on another host than the page, or where what signs the page in is
no session at all. The page asks for a ticket by a POST that is protected as all others are, and
sends it as the token in `hello`.

Laws:

1. A ticket serves once, for `TICKET_SECONDS`, for the user it was given to; and only as long as the
   session, or the password, that this user had then.
2. Whether it was used is decided by the database, which all workers share: whoever deletes the row
   has the ticket.
3. The row holds a digest, never the ticket: whoever reads the table cannot sign in.
4. A forged or outdated ticket is refused before any query.
"""

from __future__ import annotations

import hashlib
import secrets
from datetime import timedelta
from typing import Any, Final

from django.contrib.auth import SESSION_KEY
from django.core.exceptions import PermissionDenied
from django.core.signing import BadSignature, SignatureExpired, TimestampSigner
from django.db import DEFAULT_DB_ALIAS
from django.http import HttpRequest
from django.utils import timezone

from ..authenticators import TokenExpired
from ..conf import conf
from ..tables import Ticket

__all__ = ["is_ticket", "issue", "redeem"]

PREFIX: Final = "pulse-ticket:"
"""How tickets begin, so that no AUTHENTICATE function is asked about them."""

NONCE_BYTES: Final = 32
"""Of randomness in a ticket: nobody guesses one, whatever became of the secret key."""

_SALT = "django_pulse.sign_in.tickets"


def issue(request: HttpRequest) -> str:
    """A new ticket for the user of this request; `PermissionDenied` where nobody is signed in."""
    user: Any = getattr(request, "user", None)
    if user is None or not user.is_authenticated or not user.is_active:
        raise PermissionDenied("Only who is signed in gets a ticket.")
    ticket = PREFIX + _signer().sign(secrets.token_urlsafe(NONCE_BYTES))
    now = timezone.now()
    rows = Ticket.objects.using(DEFAULT_DB_ALIAS)
    rows.filter(expires_at__lte=now).delete()
    rows.create(
        digest=_digest(ticket),
        user=str(user.pk),
        auth_hash=user.get_session_auth_hash(),
        session=_session_of(request, user),
        expires_at=now + timedelta(seconds=conf.TICKET_SECONDS),
    )
    return ticket


def is_ticket(token: str) -> bool:
    """Is this a ticket, good or not?"""
    return token.startswith(PREFIX)


def redeem(ticket: str) -> Ticket | None:
    """What the ticket stands for, and never again; None for one that was used, or is none of ours.

    Raises `TokenExpired` where it came too late.
    """
    try:
        _signer().unsign(
            ticket.removeprefix(PREFIX), max_age=timedelta(seconds=conf.TICKET_SECONDS)
        )
    except SignatureExpired:
        raise TokenExpired from None
    except BadSignature:
        return None
    rows = Ticket.objects.using(DEFAULT_DB_ALIAS)
    found = rows.filter(digest=_digest(ticket)).first()
    if found is None or not rows.filter(pk=found.pk).delete()[0]:
        return None
    return found


def _session_of(request: HttpRequest, user: Any) -> str | None:
    """The key of the session that keeps the user signed in, if one does."""
    session: Any = getattr(request, "session", None)
    if session is None or session.get(SESSION_KEY) != str(user.pk):
        return None
    key: str | None = session.session_key
    return key


def _signer() -> TimestampSigner:
    return TimestampSigner(salt=_SALT)


def _digest(ticket: str) -> str:
    return hashlib.sha256(ticket.encode()).hexdigest()
