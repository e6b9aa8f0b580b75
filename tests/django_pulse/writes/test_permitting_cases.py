"""`can_sync` and what else a push may be: rows that come back by an edit, texts of new rows, fields
that were of another kind, references to anything.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.test.utils import isolate_apps

from crdt.entry import ROW_FIELD
from django_pulse import permissions
from django_pulse.tables import Document
from tests.django_pulse.devices import Device, document_of, values_of
from tests.django_pulse.workspaces import DENIED, answer, device, space, told
from tests.project.deletes.models import Diary
from tests.project.permits.models import Label, Page, Workspace
from tests.project.relations.models import Comment, Project

__all__ = ["space"]  # a fixture

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.databases("sqlite", "postgres"),
]

Ask = Callable[[Any, Callable[..., Any]], list[Any]]


@pytest.fixture
def ask(monkeypatch: pytest.MonkeyPatch) -> Iterator[Ask]:
    """Gives a model that has none a `can_sync`; returns what that is asked."""

    def give(model: Any, function: Callable[..., Any]) -> list[Any]:
        asked: list[Any] = []

        def can_sync(self: Any, user: Any, action: str, changes: Any) -> Any:
            asked.append((action, self.pk, dict(changes)))
            return function(self, user, action, changes)

        monkeypatch.setattr(model, "can_sync", can_sync)
        permissions.is_asked.cache_clear()
        return asked

    yield give
    monkeypatch.undo()
    permissions.is_asked.cache_clear()


@pytest.mark.parametrize("allowed", [True, False])
def test_an_edit_that_brings_a_deleted_row_back_is_asked_about_as_such(
    ask: Ask, allowed: bool
) -> None:
    row = Diary.objects.create(title="May", copies=1)
    phone = Device(get_user_model().objects.create_user("ada"), Diary)
    phone.pull()
    row.delete()
    phone.skew_ms = 5_000
    phone.set(row.sync_id, title="June")
    phone.add(row.sync_id, copies=2)
    asked = ask(Diary, lambda row, user, action, changes: allowed or action != "undelete")
    [result] = phone.push()
    assert asked == [("undelete", None, {"title": "June", "copies": 3})]
    assert Diary.objects.count() == int(allowed)
    assert Document.objects.get().deleted is not allowed
    if allowed:
        assert told(result) == {}
    else:
        assert told(result) == {"title": ("June", *DENIED), "copies": (2, *DENIED)}
        ask(Diary, lambda *_: True)
        phone.undelete(row.sync_id)
        phone.pull()
        tablet = Device(phone.user, Diary)
        tablet.pull()
        tablet.skew_ms = 10_000
        tablet.undelete(row.sync_id)
        tablet.push()
        assert Diary.objects.get().title == "May"


def test_a_deletion_that_loses_is_asked_about(ask: Ask) -> None:
    row = Diary.objects.create(title="May")
    phone = Device(get_user_model().objects.create_user("ada"), Diary)
    phone.pull()
    phone.skew_ms = -60_000
    phone.delete(row.sync_id)
    row.title = "June"
    row.save()
    ask(Diary, lambda row, user, action, changes: action != "delete")
    [result] = phone.push()
    assert told(result) == {ROW_FIELD: (True, *DENIED)}
    assert Diary.objects.get().title == "June"
    assert document_of(row).live(ROW_FIELD) == ()


def test_a_text_and_a_set_that_a_new_row_may_not_have_become_their_defaults(
    space: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    label = Label.objects.create(name="hot")
    phone = device(space, "admin")
    made = phone.create(title="New", workspace=space.pk, labels=[label.pk])
    phone.edit(made, "body", 0, 0, "Mine é😀")
    answer(monkeypatch, lambda row, user, action, changes: changes.keys() - {"body", "labels"})
    [result] = phone.push()
    assert told(result) == {"body": ("Mine é😀", *DENIED), "labels": (f"[{label.pk}]", *DENIED)}
    row = Page.objects.get()
    assert (row.title, row.body, list(row.labels.all())) == ("New", "Empty.", [])
    assert document_of(row).text("body") == "Empty."
    phone.pull()
    assert phone.get(made) == values_of(row)


def test_a_reference_to_anything_is_shown_as_the_object(ask: Ask) -> None:
    project = Project.objects.create(name="Bridge")
    phone = Device(get_user_model().objects.create_user("ada"), Comment)
    asked = ask(Comment, lambda *_: True)
    phone.create(text="Nice", subject=["relations.project", str(project.sync_id)])
    assert phone.push()[0].status == "ok"
    assert asked == [("create", None, {"text": "Nice", "subject": project})]


@isolate_apps("tests.project.permits")
def test_a_model_that_inherits_can_sync_is_asked() -> None:
    class Sheet(Page):
        class Meta:
            app_label = "permits"
            proxy = True

    assert permissions.is_asked(Sheet)
    assert not permissions.is_asked(Diary)
