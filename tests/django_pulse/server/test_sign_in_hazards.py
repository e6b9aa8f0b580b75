"""Every way to come in that must not work, and every end of a sign-in, over real sockets."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.contrib.auth import get_user_model
from django.contrib.sessions.models import Session
from django.core.signing import TimestampSigner
from django.test import Client, override_settings
from rest_framework.authtoken.models import Token, TokenProxy
from rest_framework_simplejwt.tokens import AccessToken

from crdt.messages import Fault, Hello, Ping, Pong, Renew, Renewed
from django_pulse.authenticators import SignedIn, drf_token, simplejwt
from django_pulse.sign_in import tickets
from tests.django_pulse.sockets import Socket, opened, welcomed
from tests.django_pulse.test_consumers import cookie_of, origin_of
from tests.project.servers import ThreadServer

pytestmark = pytest.mark.django_db(transaction=True)


def authenticate(token: str) -> Any:
    """The function of a project with several kinds of tokens: "drf KEY", "jwt TOKEN", a name, or
    "for SECONDS NAME".
    """
    kind, _, rest = token.partition(" ")
    if kind == "drf":
        return drf_token(rest)
    if kind == "jwt":
        return simplejwt(rest)
    seconds, _, name = rest.partition(" ")
    user: Any = get_user_model().objects.filter(username=name or token).first()
    if kind == "for":
        return SignedIn(user, datetime.now(UTC) + timedelta(seconds=float(seconds)))
    return user


@pytest.fixture
def url(live_server_asgi: ThreadServer) -> Iterator[str]:
    with override_settings(DJANGO_PULSE={"AUTHENTICATE": f"{__name__}.authenticate"}):
        yield live_server_asgi.ws_url


@pytest.fixture
def ada(transactional_db: None) -> Any:
    return get_user_model().objects.create_user("ada", password="countess")


def hello(token: str | None = None) -> Hello:
    return Hello(secrets.randbits(52) + 1, "phone", token)


def refused(socket: Socket, token: str | None = None) -> tuple[str, int]:
    """Say hello; the code of the refusal, and the one with which the socket was closed."""
    fault = socket.ask(hello(token))
    assert isinstance(fault, Fault), fault
    assert fault.fatal
    return fault.code, socket.closed()[0]


def ended(socket: Socket) -> tuple[str, int]:
    """Wait for the end that the server puts to the connection."""
    fault = socket.receive()
    assert isinstance(fault, Fault), fault
    assert fault.fatal
    return fault.code, socket.closed()[0]


def ticket_of(user: Any) -> str:
    browser = Client()
    browser.force_login(user)
    ticket: str = browser.post("/pulse/ticket/").json()["ticket"]
    return ticket


# Origins

FOREIGN: list[Callable[[str], str]] = [
    lambda own: "null",
    lambda own: "http://evil.com",
    lambda own: own + ".evil.com",
    lambda own: own.replace("127.0.0.1", "127.0.0.1.evil.com"),
    lambda own: own.replace("127.0.0.1", "evil.127.0.0.1"),
    lambda own: own.replace("127.0.0.1", "localhost"),
    lambda own: own.rpartition(":")[0],
    lambda own: own + "0",
    lambda own: own + "/",
    lambda own: own.replace("http", "file"),
    lambda own: own.replace("://", "://user@"),
    lambda own: own + ",http://evil.com",
]


@override_settings(ALLOWED_HOSTS=["*"])
@pytest.mark.parametrize("foreign", FOREIGN)
def test_a_foreign_origin_has_no_use_of_a_cookie_even_where_every_host_is_allowed(
    url: str, ada: Any, foreign: Callable[[str], str], caplog: pytest.LogCaptureFixture
) -> None:
    origin: Any = foreign(origin_of(url))
    with opened(url, additional_headers=cookie_of(ada), origin=origin) as socket:
        assert refused(socket) == ("forbidden", 4403)
    assert "nor in CSRF_TRUSTED_ORIGINS" in caplog.text


@override_settings(ALLOWED_HOSTS=["*"])
def test_without_an_origin_only_a_token_counts_and_the_log_says_so(
    url: str, ada: Any, caplog: pytest.LogCaptureFixture
) -> None:
    with opened(url, additional_headers=cookie_of(ada)) as socket:
        assert refused(socket) == ("forbidden", 4403)
    [said] = [record for record in caplog.records if record.name == "django_pulse.sign_in.auth"]
    assert said.levelno == logging.WARNING
    assert "with cookies and without an Origin header" in said.getMessage()
    with welcomed(url, hello("ada"), additional_headers=cookie_of(ada)) as (_, welcome):
        assert welcome.user == str(ada.pk)


@override_settings(CSRF_TRUSTED_ORIGINS=["https://app.example.org"])
def test_a_trusted_origin_is_one_scheme_and_one_port(url: str, ada: Any) -> None:
    cookie = cookie_of(ada)
    with welcomed(url, hello(), additional_headers=cookie, origin="https://app.example.org"):
        pass
    for origin in ("http://app.example.org", "https://app.example.org:8443", "https://example.org"):
        with opened(url, additional_headers=cookie, origin=origin) as socket:
            assert refused(socket) == ("forbidden", 4403)


# Tokens


def test_an_expired_token_is_told_so(url: str, ada: Any) -> None:
    jwt = AccessToken.for_user(ada)
    jwt.set_exp(lifetime=-timedelta(seconds=1))
    for token in (f"jwt {jwt}", "for -1 ada"):
        with opened(url) as socket:
            assert refused(socket, token) == ("expired", 4401)


def test_a_token_that_runs_out_ends_its_socket_then_and_no_other(url: str, ada: Any) -> None:
    with (
        welcomed(url, hello("ada")) as (other, _),
        welcomed(url, hello("for 0.3 ada")) as (socket, welcome),
    ):
        assert welcome.user == str(ada.pk)
        assert welcome.expires_in is not None
        assert ended(socket) == ("expired", 4401)
        assert isinstance(other.ask(Ping(1)), Pong)


def test_a_token_is_renewed_on_the_open_socket(url: str, ada: Any) -> None:
    jwt = AccessToken.for_user(ada)
    jwt.set_exp(lifetime=timedelta(minutes=10))
    with welcomed(url, hello("for 60 ada")) as (socket, _):
        renewed = socket.ask(Renew(f"jwt {jwt}"))
        assert isinstance(renewed, Renewed)
        assert 60 < (renewed.expires_in or 0) <= 600
        assert isinstance(socket.ask(Renew("for 0.3 ada")), Renewed)
        assert ended(socket) == ("expired", 4401), "when the last one ends"


@pytest.mark.parametrize(
    ("token", "end"),
    [
        ("nobody", ("unauthenticated", 4401)),
        ("for -1 ada", ("expired", 4401)),
        ("bob", ("other_user", 4409)),
    ],
)
def test_a_socket_does_not_go_on_with_a_token_that_is_no_good(
    url: str, ada: Any, token: str, end: tuple[str, int]
) -> None:
    del ada
    get_user_model().objects.create_user("bob")
    with welcomed(url, hello("ada")) as (socket, _):
        socket.send(Renew(token))
        assert ended(socket) == end


def test_a_ticket_serves_one_socket(url: str, ada: Any) -> None:
    ticket = ticket_of(ada)
    with welcomed(url, hello(ticket), origin="http://app.example.org") as (socket, welcome):
        assert welcome.user == str(ada.pk)
        with opened(url) as thief:
            assert refused(thief, ticket) == ("unauthenticated", 4401)
        assert isinstance(socket.ask(Ping(1)), Pong)


def test_an_expired_or_forged_ticket_serves_none(
    url: str, ada: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(TimestampSigner, "timestamp", lambda self: "1rXl3m")
        old = ticket_of(ada)
    with opened(url) as socket:
        assert refused(socket, old) == ("expired", 4401)
    with opened(url) as socket:
        assert refused(socket, tickets.PREFIX + "x" * 43) == ("unauthenticated", 4401)


# Ends, while the socket is open


def by_session(url: str, user: Any) -> dict[str, Any]:
    return {"additional_headers": cookie_of(user), "origin": origin_of(url)}


WAYS: dict[str, Callable[[str, Any], tuple[str | None, dict[str, Any]]]] = {
    "session": lambda url, user: (None, by_session(url, user)),
    "ticket": lambda url, user: (ticket_of(user), {}),
    "token": lambda url, user: (user.username, {}),
    "drf": lambda url, user: (f"drf {Token.objects.create(user=user).key}", {}),
    "jwt": lambda url, user: (f"jwt {AccessToken.for_user(user)}", {}),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("end", ["deactivated", "password", "deleted"])
def test_an_open_socket_ends_at_once_with_the_account_or_its_password(
    url: str, ada: Any, way: str, end: str
) -> None:
    token, options = WAYS[way](url, ada)
    with welcomed(url, hello(token), **options) as (socket, _):
        if end == "deactivated":
            ada.is_active = False
            ada.save()
            assert ended(socket) == ("denied", 4403)
        elif end == "password":
            ada.set_password("new")
            ada.save()
            with_session = way in {"session", "ticket"}
            again = ("unauthenticated", 4401) if with_session else ("reauthenticate", 4409)
            assert ended(socket) == again
        else:
            ada.delete()
            assert ended(socket) == ("unauthenticated", 4401)


@pytest.mark.parametrize("way", ["session", "ticket"])
def test_an_open_socket_ends_at_once_with_its_session_and_no_other_does(
    url: str, ada: Any, way: str
) -> None:
    with welcomed(url, hello(), **by_session(url, ada)) as (other, _):
        before = set(Session.objects.values_list("pk", flat=True))
        token, options = WAYS[way](url, ada)
        [key] = set(Session.objects.values_list("pk", flat=True)) - before
        with welcomed(url, hello(token), **options) as (socket, _):
            browser = Client()
            browser.cookies[django_settings.SESSION_COOKIE_NAME] = key
            browser.logout()
            assert ended(socket) == ("unauthenticated", 4401)
        assert isinstance(other.ask(Ping(1)), Pong)


@pytest.mark.parametrize("model", [Token, TokenProxy])
def test_a_drf_token_that_is_deleted_ends_its_socket_at_once_and_no_other(
    url: str, ada: Any, model: Any
) -> None:
    token, _ = WAYS["drf"](url, ada)
    with welcomed(url, hello("ada")) as (other, _), welcomed(url, hello(token)) as (socket, _):
        model.objects.get().delete()
        assert ended(socket) == ("unauthenticated", 4401)
        assert isinstance(other.ask(Ping(1)), Pong)


def test_what_sends_no_signal_ends_the_socket_by_the_timer(url: str, ada: Any) -> None:
    timer = {"AUTHENTICATE": f"{__name__}.authenticate", "POLL_SECONDS": 0.1}
    with override_settings(DJANGO_PULSE=timer), welcomed(url, hello("ada")) as (socket, _):
        get_user_model().objects.filter(pk=ada.pk).update(is_active=False)
        assert ended(socket) == ("denied", 4403)
