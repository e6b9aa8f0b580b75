"""The ready-made AUTHENTICATE functions, on the real packages."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.test import override_settings
from rest_framework.authtoken.models import Token
from rest_framework_simplejwt.backends import TokenBackend
from rest_framework_simplejwt.settings import api_settings
from rest_framework_simplejwt.tokens import AccessToken, RefreshToken

from django_pulse.sign_in.auth import Refused, SignIn, current_user, sign_in

from .test_auth import ada, handshake, refusal

__all__ = ["ada"]  # a fixture

pytestmark = pytest.mark.django_db


def use(name: str) -> override_settings:
    return override_settings(DJANGO_PULSE={"AUTHENTICATE": f"django_pulse.authenticators.{name}"})


def refused_later(signed: SignIn) -> str:
    with pytest.raises(Refused) as caught:
        current_user(signed)
    return caught.value.code


def deactivate(user: Any) -> None:
    user.is_active = False
    user.save()


# rest_framework.authtoken


@use("drf_token")
def test_a_drf_token_signs_its_user_in_until_it_is_deleted(ada: Any) -> None:
    token = Token.objects.create(user=ada)
    signed = sign_in(handshake(), token.key)
    assert (signed.user, signed.seconds_left) == (ada, None)
    assert current_user(signed) == ada
    token.delete()
    assert refused_later(signed) == "unauthenticated"
    assert refusal(handshake(), token.key).code == "unauthenticated"


@use("drf_token")
def test_a_drf_token_of_a_deactivated_account_is_denied(ada: Any) -> None:
    token = Token.objects.create(user=ada)
    signed = sign_in(handshake(), token.key)
    deactivate(ada)
    assert refused_later(signed) == "denied"
    assert refusal(handshake(), token.key).code == "denied"


@use("drf_token")
@pytest.mark.parametrize("token", ["x" * 40, "\u00e9", "Token abc", "a\0b"])
def test_no_other_text_is_a_drf_token(ada: Any, token: str) -> None:
    Token.objects.create(user=ada)
    assert refusal(handshake(), token).code == "unauthenticated"


@use("drf_token")
def test_looking_at_a_drf_token_again_is_one_query(
    ada: Any, django_assert_num_queries: Any
) -> None:
    signed = sign_in(handshake(), Token.objects.create(user=ada).key)
    with django_assert_num_queries(1):
        current_user(signed)


# rest_framework_simplejwt


@use("simplejwt")
def test_an_access_token_signs_its_user_in_until_it_expires(ada: Any) -> None:
    token = AccessToken.for_user(ada)
    signed = sign_in(handshake(), str(token))
    assert signed.user == ada
    assert signed.expires_at == datetime.fromtimestamp(token["exp"], UTC)
    assert current_user(signed) == ada


@use("simplejwt")
def test_an_access_token_whose_time_has_run_out_is_expired(ada: Any) -> None:
    token = AccessToken.for_user(ada)
    token.set_exp(lifetime=-timedelta(seconds=1))
    assert refusal(handshake(), str(token)).code == "expired"


@use("simplejwt")
def test_a_refresh_token_signs_nobody_in(ada: Any) -> None:
    assert refusal(handshake(), str(RefreshToken.for_user(ada))).code == "unauthenticated"


@use("simplejwt")
def test_a_token_signed_by_somebody_else_is_refused_expired_or_not(ada: Any) -> None:
    tokens = [AccessToken.for_user(ada), AccessToken.for_user(ada)]
    tokens[1].set_exp(lifetime=-timedelta(seconds=1))
    forger = TokenBackend("HS256", "somebody else's key of 32 bytes.")
    forged = [forger.encode(token.payload) for token in tokens]
    for token in [*forged, "", "a.b.c", "e30.e30.", "\u00e9"]:
        assert refusal(handshake(), token).code == "unauthenticated"


@use("simplejwt")
def test_an_access_token_of_a_deactivated_or_deleted_account_is_refused(ada: Any) -> None:
    token = str(AccessToken.for_user(ada))
    signed = sign_in(handshake(), token)
    deactivate(ada)
    assert refused_later(signed) == "denied"
    assert refusal(handshake(), token).code == "denied"
    get_user_model().objects.all().delete()
    assert refused_later(signed) == "unauthenticated"
    assert refusal(handshake(), token).code == "unauthenticated"


@use("simplejwt")
def test_a_new_password_revokes_access_tokens_where_simplejwt_is_told_so(
    ada: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api_settings, "CHECK_REVOKE_TOKEN", True)
    token = str(AccessToken.for_user(ada))
    signed = sign_in(handshake(), token)
    ada.set_password("new")
    ada.save()
    assert refused_later(signed) == "unauthenticated"
    assert refusal(handshake(), token).code == "unauthenticated"
