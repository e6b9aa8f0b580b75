"""Batches and cursors that are not the sender's own."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth import get_user_model
from django.test import override_settings

from crdt.messages import Ack, Changes, Fault, Hello, Item, Key, Leave, Ping, Pong, Pull, Push
from crdt.messages import Refused as RefusedItem
from tests.django_pulse.sockets import Socket, welcomed
from tests.django_pulse.test_consumers import TOKENS, pulled, rows, update
from tests.project.servers import ThreadServer
from tests.project.todo.models import Note, Task

pytestmark = pytest.mark.databases("sqlite", "postgres")


@pytest.fixture
def url(live_server_asgi: ThreadServer) -> Iterator[str]:
    for name in ("ada", "bob"):
        get_user_model().objects.create_user(name)
    with override_settings(DJANGO_PULSE=TOKENS):
        yield live_server_asgi.ws_url


def hello(name: str, device: str = "phone") -> Hello:
    return Hello(secrets.randbits(52) + 1, device, name)


def answer(socket: Socket, push: Push) -> Ack:
    """The ack of a push, whatever arrives live before it."""
    socket.send(push)
    while True:
        message = socket.receive()
        if isinstance(message, Ack):
            return message


def scope_of(welcome: Any) -> str:
    """The user's own scope."""
    (own,) = (scope for scope in welcome.scopes if scope.endswith(f"/user/{welcome.user}"))
    return str(own)


def test_a_batch_replayed_from_another_device_is_refused_whoever_sends_it(url: str) -> None:
    said, sync_id = hello("ada"), uuid4()
    item = Item("todo.note", sync_id, update(said.replica, title="From a phone"))
    with welcomed(url, said) as (phone, welcome):
        push = Push(1, welcome.epoch, (item,))
        assert answer(phone, push) == Ack(1, 1)
        version = Note.objects.get().version
        for other in (hello("ada", "tablet"), hello("bob")):
            with welcomed(url, other) as (socket, _):
                [verdict] = answer(socket, push).exceptions.values()
                assert isinstance(verdict, RefusedItem), verdict
        assert answer(phone, push) == Ack(1, 1), "its own is answered as the first time"
    note = Note.objects.get()
    assert (note.title, note.version) == ("From a phone", version)
    assert str(note.user.pk) == welcome.user


def test_a_batch_waiting_on_a_stolen_device_is_not_pushed_by_another_user(url: str) -> None:
    """Neither under the replica id of its owner, which is refused, nor under one's own."""
    said = hello("ada")
    with welcomed(url, said):
        pass
    item = Item("todo.note", uuid4(), update(said.replica, title="Ada's"))
    with welcomed(url, hello("bob")) as (socket, welcome):
        [verdict] = answer(socket, Push(1, welcome.epoch, (item,))).exceptions.values()
        assert isinstance(verdict, RefusedItem)
    assert not Note.objects.exists()


@pytest.mark.parametrize("cursor", [-1, -(2**53), 2**53, 2**63])
def test_a_cursor_that_is_no_position_is_told_so_and_the_socket_lives(
    url: str, cursor: int
) -> None:
    with welcomed(url, hello("ada")) as (socket, welcome):
        fault = socket.ask(Pull(1, {scope_of(welcome): cursor}))
        assert isinstance(fault, Fault)
        assert (fault.code, fault.fatal) == ("malformed", False)
        assert isinstance(socket.ask(Ping(1)), Pong)


def test_to_a_cursor_from_the_future_the_scope_is_listed_anew(url: str) -> None:
    ada = get_user_model().objects.get(username="ada")
    task = Task.objects.create(title="Buy milk", user=ada)
    with welcomed(url, hello("ada")) as (socket, welcome):
        own = scope_of(welcome)
        page = socket.ask(Pull(1, {own: 2**53 - 1}))
        assert isinstance(page, Changes)
        assert (page.start, page.end, page.more) == (0, welcome.scopes[own], False)
        assert page.listing is not None
        assert rows([page]) == [task.sync_id]


def test_a_cursor_of_another_scope_shows_nothing_of_it(url: str) -> None:
    ada, bob = (get_user_model().objects.get(username=name) for name in ("ada", "bob"))
    mine = Task.objects.create(title="Ada's", user=ada)
    secret = Task.objects.create(title="Bob's", user=bob)
    with welcomed(url, hello("bob")) as (_, welcome):
        theirs, position = scope_of(welcome), welcome.scopes[scope_of(welcome)]
    with welcomed(url, hello("ada")) as (socket, welcome):
        own = scope_of(welcome)
        assert socket.ask(Pull(1, {theirs: 0})) == Leave(theirs)
        assert socket.ask(Pull(1, {theirs: position})) == Leave(theirs)
        assert secret.sync_id not in rows(pulled(socket, {own: position}))
        assert rows(pulled(socket, {own: 0})) == [mine.sync_id]
        wanted = Pull(3, {}, (Key("todo.task", secret.sync_id),))
        assert socket.ask(wanted) == Changes(None, 0, 0, pull=3)
