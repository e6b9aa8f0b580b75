"""Where devices may put rows whose users a function names, or other rows: in their own sight."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth import get_user_model

from django_pulse import permissions
from django_pulse.signals import rows_synced
from django_pulse.tables import Document
from tests.django_pulse.devices import Device, values_of
from tests.django_pulse.workspaces import MISSING, told
from tests.project.crews.models import Boat
from tests.project.teams.models import Assignment, Rumour, Shift

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.databases("sqlite", "postgres")]

GONE = ("forbidden", "You would not see this row any more.")


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """What the models' own `can_sync` was asked to do; it allows everything."""
    actions: list[str] = []

    def can_sync(self: Any, user: Any, action: str, changes: Any) -> bool:
        actions.append(action)
        return True

    for model in (Shift, Rumour):
        monkeypatch.setattr(model, "can_sync", can_sync)
    permissions.is_asked.cache_clear()
    yield actions
    monkeypatch.undo()
    permissions.is_asked.cache_clear()


def answers(phone: Device) -> list[Any]:
    return [(result.status, result.code, result.message) for result in phone.push()]


@pytest.mark.parametrize("model", [Shift, Boat])
def test_no_device_makes_a_row_that_nobody_sees(
    ada: Any, model: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """Its users are named by rows that refer to it: there can be none yet."""
    phone = Device(ada, model)
    phone.create(title="Night")
    assert answers(phone) == [MISSING]
    assert f"A device may make no rows of {model._meta.label}" in caplog.text
    assert not model.objects.exists()
    assert not Document.objects.exists()


def test_where_can_sync_says_so_it_does_and_the_projects_code_shows_it(
    ada: Any, asked: list[str]
) -> None:
    def assign(user: Any, created: list[Any], **kwargs: Any) -> None:
        for shift in Shift.objects.filter(sync_id__in=created):
            Assignment.objects.create(shift=shift, worker=user)

    phone = Device(ada, Shift)
    made = phone.create(title="Night")
    rows_synced.connect(assign, sender=Shift)
    try:
        [result] = phone.push()
    finally:
        rows_synced.disconnect(assign, sender=Shift)
    assert (result.status, asked) == ("ok", ["create"])
    phone.pull(made)
    phone.set(made, title="Day")
    [result] = phone.push()
    assert (result.status, result.reverted) == ("ok", {})
    assert Shift.objects.get().title == "Day"


@pytest.mark.parametrize("title", ["bob", "nobody"])
def test_a_row_is_not_made_in_front_of_others_only(ada: Any, bob: Any, title: str) -> None:
    phone = Device(ada, Rumour)
    phone.create(title=title)
    mine = phone.create(title="bob ada")
    results = dict(zip(phone.rows, answers(phone), strict=True))
    assert results.pop(mine)[0] == "ok"
    assert list(results.values()) == [MISSING]
    assert [row.title for row in Rumour.objects.all()] == ["bob ada"]
    assert Document.objects.count() == 1


def test_in_front_of_others_only_it_is_not_made_whatever_can_sync_says(
    ada: Any, bob: Any, asked: list[str]
) -> None:
    phone = Device(ada, Rumour)
    phone.create(title="bob")
    unseen = phone.create(title="nobody")
    assert [answer[0] for answer in answers(phone)] == ["refused", "ok"]
    assert [row.sync_id for row in Rumour.objects.all()] == [unseen]


def test_an_edit_that_takes_the_row_to_others_is_undone(ada: Any, bob: Any) -> None:
    get_user_model().objects.create_user("cy")
    row = Rumour.objects.create(title="ada bob")
    phone = Device(ada, Rumour)
    phone.pull()
    for title in ("cy bob", "nobody"):
        phone.set(row.sync_id, title=title)
        [result] = phone.push()
        assert told(result) == {"title": (title, *GONE)}
        row.refresh_from_db()
        assert row.title == values_of(row)["title"] == "ada bob"
        phone.pull()
    phone.set(row.sync_id, title="ada bob cy")
    assert phone.push()[0].reverted == {}, "that is sharing"


def test_whoever_leaves_a_row_leaves_it_to_those_who_saw_it(ada: Any, bob: Any) -> None:
    row = Rumour.objects.create(title="ada bob")
    phone = Device(ada, Rumour)
    phone.pull()
    phone.set(row.sync_id, title="bob knows")
    assert phone.push()[0].reverted == {}
    row.refresh_from_db()
    assert row.title == "bob knows"
    phone.set(row.sync_id, title="ada again")
    assert answers(phone)[0][0] == "resend", "as to one that is not there"
    row.refresh_from_db()
    assert row.title == "bob knows"


def test_one_edit_that_may_not_be_takes_no_others_with_it(ada: Any, bob: Any) -> None:
    rows = [Rumour.objects.create(title="ada") for _ in range(5)]
    phone = Device(ada, Rumour)
    phone.pull()
    for number, row in enumerate(rows):
        phone.set(row.sync_id, title="bob" if number == 2 else f"ada {number}")
    results = phone.push()
    assert [bool(result.reverted) for result in results].count(True) == 1
    titles = sorted(Rumour.objects.values_list("title", flat=True))
    assert titles == ["ada", "ada 0", "ada 1", "ada 3", "ada 4"]
