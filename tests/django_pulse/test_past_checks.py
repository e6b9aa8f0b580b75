"""What the checks say about a model's past: one test for each id."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.db import models
from django.test.utils import isolate_apps

from django_pulse.checks.models import check_model
from django_pulse.mapping.options import parse

from .test_model_checks import hint, model_of, only


@pytest.fixture(autouse=True)
def isolated() -> Iterator[None]:
    with isolate_apps("tests.project.todo"):
        yield


def test_a_past_that_fits_is_fine() -> None:
    options = {"renamed": {"title": "name"}, "formerly": "Shop.Product"}
    model = model_of(options)
    assert check_model(model) == []
    assert (model._sync.renamed, model._sync.formerly) == ({"title": "name"}, "shop.product")


def test_e055_the_new_name_is_no_field() -> None:
    message = only(model_of({"renamed": {"name": "title"}}))
    assert message.id == "pulse.E055"
    assert "'name'" in message.msg
    assert 'renamed = {"present": "title"}' in hint(message)


def test_e056_the_old_name_is_still_a_field() -> None:
    message = only(model_of({"renamed": {"title": "name"}}, name=models.CharField(max_length=5)))
    assert message.id == "pulse.E056"
    assert "Remove the field 'name'" in hint(message)


def test_e057_the_former_model_is_still_there() -> None:
    message = only(model_of({"formerly": "todo.Task"}))
    assert message.id == "pulse.E057"
    assert "'todo.task'" in message.msg


@pytest.mark.parametrize(
    ("attribute", "value"),
    [("renamed", ["name"]), ("renamed", {"name": 1}), ("formerly", "task"), ("formerly", 1)],
)
def test_what_is_no_past_is_a_mistake(attribute: str, value: object) -> None:
    [mistake] = parse(type("Sync", (), {attribute: value})).mistakes
    assert mistake.attribute == attribute
    assert mistake.hint
