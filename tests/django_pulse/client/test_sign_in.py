"""Tokens and headers: asked for at each connect, and not repeated once refused."""

import pytest

from django_pulse.client.errors import LocalFault, SignInRefused, TokenFailed
from django_pulse.client.sign_in import SignIn, read_headers

REFUSAL = SignInRefused("No such token.")


@pytest.mark.asyncio
async def test_a_token_is_a_string_a_function_or_a_coroutine_function() -> None:
    async def later() -> str:
        return "async"

    assert await SignIn(None).token() is None
    assert await SignIn("plain").token() == "plain"
    assert await SignIn(lambda: "sync").token() == "sync"
    assert await SignIn(later).token() == "async"


@pytest.mark.asyncio
async def test_the_callback_is_asked_every_time() -> None:
    tokens = iter(["first", "second"])
    sign_in = SignIn(lambda: next(tokens))
    assert [await sign_in.token(), await sign_in.token()] == ["first", "second"]


@pytest.mark.asyncio
async def test_a_refused_token_is_not_sent_again_until_it_is_another_one() -> None:
    current = "old"
    sign_in = SignIn(lambda: current)
    assert await sign_in.token() == "old"
    sign_in.refused(REFUSAL)
    for _ in range(3):
        with pytest.raises(SignInRefused, match="No such token"):
            await sign_in.token()
    current = "new"
    assert await sign_in.token() == "new"
    assert await sign_in.token() == "new"


@pytest.mark.asyncio
async def test_the_app_may_insist_or_give_another_token() -> None:
    sign_in = SignIn("same")
    await sign_in.token()
    sign_in.refused(REFUSAL)
    sign_in.retry()
    assert await sign_in.token() == "same"
    sign_in.refused(REFUSAL)
    sign_in.use("other")
    assert await sign_in.token() == "other"


@pytest.mark.asyncio
async def test_a_callback_that_fails_or_gives_no_text_is_the_apps_own_fault() -> None:
    def broken() -> str:
        raise OSError("no keychain")

    with pytest.raises(TokenFailed, match="no keychain"):
        await SignIn(broken).token()
    with pytest.raises(TokenFailed, match="returned a bytes"):
        await SignIn(lambda: b"token").token()  # type: ignore[arg-type, return-value]


def test_cookies_become_one_header_beside_the_others() -> None:
    headers = read_headers({"X-Tenant": "one"}, {"sessionid": "abc", "csrftoken": "def"})
    assert headers == {"X-Tenant": "one", "Cookie": "sessionid=abc; csrftoken=def"}
    assert read_headers(None, None) == {}


@pytest.mark.parametrize(
    ("headers", "cookies", "message"),
    [
        ({"Origin": "https://else.where"}, None, "written by the client itself"),
        ({"Sec-WebSocket-Key": "x"}, None, "written by the client itself"),
        ({"cookie": "a=b"}, {"sessionid": "abc"}, "not both"),
        ({"X-A": "one\r\nX-B: two"}, None, "line break"),
        (None, {"sessionid": "a\nb"}, "line break"),
        ({"X-A": "na\u00efve"}, None, "line break or another character"),
    ],
)
def test_headers_that_would_break_the_request_are_refused(
    headers: dict[str, str] | None, cookies: dict[str, str] | None, message: str
) -> None:
    with pytest.raises(LocalFault, match=message):
        read_headers(headers, cookies)
