"""What `can_sync` is asked, what it may answer, and what it costs."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import connection
from django.test.utils import CaptureQueriesContext

from django_pulse import writes
from django_pulse.tables import Document
from tests.django_pulse.devices import Device, values_of
from tests.django_pulse.workspaces import MISSING, Answer, answer, device, page, space, told
from tests.project.permits.models import Guest, Label, Page, Workspace

__all__ = ["space"]  # a fixture

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.databases("sqlite", "postgres"),
]


# What it is asked


def test_an_update_is_asked_of_the_row_as_it_is_stored(
    space: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    label = Label.objects.create(name="hot")
    row, parent = page(space), page(space, title="Parent")
    phone = device(space, "admin")
    phone.set(row.sync_id, title="New", parent=parent.sync_id, labels=[label.pk])
    phone.add(row.sync_id, votes=3)
    phone.edit(row.sync_id, "body", 0, 5, "Full")
    asked = answer(monkeypatch, lambda *_: True)
    phone.push(row.sync_id)
    [(self, action, changes)] = asked
    assert (action, self.pk, self.title, self.votes) == ("update", row.pk, "Plan", 0)
    assert dict(changes) == {
        "title": "New",
        "votes": 3,
        "body": "Full.",
        "parent": parent,
        "labels": frozenset({label.pk}),
    }
    assert changes["parent_id"] == parent.pk
    assert "parent_id" in changes
    assert "tags" not in changes
    assert changes.get("tags") is None


def test_a_creation_is_asked_of_the_row_to_be_and_only_of_what_the_device_wrote(
    space: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    phone = device(space, "admin")
    phone.create(title="New", workspace=space.pk)
    asked = answer(monkeypatch, lambda *_: True)
    phone.push()
    [(self, action, changes)] = asked
    assert (action, self.pk, self.title, self.status) == ("create", None, "New", "open")
    assert dict(changes) == {"title": "New", "workspace": space}


def test_what_waits_for_another_row_is_asked_about_when_that_is_there(
    space: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    row, phone = page(space), device(space, "admin")
    phone.pull()
    parent = phone.create(title="Parent", workspace=space.pk)
    phone.set(row.sync_id, title="New", parent=parent)
    asked = answer(monkeypatch, lambda row, user, action, changes: "parent" not in changes)
    [result] = phone.push(row.sync_id)
    assert (result.parked or {})["code"] == "waiting"
    phone.push(parent)
    assert [(action, dict(changes)) for _, action, changes in asked] == [
        ("update", {"title": "New"}),
        ("create", {"title": "Parent", "workspace": space}),
        ("update", {"parent": Page.objects.get(sync_id=parent)}),
    ]
    row.refresh_from_db()
    assert (row.title, row.parent) == ("New", None)
    assert values_of(row).get("parent") is None
    undone = writes.outcomes(phone.replica)[-1].reverted
    assert {name: one["code"] for name, one in undone.items()} == {"parent": "denied"}


def test_a_parked_row_is_asked_about_when_it_gets_in(
    space: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    phone = device(space, "admin")
    parent = phone.create(title="Parent", workspace=space.pk)
    child = phone.create(title="Child", workspace=space.pk, parent=parent)
    [result] = phone.push(child)
    assert (result.parked or {})["code"] == "waiting"
    answer(monkeypatch, lambda row, user, action, changes: row.title == "Parent")
    phone.push(parent)
    assert [row.title for row in Page.objects.all()] == ["Parent"]
    parked = Document.objects.get(sync_id=child).parked or {}
    assert (parked["code"], parked["message"]) == MISSING[1:]


# Other answers


def test_messages_for_the_app_are_told_as_they_are(space: Workspace) -> None:
    row = page(space, status="locked")
    phone = device(space, "editor")
    phone.set(row.sync_id, title="Mine")
    [result] = phone.push()
    assert told(result) == {"title": ("Mine", "denied", "This page is locked.")}
    Page.objects.update(status="open")
    phone.set(row.sync_id, title="Untitled", tags=["x"])
    [result] = phone.push()
    assert told(result) == {"title": ("Untitled", "denied", "Find a better title.")}
    assert Page.objects.get().tags == ["x"], "an error about one field leaves the others"


@pytest.mark.parametrize(
    "error", [ValidationError("Not on Sundays.", code="sunday"), PermissionDenied("Not today.")]
)
def test_an_error_about_no_field_is_about_all_of_them(
    space: Workspace, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    row = page(space)
    phone = device(space, "admin")
    phone.set(row.sync_id, title="Mine", tags=["x"])

    def refuse(*_: Any) -> None:
        raise error

    answer(monkeypatch, refuse)
    [result] = phone.push()
    code = getattr(error, "code", "denied")
    message = " ".join(getattr(error, "messages", [str(error)]))
    assert {(c, m) for _, c, m in told(result).values()} == {(code, message)}
    assert set(told(result)) == {"title", "tags"}


def unknown(row: Page, user: Any, action: str, changes: Any) -> Any:
    return changes.get("titel") is None


async def later(*_: Any) -> bool:
    return True


FAULTS: dict[str, Answer] = {
    "raises": lambda *_: 1 / 0,
    "queries in vain": lambda *_: Page.objects.extra(where=["nonsense = 1"]).exists(),
    "returns nothing": lambda *_: None,
    "returns a name": lambda *_: "title",
    "names no field": lambda *_: {"titel"},
    "asks for no field": unknown,
    "is a coroutine": later,
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_of_can_sync_lets_nothing_in_and_is_logged_and_not_told(
    space: Workspace,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    fault: str,
) -> None:
    bad, good = page(space, title="bad"), page(space, title="good")
    phone = device(space, "admin")
    for row in (bad, good):
        phone.set(row.sync_id, status="new")
    answer(monkeypatch, lambda row, *rest: row.title == "good" or FAULTS[fault](row, *rest))
    first, second = phone.push(bad.sync_id, good.sync_id)
    assert (first.status, first.message, first.reverted) == ("busy", "", {})
    assert second.status == "ok", "one row takes no others with it"
    assert list(Page.objects.order_by("pk").values_list("status", flat=True)) == ["open", "new"]
    assert "can_sync of permits.Page failed, asked to update." in caplog.text
    assert str(bad.sync_id) in caplog.text
    monkeypatch.undo()
    [result] = phone.push(bad.sync_id)
    assert (result.status, result.reverted) == ("ok", {})


def test_a_relation_that_cannot_be_read_lets_nothing_in(
    space: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = page(space)
    phone = device(space, "admin")
    phone.set(row.sync_id, title="Mine")
    monkeypatch.setattr(Page, "_sync", replace(Page._sync, prefetch=("project",)))
    assert phone.push()[0].status == "busy"
    monkeypatch.undo()
    assert phone.push()[0].status == "ok"


def test_a_user_who_is_gone_writes_nothing_more(space: Workspace) -> None:
    row = page(space)
    phone = device(space, "admin")
    phone.set(row.sync_id, title="Mine")
    get_user_model().objects.update(is_active=False)
    [result] = phone.push()
    assert result.status == "busy"
    assert Page.objects.get().title == "Plan"


@pytest.mark.parametrize(("name", "code"), [("Ann", "merged"), ("Host", "unique")])
def test_a_row_takes_another_in_only_where_its_writer_may_edit_it(name: str, code: str) -> None:
    there = Guest.objects.create(email="a@b", name=name)
    phone = Device(get_user_model().objects.create_user("ada"), Guest)
    made = phone.create(email="a@b", name="Eve")
    [result] = phone.push()
    assert (result.parked or {})["code"] == code
    assert Guest.objects.get().name == ("Eve" if code == "merged" else "Host")
    if code == "merged":
        Guest.objects.filter(pk=there.pk).update(name="Host")
        phone.set(made, name="Mallory")
        [result] = phone.push()
        assert told(result)["name"][1:] == MISSING[1:]
        assert Guest.objects.get().name == "Host"


# What it costs


def test_what_is_read_beforehand_is_not_asked_for_row_by_row(
    space: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    phone = device(space, "admin")
    other = Workspace.objects.create(name="Yard")
    other.seats.create(user=phone.user, role="admin")

    def names(row: Page, user: Any, action: str, changes: Any) -> bool:
        return bool(row.workspace.name and changes["workspace"].seats.all() and changes.after.title)

    answer(monkeypatch, names)

    def queries(count: int) -> int:
        made = [phone.create(title="New", workspace=space.pk) for _ in range(count)]
        moved = [page(space).sync_id for _ in range(count)]
        phone.pull(*moved)
        for each in moved:
            phone.set(each, workspace=other.pk)
        with CaptureQueriesContext(connection) as captured:
            results = phone.push(*made, *moved)
        assert {(result.status, len(result.reverted)) for result in results} == {("ok", 0)}
        return len(captured)

    queries(1)
    assert queries(20) == queries(2)


def test_sixty_rows_cost_as_many_queries_as_four(space: Workspace) -> None:
    phone = device(space, "editor")

    def queries(count: int) -> int:
        made = [phone.create(title="New", workspace=space.pk) for _ in range(count)]
        old = [page(space).sync_id for _ in range(count)]
        phone.pull(*old)
        for each in old:
            phone.set(each, title="Edited", status="locked")
        with CaptureQueriesContext(connection) as captured:
            results = phone.push(*made, *old)
        assert {result.status for result in results} == {"ok"}
        return len(captured)

    assert queries(30) == queries(2)
