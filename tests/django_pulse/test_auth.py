"""Who a socket belongs to, before and after it has been opened."""

from __future__ import annotations

import logging
from importlib import import_module
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth import (
    BACKEND_SESSION_KEY,
    HASH_SESSION_KEY,
    SESSION_KEY,
    get_user_model,
)
from django.contrib.auth.models import AnonymousUser
from django.test import override_settings
from django.utils.functional import SimpleLazyObject

from django_pulse.sign_in.auth import Handshake, Refused, SignIn, current_user, sign_in

pytestmark = pytest.mark.django_db

ORIGIN = "http://testserver"


@pytest.fixture
def ada() -> Any:
    return get_user_model().objects.create_user("ada", password="countess")


def session_of(user: Any) -> Any:
    """A session as django.contrib.auth.login() leaves it."""
    store = import_module(settings.SESSION_ENGINE).SessionStore()
    store[SESSION_KEY] = str(user.pk)
    store[BACKEND_SESSION_KEY] = "django.contrib.auth.backends.ModelBackend"
    store[HASH_SESSION_KEY] = user.get_session_auth_hash()
    store.save()
    return store


def handshake(
    *, user: Any = None, session: str | None = None, origin: str | None = None, cookie: str = ""
) -> Handshake:
    headers = [(b"host", b"testserver")]
    if session is not None:
        cookie = f"other=1; sessionid={session}"
    if cookie:
        headers.append((b"cookie", cookie.encode()))
    if origin is not None:
        headers.append((b"origin", origin.encode()))
    scope = {"type": "websocket", "scheme": "ws", "path": "/", "headers": headers}
    return Handshake.of(scope if user is None else scope | {"user": user})


def refusal(shake: Handshake, token: str | None = None) -> Refused:
    with pytest.raises(Refused) as caught:
        sign_in(shake, token)
    return caught.value


# The user in the scope


def test_a_user_that_middleware_signed_in_is_kept(ada: Any) -> None:
    assert sign_in(handshake(user=ada), None) == SignIn(ada)


def test_a_lazy_user_is_evaluated_into_a_real_one(ada: Any) -> None:
    signed = sign_in(handshake(user=SimpleLazyObject(lambda: ada)), None)
    assert type(signed.user) is get_user_model()


def test_an_anonymous_user_in_the_scope_signs_nobody_in() -> None:
    assert refusal(handshake(user=AnonymousUser())).code == "unauthenticated"


def test_a_user_in_the_scope_who_is_inactive_or_deleted_by_now_is_refused(ada: Any) -> None:
    get_user_model().objects.update(is_active=False)
    assert refusal(handshake(user=ada)).code == "denied"
    get_user_model().objects.all().delete()
    assert refusal(handshake(user=ada)).code == "unauthenticated"


@pytest.mark.parametrize("origin", ["http://evil.com", "null", "http://testserver.evil.com"])
def test_a_user_in_the_scope_does_not_act_for_a_foreign_page(ada: Any, origin: str) -> None:
    assert refusal(handshake(user=ada, origin=origin)).code == "forbidden"


def test_a_user_in_the_scope_with_cookies_needs_an_origin(ada: Any) -> None:
    assert refusal(handshake(user=ada, cookie="jwt=x")).code == "forbidden"
    assert sign_in(handshake(user=ada, cookie="jwt=x", origin=ORIGIN), None).user == ada


def test_the_end_of_the_session_that_middleware_read_is_the_end_of_the_sign_in(ada: Any) -> None:
    session = session_of(ada)
    signed = sign_in(handshake(user=ada, session=session.session_key, origin=ORIGIN), None)
    assert current_user(signed) == ada
    session.flush()
    with pytest.raises(Refused, match="no longer signed in"):
        current_user(signed)


def test_a_session_of_somebody_else_does_not_hold_the_scopes_user_up(ada: Any) -> None:
    bob = get_user_model().objects.create_user("bob")
    key = session_of(bob).session_key
    assert sign_in(handshake(user=ada, session=key, origin=ORIGIN), None) == SignIn(ada)


# The session cookie


def test_the_session_cookie_is_read_where_no_middleware_is(ada: Any) -> None:
    key = session_of(ada).session_key
    assert sign_in(handshake(session=key, origin=ORIGIN), None) == SignIn(ada, key)


@pytest.mark.parametrize(
    "origin", ["http://evil.com", "null", "http://testserver.evil.com", "https://testserver:1"]
)
@override_settings(ALLOWED_HOSTS=["*"])
def test_a_foreign_page_cannot_use_the_session(ada: Any, origin: str) -> None:
    fault = refusal(handshake(session=session_of(ada).session_key, origin=origin))
    assert fault.code == "forbidden"
    assert "CSRF_TRUSTED_ORIGINS" in str(fault)


def test_a_foreign_page_is_not_told_whether_its_visitor_is_signed_in(
    ada: Any, django_assert_num_queries: Any
) -> None:
    key = session_of(ada).session_key
    with django_assert_num_queries(0):
        answers = {
            str(refusal(shake))
            for shake in (
                handshake(origin="http://evil.com"),
                handshake(origin="http://evil.com", session="x" * 32),
                handshake(origin="http://evil.com", session=key),
                handshake(origin="http://evil.com", user=SimpleLazyObject(lambda: ada)),
            )
        }
    assert len(answers) == 1


@override_settings(ALLOWED_HOSTS=["*"])
def test_a_session_without_an_origin_is_refused_and_logged(
    ada: Any, caplog: pytest.LogCaptureFixture
) -> None:
    key = session_of(ada).session_key
    assert refusal(handshake(session=key)).code == "forbidden"
    (record,) = (record for record in caplog.records if record.name == "django_pulse.sign_in.auth")
    assert record.levelno == logging.WARNING
    assert "without an Origin" in record.getMessage()
    assert key not in caplog.text


def test_a_foreign_origin_cannot_forge_a_line_of_the_log(
    ada: Any, caplog: pytest.LogCaptureFixture
) -> None:
    key = session_of(ada).session_key
    refusal(handshake(session=key, origin="http://evil.com\x85INFO all is well"))
    assert "\x85" not in caplog.text


@override_settings(CSRF_TRUSTED_ORIGINS=["https://*.example.org"])
def test_trusted_origins_may_use_the_session(ada: Any) -> None:
    key = session_of(ada).session_key
    assert sign_in(handshake(session=key, origin="https://app.example.org"), None).user == ada


@pytest.mark.parametrize(
    "key", ["", "unknown-session-key-000000000000", "short", "x" * 5000, "\u00e9", "a%00b", "../x"]
)
def test_a_session_that_does_not_exist_signs_nobody_in(key: str) -> None:
    assert refusal(handshake(session=key, origin=ORIGIN)).code == "unauthenticated"


def test_a_session_of_an_older_password_signs_nobody_in_and_is_left_alone(ada: Any) -> None:
    key = session_of(ada).session_key
    ada.set_password("new")
    ada.save()
    assert refusal(handshake(session=key, origin=ORIGIN)).code == "unauthenticated"
    assert import_module(settings.SESSION_ENGINE).SessionStore().exists(key)


def test_a_session_signed_with_an_older_secret_stays_as_the_browser_knows_it(ada: Any) -> None:
    with override_settings(SECRET_KEY="an older secret"):
        key = session_of(ada).session_key
    with override_settings(SECRET_KEY_FALLBACKS=["an older secret"]):
        assert sign_in(handshake(session=key, origin=ORIGIN), None).user == ada
    assert import_module(settings.SESSION_ENGINE).SessionStore().exists(key)


@override_settings(SESSION_COOKIE_NAME="sid")
def test_the_cookies_name_is_the_settings(ada: Any) -> None:
    key = session_of(ada).session_key
    assert refusal(handshake(session=key, origin=ORIGIN)).code == "unauthenticated"
    assert sign_in(handshake(cookie=f"sid={key}", origin=ORIGIN), None).user == ada


@override_settings(SESSION_ENGINE="django.contrib.sessions.backends.signed_cookies")
def test_other_session_engines_work(ada: Any) -> None:
    key = session_of(ada).session_key
    assert sign_in(handshake(session=key, origin=ORIGIN), None).user == ada
    assert refusal(handshake(session=key[:-1], origin=ORIGIN)).code == "unauthenticated"


# Later


def test_the_current_user_is_read_afresh(ada: Any) -> None:
    get_user_model().objects.update(first_name="Augusta")
    current = current_user(SignIn(ada))
    assert current == ada
    assert current.first_name == "Augusta"  # type: ignore[attr-defined]


@pytest.mark.parametrize("change", ["deactivate", "delete"])
@pytest.mark.parametrize("with_session", [False, True])
def test_a_user_who_may_no_longer_sign_in_is_gone(
    ada: Any, change: str, *, with_session: bool
) -> None:
    signed = SignIn(ada, session_of(ada).session_key if with_session else None)
    if change == "deactivate":
        get_user_model().objects.update(is_active=False)
    else:
        get_user_model().objects.all().delete()
    with pytest.raises(Refused) as caught:
        current_user(signed)
    assert caught.value.code == ("denied" if change == "deactivate" else "unauthenticated")


def test_logging_out_ends_what_the_session_began(ada: Any) -> None:
    session = session_of(ada)
    signed = SignIn(ada, session.session_key)
    assert current_user(signed) == ada
    session.flush()
    with pytest.raises(Refused, match="no longer signed in"):
        current_user(signed)


def test_a_new_password_ends_what_older_sessions_began(ada: Any) -> None:
    signed = SignIn(ada, session_of(ada).session_key)
    ada.set_password("new")
    ada.save()
    with pytest.raises(Refused, match="no longer signed in"):
        current_user(signed)


def test_a_session_that_changed_hands_is_no_longer_the_users(ada: Any) -> None:
    session = session_of(ada)
    bob = get_user_model().objects.create_user("bob")
    session[SESSION_KEY] = str(bob.pk)
    session[HASH_SESSION_KEY] = bob.get_session_auth_hash()
    session.save()
    with pytest.raises(Refused, match="no longer signed in"):
        current_user(SignIn(ada, session.session_key))
