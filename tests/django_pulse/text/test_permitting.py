"""What an app may not write is said of its row or its field; everything else is written."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from tests.project.permits.models import Page, Seat, Workspace
from tests.project.todo.models import Task

from .apps import App

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.databases("sqlite", "postgres"),
]


@pytest.fixture
def workspace(ada: Any) -> Workspace:
    """One in which ada is an editor."""
    made = Workspace.objects.create(name="ours")
    Seat.objects.create(workspace=made, user=ada, role="editor")
    return made


@pytest.fixture
def app(ada: Any, workspace: Workspace) -> App:
    return App(ada)


def test_what_can_sync_refuses_is_an_error_of_its_row_and_the_rest_goes_through(
    app: App, workspace: Workspace
) -> None:
    theirs = Workspace.objects.create(name="theirs")
    names = ("open", "locked", "status", "foreign")
    pages = {name: Page(title=name, workspace=workspace) for name in names}
    pages["locked"].status = "locked"
    pages["foreign"].workspace = theirs
    for page in pages.values():
        page.save()
    app.pull("permits.page")
    assert len(app.table("permits.page")) == 3
    for name in ("open", "locked", "status"):
        app.edit("permits.page", str(pages[name].sync_id), title=f"{name}!", body="Mine.", votes=1)
    app.edit("permits.page", str(pages["status"].sync_id), status="done")
    made = app.create("permits.page", title="new", workspace=workspace.pk)
    outside = app.create("permits.page", title="outside", workspace=theirs.pk)
    payloads = [app.payload("permits.page", sync_id) for sync_id in app.marked("permits.page")]
    foreign = {"sync_id": str(pages["foreign"].sync_id), "version": 5, "title": "Mine"}
    nothing = {"sync_id": str(uuid4()), "version": 5, "title": "Mine"}
    said = {
        "type": "SYNC_BATCH_UPLOAD",
        "table": "permits.page",
        "payloads": [*payloads, foreign, nothing],
    }
    ack = app.say(said)[0]
    assert set(ack["synced_ids"]) == {str(pages["open"].sync_id), made}
    told = {each["id"]: each["msg"] for each in ack["errors"]}
    assert told.keys() == {
        str(pages["locked"].sync_id),
        str(pages["status"].sync_id),
        outside,
        foreign["sync_id"],
        nothing["sync_id"],
    }
    assert "This page is locked." in told[str(pages["locked"].sync_id)]
    assert told[str(pages["status"].sync_id)].startswith("status: ")
    assert told[str(foreign["sync_id"])] == told[str(nothing["sync_id"])]
    for page in pages.values():
        page.refresh_from_db()
    assert (pages["open"].title, pages["open"].body, pages["open"].votes) == ("open!", "Mine.", 1)
    assert (pages["status"].title, pages["status"].status) == ("status!", "open")
    assert (pages["locked"].title, pages["foreign"].title) == ("locked", "foreign")
    assert Page.objects.get(sync_id=made).title == "new"
    assert not Page.objects.filter(title="outside").exists()


def test_who_may_only_vote_votes_with_a_whole_row(app: App, workspace: Workspace) -> None:
    page = Page.objects.create(title="Milk", workspace=workspace)
    app.pull("permits.page")
    Seat.objects.update(role="voter")
    sync_id = str(page.sync_id)
    app.edit("permits.page", sync_id, votes=1)
    assert app.upload("permits.page")["synced_ids"] == [sync_id]
    app.edit("permits.page", sync_id, votes=3, title="Mine")
    [error] = app.upload("permits.page")["errors"]
    assert error["msg"].startswith("title: ")
    page.refresh_from_db()
    assert (page.votes, page.title) == (3, "Milk")
    Seat.objects.update(role="reader")
    app.edited.clear()
    app.edit("permits.page", sync_id, votes=9)
    assert len(app.upload("permits.page")["errors"]) == 1
    page.refresh_from_db()
    assert page.votes == 3


def test_who_loses_his_seat_is_told_and_writes_nothing_more(app: App, workspace: Workspace) -> None:
    page = Page.objects.create(title="Milk", workspace=workspace)
    app.pull("permits.page")
    app.edit("permits.page", str(page.sync_id), votes=1)
    Seat.objects.all().delete()
    ack = app.upload("permits.page")
    assert [each["id"] for each in ack["errors"]] == [str(page.sync_id)]
    app.pull("permits.page")
    assert app.table("permits.page") == {}
    page.refresh_from_db()
    assert page.votes == 0


@pytest.mark.parametrize("name", ["user", "user_id"])
def test_nobody_takes_or_gives_away_a_row_by_naming_another_user(
    ada: Any, bob: Any, name: str
) -> None:
    app = App(ada)
    hers = Task.objects.create(title="Hers", user=bob)
    taken = {"sync_id": str(hers.sync_id), "version": 0, "title": "Mine", name: ada.pk}
    made = {"sync_id": str(uuid4()), "version": 0, "title": "For you", name: bob.pk}
    said = {"type": "SYNC_BATCH_UPLOAD", "table": "todo.task", "payloads": [taken, made]}
    ack = app.say(said)[0]
    assert str(hers.sync_id) in {each["id"] for each in ack["errors"]}
    hers.refresh_from_db()
    assert (hers.title, hers.user) == ("Hers", bob)
    assert set(Task.objects.filter(user=bob)) == {hers}
