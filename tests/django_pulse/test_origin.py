"""Which pages may use their visitor's cookies (HAZARDS: sign-in)."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import override_settings

from django_pulse.sign_in.origin import HandshakeRequest, origin_allowed


def allowed(
    origin: str | list[str] | None, host: str | list[str] = "example.com", **scope: Any
) -> bool:
    headers = [(b"host", one.encode()) for one in ([host] if isinstance(host, str) else host)]
    origins = [] if origin is None else [origin] if isinstance(origin, str) else origin
    headers += [(b"origin", one.encode("latin-1")) for one in origins]
    headers += scope.pop("headers", [])
    request = HandshakeRequest(
        {"type": "websocket", "scheme": "ws", "path": "/", "headers": headers} | scope
    )
    return origin_allowed(request)


@pytest.fixture(autouse=True)
def _hosts() -> Any:
    with override_settings(ALLOWED_HOSTS=["*"], CSRF_TRUSTED_ORIGINS=[]):
        yield


@pytest.mark.parametrize(
    ("origin", "host", "scheme"),
    [
        ("http://example.com", "example.com", "ws"),
        ("https://example.com", "example.com", "wss"),
        ("https://EXAMPLE.com", "example.COM", "wss"),
        ("http://example.com:8000", "example.com:8000", "ws"),
        ("http://example.com", "example.com:80", "ws"),
        ("https://example.com:443", "example.com", "wss"),
        ("http://127.0.0.1:8000", "127.0.0.1:8000", "ws"),
        ("http://[::1]:8000", "[::1]:8000", "ws"),
        # TLS ends at a proxy that does not say so: the page is at least as trustworthy.
        ("https://example.com", "example.com", "ws"),
    ],
)
def test_pages_of_the_same_host_are_ours(origin: str, host: str, scheme: str) -> None:
    assert allowed(origin, host, scheme=scheme)


@pytest.mark.parametrize(
    "origin",
    [
        None,
        "",
        "null",
        "*",
        "example.com",
        "//example.com",
        "http://",
        "http://example.com.evil.com",
        "http://evil.com",
        "http://evilexample.com",
        "http://sub.example.com",
        "http://example.com:8000",
        "http://example.com@evil.com",
        "http://evil.com@example.com",
        "http://example.com/",
        "http://example.com#evil.com",
        "http://example.com?evil.com",
        "http://example.com\\evil.com",
        "http://example.com evil.com",
        "http://example.com,http://evil.com",
        "http://ex\tample.com",
        "http://[example.com",
        "ftp://example.com",
        "file://example.com",
        "javascript://example.com",
        "http://example.c\u00f6m",
    ],
)
def test_any_other_origin_is_foreign_even_where_any_host_is_allowed(origin: str | None) -> None:
    assert not allowed(origin)


def test_two_origins_are_none() -> None:
    assert not allowed(["http://example.com", "http://evil.com"])
    assert not allowed(["http://evil.com", "http://example.com"])


def test_two_hosts_are_none() -> None:
    assert not allowed("http://example.com", ["example.com", "evil.com"])
    assert not allowed("http://evil.com", ["example.com", "evil.com"])


def test_a_plain_page_does_not_reach_a_secure_socket() -> None:
    assert not allowed("http://example.com", scheme="wss")


@override_settings(ALLOWED_HOSTS=["example.com"])
def test_a_host_that_is_not_allowed_makes_no_origin_ours() -> None:
    assert not allowed("http://evil.com", "evil.com")
    assert allowed("http://example.com", "example.com")


@override_settings(
    CSRF_TRUSTED_ORIGINS=[
        "https://app.example.org",
        "https://*.example.net",
        "http://10.0.0.1:3000",
    ]
)
@pytest.mark.parametrize(
    ("origin", "expected"),
    [
        ("https://app.example.org", True),
        ("https://APP.example.org", True),
        ("http://app.example.org", False),
        ("https://app.example.org:8443", False),
        ("https://app.example.org.evil.com", False),
        ("https://x.app.example.org", False),
        ("https://example.net", True),
        ("https://a.b.example.net", True),
        ("http://a.example.net", False),
        ("https://evilexample.net", False),
        ("https://a.example.net.evil.com", False),
        ("http://10.0.0.1:3000", True),
        ("http://10.0.0.1:3001", False),
    ],
)
def test_trusted_origins_are_matched_as_django_does(origin: str, *, expected: bool) -> None:
    assert allowed(origin) is expected


@override_settings(SECURE_PROXY_SSL_HEADER=("HTTP_X_FORWARDED_PROTO", "https"))
def test_a_proxy_that_says_it_ended_tls_is_believed_where_settings_say_so() -> None:
    headers = [(b"x-forwarded-proto", b"https")]
    assert allowed("https://example.com", headers=headers)
    assert not allowed("http://example.com", headers=headers)


def test_a_forwarded_host_counts_only_where_settings_say_so() -> None:
    headers = [(b"x-forwarded-host", b"front.example")]
    assert not allowed("http://front.example", headers=headers)
    with override_settings(USE_X_FORWARDED_HOST=True):
        assert allowed("http://front.example", headers=headers)


@override_settings(USE_X_FORWARDED_HOST=True)
def test_a_header_with_an_underscore_passes_for_no_other() -> None:
    assert not allowed("http://front.example", headers=[(b"x_forwarded_host", b"front.example")])


def test_a_handshake_without_a_host_has_no_origin_of_its_own() -> None:
    assert not allowed("http://example.com", host=[])
