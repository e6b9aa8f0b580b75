"""The app goes offline and online: at once, again, and while a connection is still ending."""

import asyncio

import pytest
from websockets.asyncio.server import ServerConnection

from crdt.messages import Fault
from django_pulse.client import AccountDenied, Offline, SignInRefused, handshake
from tests.django_pulse.client.chaos import ChaosProxy
from tests.django_pulse.client.devices import connected, swap, until
from tests.django_pulse.client.scripted import (
    closing_when,
    hear,
    polite,
    refusing,
    scripted,
    tell,
    welcome,
)
from tests.django_pulse.together import PATIENCE


@pytest.mark.asyncio
async def test_offline_stays_offline_until_the_app_says_otherwise() -> None:
    async with scripted(polite) as url:
        port = int(url.split(":")[2].split("/")[0])
        async with ChaosProxy(port) as proxy, connected(swap(url, proxy.port)) as pulse:
            await pulse.offline()
            await pulse.offline()
            assert not pulse.status.connected
            assert pulse.status.error is None
            with pytest.raises(Offline, match=r"call online\(\)"):
                await pulse.synced()
            task = pulse.model("todo.task").create(title="in a tunnel")
            assert pulse.model("todo.task").set(task.id, title="still").title == "still"
            assert pulse.status.pending == 1
            await pulse.sign_in("another")
            assert proxy.connections == 1
            await pulse.online()
            await until(pulse, lambda status: status.connected)
            assert proxy.connections == 2


@pytest.mark.asyncio
async def test_going_online_again_forgets_what_stood_in_the_way_before() -> None:
    tokens: list[str | None] = []
    async with (
        scripted(refusing(tokens, good="new")) as url,
        connected(url, token="old", wait=False) as pulse,
    ):
        with pytest.raises(SignInRefused):
            await pulse.synced(PATIENCE)
        await pulse.sign_in("new")
        await pulse.synced(PATIENCE)
        assert tokens == ["old", "new"]


@pytest.mark.asyncio
async def test_going_online_while_a_refused_connection_is_still_closing_sends_the_token_again() -> (
    None
):
    asked_again = asyncio.Event()
    denial = Fault("denied", "Not this account.", fatal=True)

    async with (
        scripted(closing_when(asked_again, denial), polite) as url,
        connected(url, token=lambda: "mine", wait=False) as pulse,
    ):
        with pytest.raises(AccountDenied):
            await pulse.synced(PATIENCE)
        await pulse.online()
        asked_again.set()
        await pulse.synced(PATIENCE)


@pytest.mark.asyncio
async def test_why_a_connection_was_lost_is_told_before_it_is_closed() -> None:
    let_go = asyncio.Event()

    async with (
        scripted(closing_when(let_go, welcome(poll=0.005)), polite) as url,
        connected(url) as pulse,
    ):
        await until(pulse, lambda status: not status.connected)
        error = pulse.status.error
        let_go.set()
        assert str(error) == "The server stopped answering."


@pytest.mark.asyncio
async def test_going_online_while_connected_repeats_nothing_that_is_refused_later() -> None:
    asked: list[None] = []
    online, over = asyncio.Event(), asyncio.Event()

    def token() -> str:
        asked.append(None)
        return "mine"

    async def refusing_later(socket: ServerConnection) -> None:
        await hear(socket)
        await tell(socket, welcome())
        await online.wait()
        await tell(socket, Fault("denied", "Not this account.", fatal=True))
        await socket.close(4403, "Not this account.")
        over.set()

    async with scripted(refusing_later, polite) as url, connected(url, token=token) as pulse:
        await pulse.online()
        online.set()
        with pytest.raises(AccountDenied):
            await pulse.synced(PATIENCE)
        await over.wait()
        for _ in range(20):
            await asyncio.sleep(0)
        assert len(asked) == 1


@pytest.mark.asyncio
async def test_no_connection_begins_while_one_of_before_is_still_ending(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(handshake, "CLOSE_SECONDS", PATIENCE)
    let_go = asyncio.Event()

    async with (
        scripted(closing_when(let_go, welcome()), polite) as url,
        connected(url) as pulse,
    ):
        going = []
        for _ in range(2):
            going.append(asyncio.ensure_future(pulse.offline()))
            await asyncio.sleep(0)
            await pulse.online()
        for _ in range(20):
            await asyncio.sleep(0)
        done = [each.done() for each in going]
        let_go.set()
        assert done == [False, False]
        await asyncio.gather(*going)
        await pulse.synced(PATIENCE)


@pytest.mark.asyncio
async def test_off_and_on_in_one_breath_keeps_one_connection_at_a_time() -> None:
    async with scripted(polite) as url:
        port = int(url.split(":")[2].split("/")[0])
        async with ChaosProxy(port) as proxy, connected(swap(url, proxy.port)) as pulse:
            going = [asyncio.ensure_future(pulse.offline()) for _ in range(3)]
            await asyncio.sleep(0)
            await pulse.online()
            await asyncio.gather(*going)
            await until(pulse, lambda status: status.connected)
            await pulse.synced(PATIENCE)
            assert proxy.connections == 2
