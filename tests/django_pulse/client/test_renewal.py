"""A sign-in that ends: another token before it does, or after, or the app is told."""

import asyncio
from collections.abc import Callable

import pytest
from websockets.asyncio.server import ServerConnection

from crdt.messages import Fault, Hello, Renew, Renewed
from django_pulse.client import AccountDenied, SignInExpired, SignInRefused
from django_pulse.client import renewal as renewal_module
from django_pulse.client.renewal import Renewal
from django_pulse.client.sign_in import SignIn
from tests.django_pulse.client.devices import connected, until
from tests.django_pulse.client.scripted import Script, hear, scripted, tell, welcome
from tests.django_pulse.together import PATIENCE

SOON = 0.05
"""Seconds that a token lasts here."""


def numbered() -> Callable[[], str]:
    """A token callback: "token 1", "token 2" and so on."""
    given = 0

    def token() -> str:
        nonlocal given
        given += 1
        return f"token {given}"

    return token


def renewing(heard: asyncio.Queue[str | None], times: int) -> Script:
    """Has the token renewed so often, and then lasts for ever; puts what it hears in `heard`."""

    async def script(socket: ServerConnection) -> None:
        hello = await hear(socket)
        assert isinstance(hello, Hello)
        heard.put_nowait(hello.token)
        await tell(socket, welcome(expires_in=SOON))
        for left in range(times - 1, -1, -1):
            message = await hear(socket)
            assert isinstance(message, Renew), message
            heard.put_nowait(message.token)
            await tell(socket, Renewed(SOON if left else None))
        await socket.wait_closed()

    return script


def ending(code: str, close: int, heard: list[str | None]) -> Script:
    """Ends every connection with this fault."""

    async def script(socket: ServerConnection) -> None:
        hello = await hear(socket)
        assert isinstance(hello, Hello)
        heard.append(hello.token)
        await tell(socket, Fault(code, "No.", fatal=True))
        await socket.close(close, "No.")

    return script


@pytest.mark.asyncio
async def test_the_callback_is_asked_before_the_token_runs_out_and_the_connection_stands() -> None:
    heard: asyncio.Queue[str | None] = asyncio.Queue()
    async with (
        scripted(renewing(heard, times=3)) as url,
        connected(url, token=numbered()) as pulse,
        asyncio.timeout(PATIENCE),
    ):
        assert [await heard.get() for _ in range(4)] == [f"token {n}" for n in range(1, 5)]
        assert pulse.status.connected


@pytest.mark.asyncio
async def test_a_token_that_ran_out_is_followed_by_a_new_one_on_a_new_connection() -> None:
    expired: list[str | None] = []
    heard: asyncio.Queue[str | None] = asyncio.Queue()
    async with (
        scripted(ending("expired", 4401, expired), renewing(heard, times=0)) as url,
        connected(url, token=numbered(), wait=False) as pulse,
    ):
        await until(pulse, lambda status: status.connected)
        assert (expired, heard.get_nowait()) == (["token 1"], "token 2")


@pytest.mark.asyncio
async def test_a_callback_with_nothing_new_is_told_that_it_gave_the_expired_token_again() -> None:
    heard: list[str | None] = []
    async with (
        scripted(ending("expired", 4401, heard)) as url,
        connected(url, token=lambda: "same", wait=False) as pulse,
    ):
        with pytest.raises(SignInRefused, match="gave the same token again"):
            await pulse.synced(PATIENCE)
    assert heard == ["same"]


@pytest.mark.asyncio
async def test_a_text_that_expired_is_told_apart_and_not_sent_again() -> None:
    heard: list[str | None] = []
    async with (
        scripted(ending("expired", 4401, heard)) as url,
        connected(url, token="old", wait=False) as pulse,
    ):
        with pytest.raises(SignInExpired):
            await pulse.synced(PATIENCE)
    assert heard == ["old"]


@pytest.mark.asyncio
async def test_a_denied_account_stops_though_the_callback_has_other_tokens() -> None:
    heard: list[str | None] = []
    welcomed: asyncio.Queue[str | None] = asyncio.Queue()
    async with (
        scripted(ending("denied", 4403, heard), renewing(welcomed, times=0)) as url,
        connected(url, token=numbered(), wait=False) as pulse,
    ):
        with pytest.raises(AccountDenied):
            await pulse.synced(PATIENCE)
        assert heard == ["token 1"]
        await pulse.online()
        await until(pulse, lambda status: status.connected)
        assert welcomed.get_nowait() == "token 2"


@pytest.mark.asyncio
async def test_a_new_password_is_no_end_the_same_token_is_asked_about_again() -> None:
    heard: list[str | None] = []
    welcomed: asyncio.Queue[str | None] = asyncio.Queue()
    async with (
        scripted(ending("reauthenticate", 4409, heard), renewing(welcomed, times=0)) as url,
        connected(url, token="same", wait=False) as pulse,
    ):
        await until(pulse, lambda status: status.connected)
        assert (heard, welcomed.get_nowait()) == (["same"], "same")


@pytest.mark.asyncio
async def test_a_token_that_the_app_gives_is_sent_on_the_open_connection() -> None:
    heard: asyncio.Queue[str | None] = asyncio.Queue()

    async def script(socket: ServerConnection) -> None:
        await hear(socket)
        await tell(socket, welcome())
        message = await hear(socket)
        assert isinstance(message, Renew), message
        heard.put_nowait(message.token)
        await tell(socket, Renewed())
        await socket.wait_closed()

    async with (
        scripted(script) as url,
        connected(url, token="first") as pulse,
        asyncio.timeout(PATIENCE),
    ):
        await pulse.sign_in("second")
        assert await heard.get() == "second"
        assert pulse.status.connected


@pytest.mark.asyncio
async def test_a_callback_that_fails_or_has_nothing_new_is_asked_again(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(renewal_module, "ASK_AGAIN_SECONDS", 0.01)
    answers = iter(["old", "old", "", "new"])

    def token() -> str:
        answer = next(answers)
        if not answer:
            raise OSError("no keychain")
        return answer

    sign_in = SignIn(token)
    await sign_in.token()
    renewal = Renewal(sign_in)
    renewal.lasts(SOON)
    sent: asyncio.Queue[str] = asyncio.Queue()
    running = asyncio.ensure_future(renewal.run(sent.put))
    async with asyncio.timeout(PATIENCE):
        assert await sent.get() == "new"
    running.cancel()
    assert "no keychain" in caplog.text
