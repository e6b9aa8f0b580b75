"""What the checks say about managers and foreign keys: one test for each id."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.core.checks import CheckMessage
from django.db import models
from django.test.utils import isolate_apps

from django_pulse.checks.writes import check_writers
from django_pulse.manager import BaseManager, SyncManager, SyncQuerySet
from django_pulse.models import SyncModel
from tests.project.bulk.models import Card, Folder


@pytest.fixture(autouse=True)
def isolated() -> Iterator[None]:
    with isolate_apps("tests.project.bulk"):
        yield


def model_of(**body: Any) -> type[SyncModel]:
    return type("Probe", (SyncModel,), {"__module__": "tests.project.bulk.models", **body})


def only(model: type[SyncModel]) -> CheckMessage:
    (message,) = check_writers(model)
    assert message.obj is model
    assert message.hint
    return message


def test_e018_a_default_manager_whose_writes_would_not_sync() -> None:
    message = only(model_of(objects=models.Manager()))
    assert message.id == "pulse.E018"
    assert "SyncManager" in str(message.hint)


def test_e018_not_for_a_queryset_of_ones_own() -> None:
    class Published(SyncQuerySet[Any]):
        pass

    assert list(check_writers(model_of(objects=SyncManager.from_queryset(Published)()))) == []


def test_e018_not_for_a_manager_that_needs_a_request() -> None:
    class PerRequest(SyncManager):
        def get_queryset(self) -> Any:
            raise LookupError("no request")

    assert list(check_writers(model_of(objects=PerRequest()))) == []


def test_e045_a_base_manager_whose_writes_would_not_sync() -> None:
    meta = type("Meta", (), {"base_manager_name": "everything"})
    message = only(model_of(Meta=meta, objects=SyncManager(), everything=models.Manager()))
    assert message.id == "pulse.E045"
    assert "base_manager_name" in str(message.hint)


def test_w045_another_manager_whose_writes_would_not_sync() -> None:
    message = only(model_of(objects=SyncManager(), report=models.Manager()))
    assert message.id == "pulse.W045"
    assert "'report'" in message.msg


class DatabaseOnDelete:
    """As Django 6.1 has them."""

    def __call__(self, *args: Any) -> None:
        pass

    def on_delete_sql(self, schema_editor: Any) -> str:
        return "CASCADE"

    def __str__(self) -> str:
        return "DB_CASCADE"


def database_cascade() -> Any:
    return getattr(models, "DB_CASCADE", None) or DatabaseOnDelete()


def test_e046_a_cascade_that_the_database_makes() -> None:
    key: Any = models.ForeignKey(Folder, database_cascade(), related_name="+")
    message = only(model_of(folder=key))
    assert message.id == "pulse.E046"
    assert "models.CASCADE" in str(message.hint)


def test_django_writes_rows_through_a_manager_of_ours() -> None:
    assert type(Card._base_manager) is BaseManager
    Card._meta._expire_cache()  # type: ignore[attr-defined] # as Django does when apps are loaded
    assert type(Card._base_manager) is BaseManager

    class Proxy(Card):
        class Meta:
            app_label = "bulk"
            proxy = True

    assert type(Proxy._base_manager) is BaseManager
    assert Proxy._base_manager.model is Proxy


def test_a_base_manager_that_the_model_names_is_kept() -> None:
    meta = type("Meta", (), {"base_manager_name": "objects"})
    model = model_of(Meta=meta, objects=SyncManager())
    assert model._base_manager is model._meta.managers_map["objects"]
    assert list(check_writers(model)) == []
