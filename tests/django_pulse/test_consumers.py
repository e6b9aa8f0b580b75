"""The endpoint with everything behind it: real server, real sockets, real database."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from contextlib import suppress
from importlib import import_module
from typing import Any
from uuid import UUID, uuid4

import pytest
from channels.auth import AuthMiddlewareStack
from channels.routing import ProtocolTypeRouter, URLRouter
from django.conf import settings
from django.contrib.auth import (
    BACKEND_SESSION_KEY,
    HASH_SESSION_KEY,
    SESSION_KEY,
    get_user_model,
)
from django.test import override_settings
from django.urls import path
from websockets.exceptions import ConnectionClosed

from crdt.document import Document
from crdt.messages import Ack, Changes, Fault, Hello, Item, Key, Leave, Ping, Pong, Pull, Push
from django_pulse.routing import websocket_urlpatterns
from tests.project.servers import ThreadServer
from tests.project.todo.models import Note, Task

from .sockets import Socket, opened, welcomed

pytestmark = pytest.mark.databases("sqlite", "postgres")

TOKENS = {"AUTHENTICATE": f"{__name__}.by_username"}


def by_username(token: str) -> Any:
    """An AUTHENTICATE function: the token is the name."""
    return get_user_model().objects.filter(username=token).first()


@pytest.fixture
def url(live_server_asgi: ThreadServer) -> Iterator[str]:
    with override_settings(DJANGO_PULSE=TOKENS):
        yield live_server_asgi.ws_url


@pytest.fixture
def ada(transactional_db: None) -> Any:
    return get_user_model().objects.create_user("ada")


def hello(token: str | None = "ada") -> Hello:
    return Hello(secrets.randbits(52) + 1, "phone", token)


def cookie_of(user: Any) -> dict[str, str]:
    """The header of a browser in which the user is signed in."""
    store = import_module(settings.SESSION_ENGINE).SessionStore()
    store[SESSION_KEY] = str(user.pk)
    store[BACKEND_SESSION_KEY] = "django.contrib.auth.backends.ModelBackend"
    store[HASH_SESSION_KEY] = user.get_session_auth_hash()
    store.save()
    return {"Cookie": f"{settings.SESSION_COOKIE_NAME}={store.session_key}"}


def origin_of(url: str) -> Any:
    return url.replace("ws://", "http://").removesuffix("/ws/pulse/sync/")


def update(replica: int, *, first: int = 0, **fields: Any) -> bytes:
    """A push that writes these fields."""
    document = Document(replica=replica)
    for name, value in fields.items():
        document.append(name, 1 << 11, value)
    return document.own_diff(first)


def pulled(socket: Socket, cursors: dict[str, int]) -> list[Changes]:
    """Pull, and receive the pages up to the last one of every scope."""
    socket.send(Pull(1, cursors))
    pages: list[Changes] = []
    while len({page.scope for page in pages if not page.more}) < len(cursors):
        page = socket.receive()
        assert isinstance(page, Changes), page
        if page.pull == 1:
            pages.append(page)
    return pages


def rows(pages: list[Changes]) -> list[UUID]:
    return [item.id for page in pages for item in page.items]


# Signing in


def test_the_session_cookie_signs_in_without_any_middleware(url: str, ada: Any) -> None:
    with welcomed(url, hello(None), additional_headers=cookie_of(ada), origin=origin_of(url)) as (
        _,
        welcome,
    ):
        assert welcome.user == str(ada.pk)
        assert "todo.task" in [schema["model"] for schema in welcome.schemas]


@override_settings(ALLOWED_HOSTS=["*"])
@pytest.mark.parametrize("origin", [None, "null", "http://evil.com", "http://127.0.0.1.evil.com"])
def test_a_foreign_page_is_told_why_and_closed(url: str, ada: Any, origin: Any) -> None:
    with opened(url, additional_headers=cookie_of(ada), origin=origin) as socket:
        fault = socket.ask(hello(None))
        assert (fault.code, fault.fatal) == ("forbidden", True)
        assert socket.closed()[0] == 4403


@pytest.mark.parametrize("token", [None, "nobody"])
def test_anonymous_is_told_why_and_closed(url: str, token: str | None) -> None:
    with opened(url, origin=origin_of(url)) as socket:
        fault = socket.ask(hello(token))
        assert (fault.code, fault.fatal) == ("unauthenticated", True)
        assert socket.closed()[0] == 4401


def test_a_token_signs_in(url: str, ada: Any) -> None:
    with welcomed(url, hello()) as (_, welcome):
        assert welcome.user == str(ada.pk)


@pytest.mark.parametrize("prefix", ["", "api/"])
def test_it_works_below_other_routers_and_middleware(ada: Any, prefix: str) -> None:
    routes: Any = URLRouter(websocket_urlpatterns)
    if prefix:
        routes = URLRouter([path(prefix, routes)])
    server = ThreadServer(ProtocolTypeRouter({"websocket": AuthMiddlewareStack(routes)}))
    try:
        url = server.ws_url.replace("/ws/", f"/{prefix}ws/")
        with welcomed(
            url, hello(None), additional_headers=cookie_of(ada), origin=origin_of(server.ws_url)
        ) as (socket, welcome):
            assert welcome.user == str(ada.pk)
            assert isinstance(socket.ask(Ping(1)), Pong)
    finally:
        server.stop()


def test_a_foreign_page_cannot_use_a_session_that_middleware_read(ada: Any) -> None:
    routes = AuthMiddlewareStack(URLRouter(websocket_urlpatterns))
    server = ThreadServer(ProtocolTypeRouter({"websocket": routes}))
    try:
        with opened(
            server.ws_url, additional_headers=cookie_of(ada), origin="http://evil.com"
        ) as socket:
            assert socket.ask(hello(None)).code == "forbidden"
    finally:
        server.stop()


def deactivated(user: Any) -> None:
    get_user_model().objects.filter(pk=user.pk).update(is_active=False)


def deleted(user: Any) -> None:
    get_user_model().objects.filter(pk=user.pk).delete()


@pytest.mark.parametrize(
    ("gone", "code", "close"),
    [(deactivated, "denied", 4403), (deleted, "unauthenticated", 4401)],
)
@pytest.mark.parametrize("kind", ["ping", "pull", "push"])
def test_a_user_who_is_gone_is_closed_at_the_next_message(
    url: str, ada: Any, gone: Callable[[Any], None], code: str, close: int, kind: str
) -> None:
    said = hello()
    with welcomed(url, said) as (socket, welcome):
        gone(ada)
        item = Item("todo.item", uuid4(), update(said.replica, name="x", price="1.00"))
        message: Any = {
            "ping": Ping(1),
            "pull": Pull(1, welcome.scopes),
            "push": Push(1, welcome.epoch, (item,)),
        }[kind]
        with suppress(ConnectionClosed):  # of a deletion the server may have heard before
            socket.send(message)
        fault: Any = socket.receive()
        assert (fault.code, fault.fatal) == (code, True)
        assert socket.closed()[0] == close


def test_a_replica_id_of_somebody_else_is_refused(url: str, ada: Any) -> None:
    del ada
    get_user_model().objects.create_user("bob")
    said = hello()
    with welcomed(url, said), opened(url) as other:
        fault = other.ask(Hello(said.replica, "phone", "bob"))
        assert (fault.code, fault.fatal) == ("replica_taken", True)
        assert other.closed()[0] == 4409


# Rows


def test_a_saved_row_is_pulled(url: str, ada: Any) -> None:
    task = Task.objects.create(title="Buy milk", user=ada)
    with welcomed(url, hello()) as (socket, welcome):
        pages = pulled(socket, dict.fromkeys(welcome.scopes, 0))
        assert rows(pages) == [task.sync_id]


def test_a_saved_row_arrives_live(url: str, ada: Any) -> None:
    with welcomed(url, hello()) as (socket, welcome):
        task = Task.objects.create(title="Buy milk", user=ada)
        live = socket.receive()
        assert isinstance(live, Changes)
        assert live.live
        assert live.start == welcome.scopes[str(live.scope)]
        assert [item.key for item in live.items] == [Key("todo.task", task.sync_id)]


def test_a_pull_comes_in_pages_and_goes_on_from_a_cursor(url: str, ada: Any) -> None:
    tasks = [Task.objects.create(title=str(n), user=ada) for n in range(5)]
    with (
        override_settings(DJANGO_PULSE=TOKENS | {"PAGE_ROWS": 2}),
        welcomed(url, hello()) as (socket, welcome),
    ):
        (own,) = (scope for scope in welcome.scopes if scope.endswith(f"/user/{ada.pk}"))
        pages = pulled(socket, {own: 0})
        assert [len(page.items) for page in pages] == [2, 2, 1]
        assert rows(pages) == [task.sync_id for task in tasks]
        assert rows(pulled(socket, {own: pages[0].end})) == [task.sync_id for task in tasks[2:]]
        assert pages[-1].end == socket.ask(Ping(1)).heads[own]


def test_nobody_pulls_what_is_somebody_elses(url: str, ada: Any) -> None:
    bob = get_user_model().objects.create_user("bob")
    secret = Task.objects.create(title="Secret", user=bob)
    with welcomed(url, hello("bob")) as (_, welcome):
        (own,) = (scope for scope in welcome.scopes if scope.endswith(f"/user/{bob.pk}"))
    with welcomed(url, hello("ada")) as (socket, welcome):
        assert own not in welcome.scopes
        assert socket.ask(Pull(1, {own: 0})) == Leave(own)
        assert socket.ask(Pull(2, {"no such scope": 0})) == Leave("no such scope")
        wanted = Pull(3, {}, (Key("todo.task", secret.sync_id), Key("todo.task", uuid4())))
        assert socket.ask(wanted) == Changes(None, 0, 0, pull=3)
        assert rows(pulled(socket, dict.fromkeys(welcome.scopes, 0))) == []
    del ada


def test_documents_asked_for_come_whole(url: str, ada: Any) -> None:
    task = Task.objects.create(title="Buy milk", user=ada)
    with welcomed(url, hello()) as (socket, _):
        answer = socket.ask(Pull(3, {}, (Key("todo.task", task.sync_id),)))
        assert (answer.scope, answer.pull, answer.more) == (None, 3, False)
        assert [item.id for item in answer.items] == [task.sync_id]


def test_a_pushed_row_is_committed_before_its_ack_and_reaches_the_users_other_device(
    url: str, ada: Any
) -> None:
    said, sync_id = hello(), uuid4()
    with welcomed(url, hello()) as (other, _), welcomed(url, said) as (socket, welcome):
        item = Item("todo.note", sync_id, update(said.replica, title="From a phone"))
        socket.send(Push(1, welcome.epoch, (item,)))
        answers = [socket.receive()]
        if not isinstance(answers[0], Ack):
            answers.append(socket.receive())
        assert Ack(1, 1) in answers
        note = Note.objects.get(sync_id=sync_id)
        assert (note.title, note.user) == ("From a phone", ada)
        live = other.receive()
        assert isinstance(live, Changes)
        assert [one.id for one in live.items] == [sync_id]


def test_a_push_of_another_epoch_writes_nothing(url: str, ada: Any) -> None:
    said, sync_id = hello(), uuid4()
    with welcomed(url, said) as (socket, _):
        item = Item("todo.note", sync_id, update(said.replica, title="x"))
        fault = socket.ask(Push(7, "an older life", (item,)))
        assert fault == Fault("epoch", fault.message, True, 7)
        assert socket.closed()[0] == 4409
    assert not Note.objects.exists()
    del ada


def test_a_push_of_garbage_is_refused_and_the_socket_lives(url: str, ada: Any) -> None:
    with welcomed(url, hello()) as (socket, welcome):
        item = Item("todo.note", uuid4(), b"\xff" * 40)
        ack = socket.ask(Push(1, welcome.epoch, (item,)))
        assert isinstance(ack, Ack)
        assert list(ack.exceptions) == [0]
        assert isinstance(socket.ask(Ping(1)), Pong)
    del ada


@override_settings(CHANNEL_LAYERS={})
def test_without_a_channel_layer_a_ping_tells_of_new_rows(url: str, ada: Any) -> None:
    with welcomed(url, hello()) as (socket, welcome):
        task = Task.objects.create(title="Buy milk", user=ada)
        heads = socket.ask(Ping(1)).heads
        ahead = {scope for scope, head in heads.items() if head > welcome.scopes[scope]}
        assert rows(pulled(socket, {scope: welcome.scopes[scope] for scope in ahead})) == [
            task.sync_id
        ]
