"""Whatever goes wrong for one user, no frame of his holds anything of another's."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth import get_user_model
from django.db import DatabaseError
from django.test import override_settings

from crdt.messages import Changes, Fault, Ping, Pong, Pull, Reverted
from django_pulse.tables import Outcome
from django_pulse.writes.pushes import batches
from tests.django_pulse.permitted import Caller, called
from tests.project.constraints.models import Tag
from tests.project.permits.models import Errand, Page, Workspace
from tests.project.servers import ThreadServer

pytestmark = pytest.mark.databases("sqlite", "postgres")

PAGE, ERRAND, TAG = "permits.page", "permits.errand", "constraints.tag"

SECRET = "Moby-Dick"
NUMBER = 987_654_321
"""The primary keys of what others have begin here."""


@pytest.fixture
def url(live_server_asgi: ThreadServer) -> Iterator[str]:
    settings = {"AUTHENTICATE": "tests.django_pulse.permitted.by_username"}
    with override_settings(DJANGO_PULSE=settings):
        yield live_server_asgi.ws_url


@pytest.fixture
def theirs(transactional_db: None) -> dict[str, Any]:
    """What another tenant has."""
    ada = get_user_model().objects.create_user(f"ada {SECRET}", pk=NUMBER)
    space = Workspace.objects.create(pk=NUMBER + 1, name=SECRET)
    space.seats.create(user=ada, role="admin")
    page = Page.objects.create(pk=NUMBER + 2, title=SECRET, body=SECRET, workspace=space)
    errand = Errand.objects.create(pk=NUMBER + 3, title=SECRET, user=ada)
    return {"space": space, "page": page, "errand": errand, "ada": ada}


@pytest.fixture
def mine(transactional_db: None) -> Page:
    eve = get_user_model().objects.create_user("eve")
    space = Workspace.objects.create(name="Mine")
    space.seats.create(user=eve, role="admin")
    made: Page = Page.objects.create(title="Plan", workspace=space)
    return made


def of_the_database(error: DatabaseError) -> list[str]:
    """Words by which one would know that its text was passed on."""
    return ["permits_", "constraint failed", "UNIQUE", "psycopg", "sqlite", "Traceback", str(error)]


def try_everything(eve: Caller, mine: Page, theirs: dict[str, Any]) -> None:
    """Every way in which a push, a pull or a frame may fail, around what others have."""
    page, errand, space = theirs["page"], theirs["errand"], theirs["space"]
    for row, model in ((page, PAGE), (errand, ERRAND)):
        for fields in ({"title": "x"}, {"deleted": True}, {"user": NUMBER}, {"size": "big"}):
            eve.push(eve.write(model, row.sync_id, **fields))
    edits: tuple[dict[str, Any], ...] = (
        {"parent": str(page.sync_id)},
        {"workspace": space.pk},
        {"labels": [NUMBER]},
        {"title": "y" * 1_000},
        {"title": "Untitled"},
        {"approved": True},
        {"secret": 1},
        {"votes": "many"},
    )
    for edit in edits:
        eve.push(eve.write(PAGE, mine.sync_id, **edit))
    eve.push(eve.write(PAGE, uuid4(), title="x", workspace=space.pk))
    eve.push(eve.write(PAGE, uuid4(), title="x", parent=str(page.sync_id)))
    eve.push(eve.write(ERRAND, uuid4(), title="x", user=NUMBER))
    eve.push(eve.write("permits.workspace", uuid4(), name="x"))
    eve.push(eve.write("permits.seat", uuid4(), role="admin"))
    keys = eve.keys(PAGE, page.sync_id) + eve.keys(ERRAND, errand.sync_id)
    eve.ask(Pull(1, {}, keys), Changes)
    scopes = [f"default/permits.workspace/members/{space.pk}", f"default/auth.user/user/{NUMBER}"]
    eve.socket.send(Pull(2, dict.fromkeys(scopes, 0)))
    eve.ask(b"\0\0\0\2{}", Fault)
    eve.ask(Ping(1), Pong)


def test_no_frame_holds_anything_of_another_tenant(
    url: str, theirs: dict[str, Any], mine: Page
) -> None:
    with called(url, "eve") as eve:
        try_everything(eve, mine, theirs)
        said = b"\n".join(eve.frames)
    for name in ("page", "errand"):
        assert theirs[name].sync_id.bytes not in said
    # Ids and keys that he said himself are said back to him, in what was undone.
    for word in (SECRET, *of_the_database(DatabaseError("no such table"))):
        assert word.encode() not in said, word
    with called(url, "eve") as again:
        again.ask(Ping(1), Pong)
        assert SECRET.encode() not in b"\n".join(again.frames)


@pytest.mark.parametrize(
    "error", [DatabaseError(f"relation {SECRET}"), ValueError(SECRET), KeyError(SECRET)], ids=repr
)
def test_no_text_of_an_exception_reaches_a_device(
    url: str, mine: Page, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise error

    monkeypatch.setattr(batches, "store_rows", fail)
    with called(url, "eve") as eve:
        eve.push(eve.write(PAGE, mine.sync_id, title="x"))
        eve.push(eve.write(PAGE, uuid4(), title="x", workspace=mine.workspace_id))
        assert SECRET.encode() not in b"\n".join(eve.frames)


def test_a_value_that_another_row_has_is_told_by_the_fields_alone(url: str, mine: Page) -> None:
    """That it is taken cannot be hidden where it must be unique; by what, can."""
    tag = Tag.objects.create(pk=NUMBER, name="red", colour="Moby-Dick", is_local_only=True)
    with called(url, "eve") as eve:
        ack = eve.push(eve.write(TAG, uuid4(), name="red"))
        said = b"\n".join(eve.frames)
    verdict = ack.exceptions[0]
    assert isinstance(verdict, Reverted)
    assert verdict.parked is not None
    assert verdict.parked.code == "unique"
    for word in (str(tag.sync_id), str(NUMBER), SECRET):
        assert word.encode() not in said
    assert tag.sync_id.bytes not in said


def test_ids_of_outcomes_tell_nothing_of_how_many_others_had(url: str, mine: Page) -> None:
    ids = []
    with called(url, "eve") as eve:
        for number in range(20):
            ack = eve.push(eve.write(PAGE, mine.sync_id, approved=True, title=str(number)))
            verdict = ack.exceptions[0]
            assert isinstance(verdict, Reverted)
            ids.append(verdict.outcome)
    assert sorted(Outcome.objects.values_list("pk", flat=True)) == sorted(ids)
    steps = [abs(b - a) for a, b in itertools.pairwise(ids)]
    assert min(steps) > 20
    assert 0 < min(ids) <= max(ids) <= 2**52
