"""Whom a token signs in, for how long, and what of it is asked again."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import ImproperlyConfigured, PermissionDenied
from django.test import override_settings

from django_pulse.authenticators import SignedIn, TokenExpired
from django_pulse.sign_in.auth import Refused, SignIn, current_user, renew, sign_in

from .test_auth import ORIGIN, ada, handshake, refusal, session_of

__all__ = ["ada"]  # a fixture

pytestmark = pytest.mark.django_db

SOON = datetime.now(UTC) + timedelta(hours=1)
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)

revoked: set[str] = set()
"""Tokens that `by_name` would not take any more."""


@pytest.fixture(autouse=True)
def _nothing_revoked() -> Iterator[None]:
    yield
    revoked.clear()


def by_name(token: str) -> Any:
    """An AUTHENTICATE function: the token is a name, or a name and how the token is."""
    name, _, kind = token.partition("/")
    user: Any = get_user_model().objects.filter(username=name).first()
    match kind:
        case "expired":
            raise TokenExpired
        case "banned":
            raise PermissionDenied
        case "anonymous":
            return AnonymousUser()
        case "stateless":
            return Stateless()
        case "hour":
            return SignedIn(user, SOON)
        case "past":
            return SignedIn(user, LONG_AGO)
        case "naive":
            return SignedIn(user, SOON.replace(tzinfo=None))
        case "nobody":
            return SignedIn(None)  # type: ignore[arg-type]
        case "asked":
            return SignedIn(user, recheck=lambda: _again(token))
    return user


def _again(token: str) -> Any:
    if "expired" in revoked:
        raise TokenExpired
    if "banned" in revoked:
        raise PermissionDenied
    name = token.partition("/")[0]
    return None if token in revoked else get_user_model().objects.get(username=name)


async def by_name_async(token: str) -> Any:
    return await get_user_model().objects.filter(username=token).afirst()


class Stateless:
    is_authenticated = True
    is_active = True
    pk = 1


def use(function: str = "by_name") -> override_settings:
    return override_settings(DJANGO_PULSE={"AUTHENTICATE": f"{__name__}.{function}"})


@pytest.mark.parametrize("function", ["by_name", "by_name_async"])
def test_authenticate_may_be_sync_or_async(ada: Any, function: str) -> None:
    with use(function):
        assert sign_in(handshake(), "ada") == SignIn(ada)


@use()
def test_a_token_of_an_active_user_is_accepted_whatever_the_origin(ada: Any) -> None:
    for origin in (None, "null", "http://evil.com"):
        assert sign_in(handshake(origin=origin), "ada") == SignIn(ada)


@use()
@pytest.mark.parametrize(
    "token", [None, "", "bob", "ada\0", "ada" * 5000, "ada/anonymous", "ada/nobody"]
)
def test_a_token_of_nobody_is_refused(ada: Any, token: str | None) -> None:
    del ada
    assert refusal(handshake(), token).code == "unauthenticated"


@use()
@pytest.mark.parametrize("token", ["ada/expired", "ada/past"])
def test_an_expired_token_is_told_apart_from_one_of_nobody(ada: Any, token: str) -> None:
    del ada
    fault = refusal(handshake(), token)
    assert fault.code == "expired"
    assert "get a new one" in str(fault)


@use()
def test_whoever_is_known_and_not_let_in_is_denied(ada: Any) -> None:
    assert refusal(handshake(), "ada/banned").code == "denied"
    get_user_model().objects.update(is_active=False)
    assert refusal(handshake(), "ada").code == "denied"
    del ada


def test_without_authenticate_no_token_signs_anybody_in(ada: Any) -> None:
    assert refusal(handshake(), ada.username).code == "unauthenticated"


@use()
def test_an_authenticate_that_returns_no_user_model_is_a_mistake_and_says_so(ada: Any) -> None:
    del ada
    with pytest.raises(ImproperlyConfigured, match=r"Stateless.*auth\.User"):
        sign_in(handshake(), "ada/stateless")
    with pytest.raises(ImproperlyConfigured, match="no time zone"):
        sign_in(handshake(), "ada/naive")


@use()
def test_a_token_helps_where_the_page_is_foreign_and_the_session_is_not_used(ada: Any) -> None:
    bob = get_user_model().objects.create_user("bob")
    key = session_of(ada).session_key
    assert sign_in(handshake(session=key, origin="http://evil.com"), "bob") == SignIn(bob)
    assert sign_in(handshake(session=key, origin=ORIGIN), "bob").user == ada


# Later


@use()
def test_the_end_of_a_token_is_the_end_of_the_sign_in(ada: Any) -> None:
    signed = sign_in(handshake(), "ada/hour")
    assert signed.seconds_left is not None
    assert 3500 < signed.seconds_left <= 3600
    assert current_user(signed) == ada
    assert refused_later(SignIn(ada, expires_at=LONG_AGO)) == "expired"


@use()
@pytest.mark.parametrize(
    ("change", "code"),
    [("ada/asked", "unauthenticated"), ("expired", "expired"), ("banned", "denied")],
)
def test_whoever_resolved_the_token_is_asked_again(ada: Any, change: str, code: str) -> None:
    signed = sign_in(handshake(), "ada/asked")
    assert current_user(signed) == ada
    revoked.add(change)
    assert refused_later(signed) == code


@use()
@pytest.mark.parametrize("token", ["ada", "ada/asked"])
def test_a_new_password_has_the_token_asked_for_anew(ada: Any, token: str) -> None:
    signed = sign_in(handshake(), token)
    ada.set_password("new")
    ada.save()
    assert refused_later(signed) == "reauthenticate"
    assert current_user(sign_in(handshake(), token)) == ada


@use()
def test_another_token_of_the_same_user_goes_on(ada: Any) -> None:
    renewed = renew(SignIn(ada), "ada/hour")
    assert renewed == SignIn(ada, expires_at=SOON)
    assert renew(renewed, "ada") == SignIn(ada)


@use()
@pytest.mark.parametrize(
    ("token", "code"),
    [
        ("", "unauthenticated"),
        ("nobody", "unauthenticated"),
        ("ada/expired", "expired"),
        ("ada/past", "expired"),
        ("ada/banned", "denied"),
        ("bob", "other_user"),
    ],
)
def test_a_token_that_signs_the_user_in_no_more_renews_nothing(
    ada: Any, token: str, code: str
) -> None:
    get_user_model().objects.create_user("bob")
    with pytest.raises(Refused) as caught:
        renew(SignIn(ada), token)
    assert caught.value.code == code


@use()
def test_a_session_that_a_token_renewed_still_ends_with_the_session(ada: Any) -> None:
    session = session_of(ada)
    signed = renew(SignIn(ada, session.session_key), "ada/asked")
    assert current_user(signed) == ada
    session.flush()
    assert refused_later(signed) == "unauthenticated"


def refused_later(signed: SignIn) -> str:
    with pytest.raises(Refused) as caught:
        current_user(signed)
    return caught.value.code
