"""`class Sync` is read as `Meta` is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import FrozenInstanceError
from typing import Any

import pytest
from django.db import models
from django.test.utils import isolate_apps

from crdt.rules import Counter, DeleteWins, LastActionWins, Text
from django_pulse.mapping.options import SyncOptions, parse
from django_pulse.models import SyncModel
from tests.project.todo.models import Note, Task


@pytest.fixture(autouse=True)
def isolated() -> Iterator[None]:
    with isolate_apps("tests.project.todo"):
        yield


def test_a_model_without_one_has_the_defaults() -> None:
    assert Task._sync == SyncOptions()
    assert (Task._sync.audience, Task._sync.read_only) == (None, frozenset())


def test_rules_are_kept_by_field() -> None:
    assert Note._sync.merge["body"] == Text()
    assert Note._sync.merge["votes"] == Counter()


def test_the_options_of_a_model_cannot_be_changed() -> None:
    with pytest.raises(FrozenInstanceError):
        Note._sync.audience = "user"  # type: ignore[misc]
    with pytest.raises(TypeError):
        Note._sync.merge["title"] = Text()  # type: ignore[index]


def test_a_child_without_one_has_that_of_its_abstract_parent() -> None:
    class Parent(SyncModel):
        body = models.TextField()

        class Meta:
            abstract = True
            app_label = "todo"

        class Sync:
            merge = {"body": Text()}
            read_only = ["body"]

    class Same(Parent):
        class Meta:
            app_label = "todo"

    class Replaced(Parent):
        class Meta:
            app_label = "todo"

        class Sync:
            read_only = ("other",)

    class Extended(Parent):
        class Meta:
            app_label = "todo"

        class Sync(Parent.Sync):
            audience = "user"

    assert Same._sync.merge == {"body": Text()}
    assert (Replaced._sync.merge, Replaced._sync.read_only) == ({}, frozenset({"other"}))
    assert (Extended._sync.merge, Extended._sync.audience) == ({"body": Text()}, "user")


def test_what_is_wrong_is_remembered_and_the_rest_is_used() -> None:
    said: dict[str, Any] = {"merge": {"a": Text(), "b": Text}, "audence": "user", "_private": 1}
    options = parse(type("Sync", (), said))
    assert options.merge == {"a": Text()}
    assert options.unknown == ("audence",)
    assert [mistake.attribute for mistake in options.mistakes] == ["merge"]


def test_deleted_is_deleted_unless_the_model_says_otherwise() -> None:
    assert parse(None).deletes == DeleteWins()
    assert parse(type("Sync", (), {"deletes": "last_action_wins"})).deletes == LastActionWins()
    wrong = parse(type("Sync", (), {"deletes": "never"}))
    assert wrong.deletes == DeleteWins()
    assert [mistake.attribute for mistake in wrong.mistakes] == ["deletes"]
