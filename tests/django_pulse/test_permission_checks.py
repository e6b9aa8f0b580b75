"""What the checks say about `can_sync`: each id with its hint."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from django.core.checks import CheckMessage
from django.test.utils import isolate_apps

from django_pulse.checks.models import check_model
from django_pulse.checks.permissions import check_permissions
from django_pulse.models import SyncModel
from tests.project.permits.models import Errand, Guest, Page


@pytest.fixture(autouse=True)
def isolated() -> Iterator[None]:
    with isolate_apps("tests.project.permits"):
        yield


def model_of(**body: Any) -> type[SyncModel]:
    return type("Probe", (SyncModel,), {"__module__": "tests.project.permits.models", **body})


def only(model: type[SyncModel]) -> CheckMessage:
    (message,) = check_model(model)
    assert message.obj is model
    assert message.hint
    return message


def plain(self: Any, user: Any = None, action: Any = None, changes: Any = None) -> bool:
    return True


async def later(self: Any, user: Any, action: Any, changes: Any) -> bool:
    return True


def one_by_one(self: Any, user: Any, action: Any, changes: Any) -> Iterator[str]:
    yield "title"


@pytest.mark.parametrize("model", [Page, Guest, Errand])
def test_a_model_as_it_should_be_has_nothing_to_be_said_of(model: type[SyncModel]) -> None:
    assert list(check_permissions(model)) == []


@pytest.mark.parametrize(
    "body", [True, property(plain), staticmethod(plain), classmethod(plain)], ids=type
)
def test_e070_can_sync_is_no_method_of_the_row(body: Any) -> None:
    message = only(model_of(can_sync=body))
    assert message.id == "pulse.E070"
    assert type(body).__name__ in message.msg
    assert "def can_sync(self, user, action, changes)" in str(message.hint)


@pytest.mark.parametrize("body", [later, one_by_one])
def test_e071_can_sync_would_never_answer(body: Any) -> None:
    assert only(model_of(can_sync=body)).id == "pulse.E071"


@pytest.mark.parametrize(
    "body",
    [
        lambda self, user: True,
        lambda self, user, action, changes, request: True,
        lambda self, user, *, action, changes: True,
    ],
)
def test_e072_can_sync_cannot_be_called_as_it_will_be(body: Any) -> None:
    message = only(model_of(can_sync=body))
    assert message.id == "pulse.E072"
    assert "can_sync(self, user" in message.msg


def test_e072_not_for_one_that_takes_anything() -> None:
    model = model_of(can_sync=lambda self, *args, **kwargs: True)
    assert list(check_permissions(model)) == []


def test_e073_can_sync_stands_where_nobody_asks_it() -> None:
    message = only(model_of(Sync=type("Sync", (), {"can_sync": plain})))
    assert message.id == "pulse.E073"
    assert "class Sync" in str(message.hint)


@pytest.mark.parametrize("name", ["cansync", "can_synch", "can_Sync"])
def test_e073_can_sync_is_misspelt(name: str) -> None:
    message = only(model_of(**{name: plain}))
    assert message.id == "pulse.E073"
    assert name in message.msg


@pytest.mark.parametrize(
    "body", [{"can_sync": plain, "_can_sync": plain}, {"can_synchronise": plain}]
)
def test_e073_not_for_what_is_called_so_on_purpose(body: Any) -> None:
    assert list(check_permissions(model_of(**body))) == []


@pytest.mark.parametrize(
    ("path", "mistake"),
    [
        ("project", "permits.Page has no relation 'project'"),
        ("workspace__seets", "permits.Workspace has no relation 'seets'"),
        ("title", "permits.Page has no relation 'title'"),
        ("labels", "a new row has no others"),
    ],
)
def test_e074_prefetch_names_what_cannot_be_read(
    monkeypatch: pytest.MonkeyPatch, path: str, mistake: str
) -> None:
    monkeypatch.setattr(Page, "_sync", replace(Page._sync, prefetch=(path,)))
    (message,) = check_permissions(Page)
    assert (message.id, message.obj) == ("pulse.E074", Page)
    assert mistake in message.msg
    assert message.hint


def test_e011_prefetch_is_no_list() -> None:
    message = only(model_of(Sync=type("Sync", (), {"prefetch": "workspace"})))
    assert message.id == "pulse.E011"
    assert "prefetch = ['workspace']" in str(message.hint)
