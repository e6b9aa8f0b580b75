"""The conversation: who is served, what is answered, what is told and in which order."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import override_settings

from django_pulse.server.steps import Close, Join, Part, Send
from django_pulse.tables import Clock, Naming, Outbox, Told
from django_pulse.text import listing
from tests.django_pulse.releases import LABEL, forgetful
from tests.django_pulse.stand_ins import drive
from tests.project.drift.models import Gauge
from tests.project.teams.models import Budget, Project
from tests.project.todo.models import Item, Note, Task

from .apps import App

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.databases("sqlite", "postgres"),
]

MALFORMED: dict[str, Any] = {
    "nothing": "",
    "no JSON": "{",
    "NaN": '{"type":"SYNC_REQUEST_DELTA","table":"item","last_version":NaN}',
    "half a surrogate pair": '{"type":"\\ud800"}',
    "too deep": "[" * 100_000,
    "a list": [],
    "a number": 5,
    "no type": {},
    "a type that is none": {"type": ["SYNC_UPLOAD"]},
    "a type of ours": {"type": "websocket.receive"},
    "a message of the server's": {"type": "SYNC_UPDATE", "data": {}},
    "no table": {"type": "SYNC_REQUEST_DELTA"},
    "a table that is a number": {"type": "SYNC_REQUEST_DELTA", "table": 5},
    "a long table": {"type": "SYNC_REQUEST_DELTA", "table": "x" * 300},
    "a table that does not sync": {"type": "SYNC_REQUEST_DELTA", "table": "user"},
    "an ambiguous table": {"type": "SYNC_REQUEST_DELTA", "table": "task"},
    "a version that is text": {"type": "SYNC_REQUEST_DELTA", "table": "item", "last_version": "5"},
    "a negative version": {"type": "SYNC_REQUEST_DELTA", "table": "item", "last_version": -1},
    "half a version": {"type": "SYNC_REQUEST_DELTA", "table": "item", "last_version": 0.5},
    "true for a version": {"type": "SYNC_REQUEST_DELTA", "table": "item", "last_version": True},
    "a huge version": {"type": "SYNC_REQUEST_DELTA", "table": "item", "last_version": 2**63},
    "no payload": {"type": "SYNC_UPLOAD", "table": "item"},
    "a payload that is a list": {"type": "SYNC_UPLOAD", "table": "item", "payload": []},
    "no payloads": {"type": "SYNC_BATCH_UPLOAD", "table": "item"},
    "payloads that are one": {"type": "SYNC_BATCH_UPLOAD", "table": "item", "payloads": {}},
}

WRONG_ROWS: dict[str, Any] = {
    "no object": 5,
    "no id": {"name": "Milk"},
    "an id that is no UUID": {"sync_id": "5", "name": "Milk"},
    "an id that is an object": {"sync_id": {}, "name": "Milk"},
    "a version that is text": {"sync_id": "00000000-0000-4000-8000-000000000000", "version": "x"},
    "a deletion that is text": {
        "sync_id": "00000000-0000-4000-8000-000000000000",
        "is_deleted": "x",
    },
}


@pytest.fixture
def app(ada: Any) -> App:
    return App(ada)


def test_a_malformed_message_is_answered_by_an_error_and_the_connection_lives(app: App) -> None:
    codes = {"malformed", "unknown_type", "unknown_table", "ambiguous_table"}
    for name, said in MALFORMED.items():
        [answer] = app.say(said)
        assert (name, answer["type"]) == (name, "error")
        assert answer["code"] in codes, name
        assert answer["message"], name
    Item.objects.create(name="Milk", price="1.50")
    assert [each["data"]["data"]["price"] for each in app.pull("item")] == ["1.50"]


def test_what_is_no_row_is_told_by_itself_and_the_rest_of_the_batch_goes_through(app: App) -> None:
    good = app.create("item", name="Milk", price="1.50")
    payloads = [*WRONG_ROWS.values(), app.payload("item", good)]
    [ack] = app.say({"type": "SYNC_BATCH_UPLOAD", "table": "item", "payloads": payloads})
    assert ack["synced_ids"] == [good]
    assert len(ack["errors"]) == len(WRONG_ROWS)
    assert all(each["msg"] for each in ack["errors"])
    assert Item.objects.count() == 1
    for payload in WRONG_ROWS.values():
        [answer] = app.say({"type": "SYNC_UPLOAD", "table": "item", "payload": payload})
        assert "error" in {answer["type"], str(answer.get("status")).lower()}


def test_an_app_may_call_a_table_what_its_model_was_called_before(app: App) -> None:
    with forgetful():
        Naming.objects.filter(label=LABEL).update(names=["drift.dial", LABEL])
        Gauge.objects.create(title="Pressure")
        for table in ("gauge", "drift.gauge", "dial", "drift.dial"):
            [said] = app.say({"type": "SYNC_REQUEST_DELTA", "table": table})
            assert said["data"]["model"] == table


def test_a_message_that_is_too_large_is_answered(app: App) -> None:
    [answer] = app.say('"' + "x" * (8 << 20) + '"')
    assert (answer["type"], answer["code"]) == ("error", "too_large")


def test_nobody_is_served_without_a_sign_in() -> None:
    app = App(None)
    assert app.session is not None
    sent, closed = drive(app.session.receive('{"type":"SYNC_REQUEST_DELTA","table":"item"}'))
    assert isinstance(sent, Send)
    assert '"code":"unauthenticated"' in str(sent.frame)
    assert isinstance(closed, Close)
    assert drive(app.session.receive("{}")) == [], "it is closed"


def test_a_user_who_is_deactivated_is_served_no_more(app: App, ada: Any) -> None:
    app.pull("item")
    type(ada).objects.update(is_active=False)
    made = app.create("item", name="Milk", price=1)
    payload = app.payload("item", made)
    assert app.session is not None
    text = {"type": "SYNC_UPLOAD", "table": "item", "payload": payload}
    [answer] = app.say(text)
    assert answer["type"] == "error"
    assert app.session.is_closed
    assert not Item.objects.exists()


def test_a_delta_comes_in_the_order_of_versions_page_by_page(app: App) -> None:
    for number in range(5):
        Item.objects.create(name=f"{number}", price=number)
    Item.objects.get(name="1").save()
    row = Item.objects.get(name="2")
    row.price = 9
    row.save()
    with override_settings(DJANGO_PULSE={"PAGE_ROWS": 2}):
        told = [each["data"] for each in app.pull("item")]
    assert [each["data"]["name"] for each in told] == ["0", "1", "3", "4", "2"]
    versions = [each["version"] for each in told]
    assert versions == sorted(versions)
    assert app.pull("item") == [], "nothing is told twice"


def test_values_are_what_json_holds_exactly(app: App) -> None:
    Item.objects.create(name="😀", price="12345678.90")
    [said] = app.pull("item")
    row, data = Item.objects.get(), said["data"]
    assert data == {
        "model": "item",
        "sync_id": str(row.sync_id),
        "version": data["version"],
        "data": {
            "id": row.pk,
            "sync_id": str(row.sync_id),
            "version": data["version"],
            "is_deleted": False,
            "name": "😀",
            "description": "",
            "price": "12345678.90",
        },
    }


def test_a_row_that_is_deleted_or_goes_to_somebody_else_is_gone(
    app: App, ada: Any, bob: Any
) -> None:
    stays, goes, dies = (Task.objects.create(title=each, user=ada) for each in "abc")
    app.pull("todo.task")
    goes.user = bob
    goes.save()
    dies.delete()
    told = [each["data"] for each in app.pull("todo.task")]
    assert [(each["type"], each["sync_id"]) for each in told] == [
        ("HARD_DELETE", str(goes.sync_id)),
        ("HARD_DELETE", str(dies.sync_id)),
    ]
    assert app.table("todo.task").keys() == {str(stays.sync_id)}


def test_who_begins_anew_is_told_of_no_row_that_is_gone(app: App) -> None:
    Item.objects.create(name="Milk", price=1).delete()
    assert app.pull("item") == []


def test_a_version_that_no_row_has_yet_is_before_everything(app: App) -> None:
    Item.objects.create(name="Milk", price=1)
    said = app.say({"type": "SYNC_REQUEST_DELTA", "table": "item", "last_version": 2**62})
    assert [each["data"]["data"]["name"] for each in said] == ["Milk"]
    Item.objects.create(name="Bread", price=1)
    assert [each["data"]["data"]["name"] for each in app.check()] == ["Bread"]


def test_live_changes_of_tables_that_were_asked_for_are_told(app: App) -> None:
    app.pull("item")
    Item.objects.create(name="Milk", price=1)
    Note.objects.create(title="Bread", user=app.user)
    [said] = app.check()
    assert said["data"]["data"]["name"] == "Milk"


def test_a_row_without_a_position_yet_is_told_once_it_has_one(
    app: App, stamped_later: pytest.MonkeyPatch
) -> None:
    row = Item.objects.create(name="Milk", price=1)
    app.pull("item")
    row.name = "Bread"
    row.save()
    assert Outbox.objects.exists()
    readings = app.session._read() if app.session else None
    assert readings is not None
    cursor = listing.Cursor(0)
    assert listing.lines(readings, Item, cursor, 10).lines == (), "its position is that of before"
    [said] = app.pull("item")
    assert said["data"]["data"]["name"] == "Bread"


def test_what_is_told_is_stored_once(app: App, bob: Any) -> None:
    Item.objects.create(name="Milk", price=1)
    app.pull("item")
    App(bob).pull("item")
    assert Told.objects.count() == 1


def test_rows_of_a_scope_that_opens_later_are_told_although_they_are_older(
    app: App, ada: Any, bob: Any
) -> None:
    closed, opened = Project.objects.create(name="closed"), Project.objects.create(name="opened")
    opened.admins.add(ada)
    old = [Budget.objects.create(title=each, project=closed) for each in "abc"]
    Budget.objects.create(title="mine", project=opened)
    assert [each["data"]["data"]["title"] for each in app.pull("budget")] == ["mine"]
    closed.admins.add(ada)
    with override_settings(DJANGO_PULSE={"PAGE_ROWS": 2}):
        told = [each["data"]["data"]["title"] for each in app.pull("budget")]
    assert told == ["a", "b", "c"]
    assert app.pull("budget") == []
    closed.admins.remove(ada)
    gone = [each["data"] for each in app.pull("budget")]
    assert {each["sync_id"] for each in gone} == {str(each.sync_id) for each in old}
    assert all(each["type"] == "HARD_DELETE" for each in gone)
    assert app.pull("budget") == []
    assert len(app.table("budget")) == 1


def test_who_is_cut_off_amid_a_scope_that_opened_is_told_the_rest(app: App, ada: Any) -> None:
    project = Project.objects.create(name="closed")
    for each in "abc":
        Budget.objects.create(title=each, project=project)
    assert app.pull("budget") == []
    app.cursors["budget"] = Clock.objects.get().position
    project.admins.add(ada)
    asked = {"type": "SYNC_REQUEST_DELTA", "table": "budget"}
    told = app.say({**asked, "last_version": app.cursors["budget"]})
    app.take(told[0])
    assert len(app.pull("budget")) == 3


def test_an_open_connection_is_told_a_scope_that_opens_and_one_that_closes(
    app: App, ada: Any
) -> None:
    project = Project.objects.create(name="closed")
    budget = Budget.objects.create(title="old", project=project)
    app.pull("budget")
    project.admins.add(ada)
    assert app.session is not None
    steps = drive(app.session.check())
    assert any(isinstance(step, Join) for step in steps)
    [said] = [step.frame for step in steps if isinstance(step, Send)]
    assert str(budget.sync_id) in str(said)
    project.admins.remove(ada)
    steps = drive(app.session.check())
    assert any(isinstance(step, Part) for step in steps)
    [said] = [step.frame for step in steps if isinstance(step, Send)]
    assert "HARD_DELETE" in str(said)


def test_a_name_of_a_device_that_is_none_is_answered(ada: Any) -> None:
    app = App(ada, "x" * 100)
    [answer] = app.say({"type": "SYNC_REQUEST_DELTA", "table": "item"})
    assert "?device=NAME" in answer["message"]
