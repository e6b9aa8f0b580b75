"""The connection's life: signing in, losing the network, going offline, and honest barriers."""

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from websockets.asyncio.server import ServerConnection

from crdt.frames import encode
from crdt.messages import Ack, Fault, Ping, Pong, Push
from django_pulse.client import (
    RefusedByServer,
    SignInRefused,
    SQLiteStore,
    StoreFault,
    TimedOut,
    TokenFailed,
    Unreachable,
    WrongEndpoint,
)
from django_pulse.client import connection as connection_module
from tests.django_pulse.client.chaos import ChaosProxy, Fate
from tests.django_pulse.client.devices import connected, swap, until
from tests.django_pulse.client.scripted import (
    hear,
    nobody,
    polite,
    refusing,
    scripted,
    tell,
    welcome,
)
from tests.django_pulse.together import PATIENCE


@pytest.mark.asyncio
async def test_entering_waits_for_a_server_that_this_store_has_never_met() -> None:
    async with scripted(polite) as url, connected(url) as pulse:
        assert pulse.status.connected
        assert pulse.status.error is None
        assert pulse.model("todo.task").all() == []


@pytest.mark.asyncio
async def test_without_a_server_entering_ends_with_a_clear_timeout(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    loop, attempts = asyncio.get_running_loop(), 0
    time = loop.time

    def token() -> None:
        nonlocal attempts
        attempts += 1
        if attempts == 2:  # the first one has failed; now let an hour pass
            monkeypatch.setattr(loop, "time", lambda: time() + 3600)

    with (
        nobody() as url,
        pytest.raises(
            TimedOut, match=rf"never met a server.*within {PATIENCE} seconds.*reached"
        ) as raised,
    ):
        async with connected(url, token=token):
            pytest.fail("there is no server")
    assert isinstance(raised.value.__cause__, Unreachable)


@pytest.mark.asyncio
async def test_a_store_that_knows_the_schemas_starts_without_a_network(tmp_path: Path) -> None:
    store = tmp_path / "phone.sqlite3"
    async with scripted(polite) as url, connected(url, store=store):
        pass
    async with connected(url, store=store) as pulse:
        task = pulse.model("todo.task").create(title="offline")
        assert not pulse.status.connected
        assert pulse.status.pending == 1
    async with connected(url, store=store) as pulse:
        assert [row.title for row in pulse.model("todo.task").all()] == ["offline"]
        assert pulse.model("todo.task").get(task.id) == task


@pytest.mark.asyncio
async def test_a_refused_sign_in_is_raised_and_not_repeated_until_there_is_another_token() -> None:
    tokens: list[str | None] = []
    async with scripted(refusing(tokens, good="new")) as url:
        with pytest.raises(SignInRefused, match="No such token"):
            async with connected(url, token="old"):
                pytest.fail("the token is refused")
        async with connected(url, token="old", wait=False) as pulse:
            with pytest.raises(SignInRefused, match="No such token"):
                await pulse.synced(PATIENCE)
            with pytest.raises(SignInRefused):
                await pulse.synced(PATIENCE)
            error = pulse.status.error
            assert isinstance(error, SignInRefused)
            await pulse.sign_in("new")
            await until(pulse, lambda status: status.connected)
            assert pulse.status.error is None
    assert tokens == ["old", "old", "new"]


@pytest.mark.asyncio
async def test_a_token_callback_is_asked_at_each_connect_and_its_fresh_token_ends_a_refusal() -> (
    None
):
    tokens: list[str | None] = []
    asked = 0

    async def token() -> str:
        nonlocal asked
        asked += 1
        return "old" if asked < 4 else "new"

    async with (
        scripted(refusing(tokens, good="new")) as url,
        connected(url, token=token, wait=False) as pulse,
    ):
        await until(pulse, lambda status: status.connected)
    assert tokens == ["old", "new"]
    assert asked == 4


@pytest.mark.asyncio
async def test_a_callback_that_fails_is_told_and_tried_again() -> None:
    answers = iter([OSError("no keychain")])

    def token() -> str:
        for error in answers:
            raise error
        return "fine"

    async with scripted(polite) as url, connected(url, token=token, wait=False) as pulse:
        await until(pulse, lambda status: isinstance(status.error, TokenFailed))
        await until(pulse, lambda status: status.connected)


@pytest.mark.asyncio
async def test_a_lost_connection_comes_back_by_itself() -> None:
    async with scripted(polite) as url:
        port = int(url.split(":")[2].split("/")[0])
        async with ChaosProxy(port) as proxy, connected(swap(url, proxy.port)) as pulse:
            for _ in range(3):
                proxy.cut()
                await until(pulse, lambda status: not status.connected)
                assert isinstance(pulse.status.error, Unreachable)
                await until(pulse, lambda status: status.connected)
            assert pulse.status.error is None
            assert proxy.connections == 4


@pytest.mark.asyncio
async def test_connections_that_are_refused_are_tried_again() -> None:
    async with scripted(polite) as url:
        port = int(url.split(":")[2].split("/")[0])
        fates = lambda number: Fate(refuse=number < 5)  # noqa: E731
        async with ChaosProxy(port, fates) as proxy, connected(swap(url, proxy.port)) as pulse:
            assert pulse.status.connected
            assert proxy.connections == 6


@pytest.mark.asyncio
async def test_the_last_time_in_sync_is_remembered_over_a_restart(tmp_path: Path) -> None:
    store = tmp_path / "phone.sqlite3"
    async with scripted(polite) as url, connected(url, store=store) as pulse:
        await pulse.synced(PATIENCE)
        synced_at = pulse.status.last_synced_at
        assert synced_at is not None
    async with connected(url, store=store) as pulse:
        assert pulse.status.last_synced_at == synced_at
        assert not pulse.status.connected


@pytest.mark.asyncio
async def test_text_on_the_socket_is_another_endpoint() -> None:
    async def chat(socket: ServerConnection) -> None:
        await socket.send("hi there")
        await socket.wait_closed()

    async with scripted(chat) as url:
        with pytest.raises(WrongEndpoint, match="not a Pulse endpoint"):
            async with connected(url):
                pytest.fail("this is a chat")


@pytest.mark.asyncio
async def test_a_frame_that_makes_no_sense_ends_the_connection_and_another_one_heals_it() -> None:
    async def garbled(socket: ServerConnection) -> None:
        await hear(socket)
        await socket.send(b"\x00\x00\x00\x02[]")
        await socket.wait_closed()

    async with scripted(garbled, polite) as url, connected(url, wait=False) as pulse:
        await until(pulse, lambda status: status.connected)


@pytest.mark.asyncio
async def test_a_fatal_fault_is_raised_with_the_servers_words() -> None:
    async def newer(socket: ServerConnection) -> None:
        await hear(socket)
        await tell(socket, Fault("protocol", "Update the client.", fatal=True))
        await socket.close(4400, "See the error frame: protocol.")

    async with scripted(newer) as url:
        with pytest.raises(RefusedByServer, match="Update the client") as raised:
            async with connected(url):
                pytest.fail("the server refuses")
    assert raised.value.code == "protocol"


@pytest.mark.asyncio
async def test_a_server_that_does_not_answer_hello_is_given_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(connection_module, "WELCOME_SECONDS", 0.02)

    async def silent(socket: ServerConnection) -> None:
        await socket.wait_closed()

    async with scripted(silent, polite) as url, connected(url) as pulse:
        assert pulse.status.connected


@pytest.mark.asyncio
async def test_a_server_that_stops_answering_pings_is_left() -> None:
    async def deaf(socket: ServerConnection) -> None:
        await hear(socket)
        await tell(socket, welcome(poll=0.005))
        await socket.wait_closed()

    async with scripted(deaf, polite) as url, connected(url) as pulse:
        await until(pulse, lambda status: str(status.error) == "The server stopped answering.")
        await until(pulse, lambda status: status.connected)


@pytest.mark.asyncio
async def test_edits_made_offline_are_pushed_and_count_as_pending_until_the_ack() -> None:
    pushes: list[Push] = []
    ack_now = asyncio.Event()

    async def acking(socket: ServerConnection) -> None:
        await hear(socket)
        await tell(socket, welcome())
        while True:
            message = await hear(socket)
            if isinstance(message, Push):
                pushes.append(message)
                await ack_now.wait()
                await tell(socket, Ack(message.id, len(message.items)))
            if isinstance(message, Ping):
                await tell(socket, Pong(message.time, {}))

    async with scripted(acking) as url, connected(url) as pulse:
        await pulse.offline()
        tasks = pulse.model("todo.task")
        for number in range(3):
            tasks.create(title=f"task {number}")
        await pulse.online()
        waiting = asyncio.ensure_future(pulse.synced(PATIENCE))
        await until(pulse, lambda status: status.connected)
        assert pulse.status.pending == 3
        ack_now.set()
        await waiting
        assert pulse.status.pending == 0
    assert [len(push.items) for push in pushes] == [3]


@pytest.mark.asyncio
async def test_many_clients_of_one_process_do_not_mix() -> None:
    async with scripted(polite) as url, AsyncExitStack() as stack:
        pulses = [await stack.enter_async_context(connected(url)) for _ in range(5)]
        for number, pulse in enumerate(pulses):
            pulse.model("todo.task").create(title=str(number))
        titles = [[row.title for row in pulse.model("todo.task").all()] for pulse in pulses]
        assert titles == [["0"], ["1"], ["2"], ["3"], ["4"]]


def test_frames_are_read_as_pongs_only_where_they_are() -> None:
    assert connection_module._is_pong(encode(Pong(1, {"s": 4})))
    assert not connection_module._is_pong(encode(Fault("pong", 'not a "pong"')))


@pytest.mark.asyncio
async def test_a_full_disk_ends_a_connection_but_never_hangs_the_app(tmp_path: Path) -> None:
    async with scripted(polite) as url:
        store = SQLiteStore(tmp_path / "phone.sqlite3")
        async with connected(url, store=store) as pulse:
            await pulse.synced(PATIENCE)
            assert store._database is not None
            pages = store._database.execute("PRAGMA page_count").fetchone()[0]
            store._database.execute(f"PRAGMA max_page_count = {pages}")
            with pytest.raises(StoreFault, match="The disk is full"):
                pulse.model("todo.task").create(title="x" * 100_000)
            assert pulse.model("todo.task").all() == []
            await pulse.offline()
            assert not pulse.status.connected
