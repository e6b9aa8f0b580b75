"""Whose a token is: ready-made functions for `DJANGO_PULSE["AUTHENTICATE"]`, and what one of your
own may answer.

    DJANGO_PULSE = {"AUTHENTICATE": "django_pulse.authenticators.drf_token"}
    DJANGO_PULSE = {"AUTHENTICATE": "django_pulse.authenticators.simplejwt"}

A function takes the token that a client sent and returns its user, or a `SignedIn` that also says
until when and how to ask again; None for a token that is nobody's. It raises `TokenExpired` for one
whose time has run out, and `PermissionDenied` where it knows the user and will not let them in.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from django.core.exceptions import PermissionDenied

if TYPE_CHECKING:
    from django.contrib.auth.base_user import AbstractBaseUser

__all__ = ["SignedIn", "TokenExpired", "drf_token", "simplejwt"]


class TokenExpired(Exception):
    """The token was good and its time has run out: the client asks its app for a new one."""


@dataclass(frozen=True, slots=True)
class SignedIn:
    """Who a token belongs to, and for how long.

    `expires_at` is an aware datetime; the connection ends then, unless the client sends another
    token before. `recheck` is called on each push and on a timer: whose the token is now, or None
    once it was revoked. Without it the user's own row is read again.
    """

    user: AbstractBaseUser
    expires_at: datetime | None = None
    recheck: Callable[[], AbstractBaseUser | None] | None = None


def drf_token(token: str) -> SignedIn | None:
    """The owner of a token of `rest_framework.authtoken`, until the token is deleted."""
    from rest_framework.authtoken.models import Token

    def owner() -> AbstractBaseUser | None:
        found: Any = Token.objects.select_related("user").filter(key=token).first()
        return None if found is None else found.user

    user = owner()
    return None if user is None else SignedIn(user, recheck=owner)


def simplejwt(token: str) -> SignedIn | None:
    """The user of an access token of `rest_framework_simplejwt`, until its `exp`.

    Its settings count: AUTH_TOKEN_CLASSES, USER_ID_CLAIM and, for an end with the next change of
    the password, CHECK_REVOKE_TOKEN.
    """
    claims = _claims(token)
    if claims is None:
        return None

    def owner() -> AbstractBaseUser | None:
        return _user_of_claims(claims)

    user = owner()
    expires_at = datetime.fromtimestamp(claims["exp"], UTC)
    return None if user is None else SignedIn(user, expires_at, owner)


def _claims(token: str) -> Any:
    from rest_framework_simplejwt.exceptions import ExpiredTokenError, TokenError
    from rest_framework_simplejwt.settings import api_settings

    expired = False
    for kind in api_settings.AUTH_TOKEN_CLASSES:
        try:
            return kind(token)
        except ExpiredTokenError:
            expired = True
        except TokenError:
            continue
    if expired:
        raise TokenExpired
    return None


def _user_of_claims(claims: Any) -> AbstractBaseUser | None:
    from rest_framework.exceptions import AuthenticationFailed
    from rest_framework_simplejwt.authentication import JWTAuthentication

    try:
        user: AbstractBaseUser = JWTAuthentication().get_user(claims)
    except AuthenticationFailed as error:
        if error.detail["code"] == "user_inactive":
            raise PermissionDenied from error
        return None
    return user
