"""Scopes: who sees a row, and under which key."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth import get_user_model

from django_pulse.visibility import scopes
from tests.project.todo.models import Everything, Item, Note, Task

EVERYBODY = "default/*"


@pytest.fixture
def ada(db: None) -> Any:
    return get_user_model().objects.create_user("ada")


def test_a_row_without_a_user_field_is_everybodys(ada: Any) -> None:
    assert scopes.of_row(Item(name="Pen"), "default") == [EVERYBODY]
    assert EVERYBODY in scopes.of_user(ada)


def test_a_row_with_a_user_is_that_users(ada: Any) -> None:
    bob = get_user_model().objects.create_user("bob")
    [key] = scopes.of_row(Task(title="x", user=ada), "default")
    assert key == f"default/auth.user/user/{ada.pk}"
    assert key in scopes.of_user(ada)
    assert key not in scopes.of_user(bob)


def test_a_row_whose_user_is_null_is_nobodys() -> None:
    assert scopes.of_row(Task(title="x", user=None), "default") == []


def test_a_row_that_is_local_only_is_nobodys(ada: Any) -> None:
    assert scopes.of_row(Task(title="x", user=ada, is_local_only=True), "default") == []
    assert scopes.of_row(Item(name="Pen", is_local_only=True), "default") == []


def test_only_a_foreign_key_called_user_to_the_user_model_says_whose_a_row_is() -> None:
    assert scopes.owner_field(Note) == Note._meta.get_field("user")
    assert scopes.owner_field(Everything) is None
    assert scopes.owner_field(Item) is None


def test_a_scope_key_names_its_database(ada: Any) -> None:
    """Cursors are kept per scope, and each database counts its own positions."""
    assert scopes.everybody("other") != scopes.everybody("default")
    assert scopes.personal("other", 1) != scopes.personal("default", 1)
    assert {key.partition("/")[0] for key in scopes.of_user(ada)} == {"default"}
    assert set(scopes.of_user(ada).values()) == {"default"}


def test_the_scopes_of_two_users_are_never_the_same(ada: Any) -> None:
    keys = [scopes.personal("default", pk) for pk in (1, 11, "1/1", "a", None)]
    assert len(set(keys)) == len(keys)
    assert EVERYBODY not in keys
