"""Whoever is not signed in: let in by a setting and a model together, and then to read only."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from dataclasses import replace
from importlib import import_module
from io import StringIO
from typing import Any
from uuid import uuid4

import pytest
from django.conf import settings as django_settings
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.test import Client, override_settings

from crdt.events import Refused as RefusedEdit
from crdt.messages import (
    Ack,
    Changes,
    Confirm,
    Fault,
    Hello,
    Item,
    Key,
    Leave,
    Ping,
    Pong,
    Pull,
    Push,
)
from crdt.messages import Refused as RefusedItem
from django_pulse.client import LocalFault, SignInRefused
from django_pulse.mapping.options import SyncOptions
from django_pulse.tables import Device, Outcome
from tests.project.public.models import Notice, Rota
from tests.project.servers import ThreadServer
from tests.project.todo.models import Task

from .client.conftest import in_django
from .client.devices import connected
from .sockets import PATIENCE, opened, welcomed
from .test_consumers import cookie_of, origin_of, pulled, rows, update
from .test_sync_view import sent

ALLOWED = {"ALLOW_ANONYMOUS": True, "AUTHENTICATE": "tests.django_pulse.test_consumers.by_username"}
PUBLIC = "default/*/public.notice"


@pytest.fixture
def url(live_server_asgi: ThreadServer) -> Iterator[str]:
    with override_settings(DJANGO_PULSE=ALLOWED):
        yield live_server_asgi.ws_url


@pytest.fixture
def notice(transactional_db: None) -> Notice:
    user = get_user_model().objects.create_user("ada")
    Task.objects.create(title="Ada's", user=user)
    Rota.objects.create(text="Ada on Monday")
    made: Notice = Notice.objects.create(text="Closed on Monday")
    return made


def nobody(replica: int = 0) -> Hello:
    return Hello(replica or secrets.randbits(52) + 1, "phone")


# Who is let in


@pytest.mark.django_db(transaction=True)
def test_nobody_is_let_in_unless_the_setting_says_so(live_server_asgi: ThreadServer) -> None:
    with opened(live_server_asgi.ws_url) as socket:
        fault = socket.ask(nobody())
        assert (fault.code, fault.fatal) == ("unauthenticated", True)
        assert socket.closed()[0] == 4401


@pytest.mark.databases("sqlite", "postgres")
def test_whoever_is_not_signed_in_reads_public_models_and_no_other(
    url: str, notice: Notice
) -> None:
    with welcomed(url, nobody()) as (socket, welcome):
        assert welcome.user == ""
        assert list(welcome.scopes) == [PUBLIC]
        assert rows(pulled(socket, {PUBLIC: 0})) == [notice.sync_id]
        for scope in ("default/*", f"default/auth.user/user/{1}", "default/*/public.rota"):
            assert socket.ask(Pull(2, {scope: 0})) == Leave(scope)
        wanted = [Key("public.rota", Rota.objects.get().sync_id), Key("public.notice", uuid4())]
        assert socket.ask(Pull(3, {}, tuple(wanted))) == Changes(None, 0, 0, pull=3)


def test_they_may_ask_for_a_part_of_it(url: str, notice: Notice) -> None:
    for label, expected in (("public.notice", [notice.sync_id]), ("todo.task", [])):
        with welcomed(url, replace(nobody(), subscription={label: {}})) as (socket, _):
            assert rows(pulled(socket, {PUBLIC: 0})) == expected


def test_public_rows_arrive_live(url: str, notice: Notice) -> None:
    with welcomed(url, nobody()) as (socket, _):
        Rota.objects.create(text="Bob on Tuesday")
        notice.text = "Open again"
        notice.save()
        live: Any = socket.receive()
        assert (live.scope, rows([live])) == (PUBLIC, [notice.sync_id])
        assert set(socket.ask(Ping(1)).heads) == {PUBLIC}


def test_whoever_is_signed_in_reads_public_rows_once_among_all_others(
    url: str, notice: Notice
) -> None:
    with welcomed(url, Hello(secrets.randbits(52) + 1, "phone", "ada")) as (socket, welcome):
        assert PUBLIC not in welcome.scopes
        found = rows(pulled(socket, dict.fromkeys(welcome.scopes, 0)))
        assert found.count(notice.sync_id) == 1
        assert len(found) == 3


@pytest.mark.parametrize("token", ["nobody", "pulse-ticket:x"])
def test_a_bad_token_makes_nobody_anonymous(url: str, notice: Notice, token: str) -> None:
    del notice
    with opened(url) as socket:
        assert socket.ask(Hello(5, "phone", token)).code == "unauthenticated"


@pytest.mark.parametrize("end", ["logout", "password", "deactivated"])
def test_whoever_was_signed_in_is_told_so_and_not_taken_for_a_stranger(
    url: str, notice: Notice, end: str
) -> None:
    del notice
    ada = get_user_model().objects.get(username="ada")
    cookie = cookie_of(ada)
    if end == "logout":
        key = cookie["Cookie"].partition("=")[2]
        import_module(django_settings.SESSION_ENGINE).SessionStore(key).flush()
    elif end == "password":
        ada.set_password("new")
        ada.save()
    else:
        get_user_model().objects.update(is_active=False)
    with opened(url, additional_headers=cookie, origin=origin_of(url)) as socket:
        assert socket.ask(nobody()).code == "unauthenticated"


def test_a_visitor_with_a_session_of_nobody_may_read(url: str, notice: Notice) -> None:
    del notice
    store = import_module(django_settings.SESSION_ENGINE).SessionStore()
    store["cart"] = [1]
    store.save()
    cookie = {"Cookie": f"{django_settings.SESSION_COOKIE_NAME}={store.session_key}"}
    with welcomed(url, nobody(), additional_headers=cookie, origin=origin_of(url)) as (_, welcome):
        assert welcome.user == ""


@pytest.mark.parametrize("origin", ["null", "http://evil.com"])
def test_a_foreign_page_may_not_even_read_what_is_public(
    url: str, notice: Notice, origin: Any
) -> None:
    del notice
    with opened(url, origin=origin) as socket:
        assert socket.ask(nobody()).code == "forbidden"


# What they may not do


def test_nothing_that_they_push_is_taken(url: str, notice: Notice) -> None:
    said = nobody()
    with welcomed(url, said) as (socket, welcome):
        pushed = [
            Item("public.notice", notice.sync_id, update(said.replica, text="Graffiti")),
            Item("public.notice", uuid4(), update(said.replica, text="New")),
            Item("todo.item", uuid4(), update(said.replica, name="x", price="1.00")),
        ]
        ack = socket.ask(Push(1, welcome.epoch, tuple(pushed)))
        assert isinstance(ack, Ack)
        codes = [it.code for it in ack.exceptions.values() if isinstance(it, RefusedItem)]
        assert codes == ["forbidden"] * 3
    assert [each.text for each in Notice.objects.all()] == ["Closed on Monday"]


def test_they_take_no_replica_id_and_see_no_outcomes_of_others(url: str, notice: Notice) -> None:
    replica = secrets.randbits(52) + 1
    with welcomed(url, Hello(replica, "phone", "ada")):
        pass
    document = Rota.objects.get()
    outcome = Outcome.objects.create(replica=replica, document_id=document.pk, clock=1, payload={})
    with welcomed(url, Hello(replica, "phone", outcomes=(outcome.pk,))) as (socket, welcome):
        socket.send(Confirm((outcome.pk,)))
        assert socket.ask(Ping(1)) == Pong(1, welcome.scopes), "and not the outcome"
    assert Outcome.objects.filter(pk=outcome.pk).exists()
    with welcomed(url, nobody()):
        assert Device.objects.count() == 1
    del notice


@pytest.mark.databases("sqlite", "postgres")
def test_apps_of_the_text_protocol_read_public_rows_and_write_nothing(
    url: str, notice: Notice
) -> None:
    with opened(url) as socket:
        socket.send('{"type":"SYNC_REQUEST_DELTA","table":"notice","last_version":0}')
        told = json.loads(socket.connection.recv(timeout=PATIENCE))
        assert told["data"]["data"]["text"] == "Closed on Monday"
        rows = [{"sync_id": str(notice.sync_id), "text": "Graffiti", "version": notice.version}]
        rows += [{"sync_id": str(uuid4()), "text": "New", "version": 0}]
        socket.send(json.dumps({"type": "SYNC_BATCH_UPLOAD", "table": "notice", "payloads": rows}))
        ack = json.loads(socket.connection.recv(timeout=PATIENCE))
        assert (ack["type"], ack["synced_ids"]) == ("BATCH_ACK", [])
        assert "sign in" in str(ack).lower()
    assert [each.text for each in Notice.objects.all()] == ["Closed on Monday"]
    assert not Device.objects.exists()


def test_over_http_they_confirm_no_outcomes_of_others_either(notice: Notice) -> None:
    replica = secrets.randbits(52) + 1
    outcome = Outcome.objects.create(replica=replica, document_id=notice.pk, clock=1, payload={})
    with override_settings(DJANGO_PULSE=ALLOWED):
        first = sent(Client(), Hello(replica, "phone", outcomes=(outcome.pk,)))
        assert first.status_code == 200
        again = sent(Client(), Confirm((outcome.pk,)), onward=first.headers["Pulse-Onward"])
        assert again.status_code == 200
    assert Outcome.objects.filter(pk=outcome.pk).exists()


# Changed settings


def test_a_model_that_is_not_public_any_more_hides_its_rows_at_once(
    url: str, notice: Notice, monkeypatch: pytest.MonkeyPatch
) -> None:
    with welcomed(url, nobody()) as (socket, _):
        monkeypatch.setattr(Notice, "_sync", SyncOptions(everyone=True))
        assert socket.ask(Ping(1)) == Leave(PUBLIC)
        assert socket.receive() == Pong(1, {})
        assert socket.ask(Pull(1, {PUBLIC: 0})) == Leave(PUBLIC)
    with welcomed(url, Hello(secrets.randbits(52) + 1, "phone", "ada")) as (socket, welcome):
        assert notice.sync_id in rows(pulled(socket, dict.fromkeys(welcome.scopes, 0)))


def test_rows_from_before_a_model_was_public_are_shown_once_they_were_verified(
    url: str, transactional_db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(Notice, "_sync", SyncOptions(everyone=True))
        old = Notice.objects.create(text="From before")
    with welcomed(url, nobody()) as (socket, _):
        assert rows(pulled(socket, {PUBLIC: 0})) == []
        call_command("pulse_verify", "public.notice", "--fix", stdout=StringIO())
    with welcomed(url, nobody()) as (socket, _):
        assert rows(pulled(socket, {PUBLIC: 0})) == [old.sync_id]


def test_when_the_setting_is_taken_back_open_sockets_end(url: str, notice: Notice) -> None:
    del notice
    with welcomed(url, nobody()) as (socket, _), override_settings(DJANGO_PULSE={}):
        fault = socket.ask(Ping(1))
        assert isinstance(fault, Fault)
        assert (fault.code, fault.fatal) == ("unauthenticated", True)


# A device


@pytest.mark.asyncio
async def test_a_device_reads_signs_in_later_and_goes_on_with_the_same_store(
    url: str, notice: Notice, tmp_path: Any
) -> None:
    store = tmp_path / "phone.sqlite3"
    async with connected(url, store=store) as pulse:
        await pulse.synced(PATIENCE)
        notices = pulse.model("public.notice")
        assert [row.text for row in notices.all()] == ["Closed on Monday"]
        changes = pulse.changes()
        notices.set(notice.sync_id, text="Graffiti")
        async for change in changes:
            if isinstance(change, RefusedEdit):
                break
        [kept] = pulse.kept_aside()
        assert kept.fields["text"].value == "Graffiti", "nothing is lost"
    async with connected(url, store=store, token="ada") as pulse:
        await pulse.synced(PATIENCE)
        assert len(pulse.model("todo.task").all()) == 1
        pulse.model("public.notice").set(notice.sync_id, text="Open")
        await pulse.synced(PATIENCE)
    assert await in_django(lambda: Notice.objects.get().text) == "Open"
    async with connected(url, store=store) as pulse:
        with pytest.raises((LocalFault, SignInRefused), match="signed in nobody"):
            await pulse.synced(PATIENCE)
        assert len(pulse.model("todo.task").all()) == 1, "of a user's store nothing is dropped"
