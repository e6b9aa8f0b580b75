"""URLs of servers: what is accepted, and what the messages tell to write instead."""

import pytest

from django_pulse.client.address import read_address
from django_pulse.client.errors import BadAddress


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("wss://example.com/ws/pulse/sync/", "https://example.com"),
        ("wss://Example.com:443/ws/", "https://example.com"),
        ("ws://example.com:8000/ws/", "http://example.com:8000"),
        ("ws://127.0.0.1:80/", "http://127.0.0.1"),
        ("ws://[::1]:8000/ws/", "http://[::1]:8000"),
    ],
)
def test_the_origin_is_the_urls_own_host_as_a_browser_would_write_it(url: str, origin: str) -> None:
    assert read_address(url).origin == origin


@pytest.mark.parametrize(
    ("url", "instead"),
    [
        ("http://localhost:8000/ws/", "write 'ws://localhost:8000/ws/'"),
        ("https://example.com/ws/", "write 'wss://example.com/ws/'"),
        ("HTTPS://example.com/ws/", "write 'wss://example.com/ws/'"),
        ("example.com/ws/", "must start with 'wss://'"),
        ("localhost:8000/ws/", "must start with 'wss://'"),
        ("", "must start with 'wss://'"),
        ("ws:///ws/", "names no host"),
        ("ws://host:port/", "is not a URL"),
        ("ws://host:99999/", "is not a URL"),
        ("ws://[::1/", "is not a URL"),
        ("ws://ann:secret@host/", "give connect() a token"),
        ("ws://host/#here", "fragment"),
    ],
)
def test_a_wrong_url_is_answered_with_what_to_write_instead(url: str, instead: str) -> None:
    with pytest.raises(BadAddress) as raised:
        read_address(url)
    assert instead in str(raised.value)


def test_a_password_in_the_url_is_not_repeated_in_the_message() -> None:
    with pytest.raises(BadAddress) as raised:
        read_address("ws://ann:secret@host/")
    assert "secret" not in str(raised.value)


@pytest.mark.parametrize("value", [None, 7, b"ws://host/"])
def test_something_that_is_no_text_is_refused(value: object) -> None:
    with pytest.raises(BadAddress, match="must be a string"):
        read_address(value)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("host", "local"),
    [
        ("localhost", True),
        ("app.localhost", True),
        ("127.0.0.1", True),
        ("127.8.8.8", True),
        ("[::1]", True),
        ("10.0.0.1", False),
        ("example.com", False),
        ("localhost.example.com", False),
    ],
)
def test_only_this_very_machine_is_local(host: str, local: bool) -> None:
    assert read_address(f"ws://{host}:8000/").local is local
