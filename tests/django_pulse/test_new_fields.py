"""Fields that rows of before got later: what the server fills in is nobody's edit."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.db import models

from crdt.rules import Conflicts, Flag, Latest, MergeRule
from crdt.schema import Schema
from django_pulse.mapping import schema
from django_pulse.mapping.schema import schema_of
from tests.django_pulse.devices import document_of
from tests.django_pulse.phones import Phone, Switchboard, switchboard
from tests.django_pulse.releases import LABEL, release
from tests.project.drift.models import Gauge

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def user() -> Any:
    return get_user_model().objects.create_user("ada")


@pytest.fixture
def board() -> Iterator[Switchboard]:
    with switchboard() as found:
        yield found


def before(*names: str) -> Schema:
    """The models of a release that has not got these fields yet."""
    now = schema_of(Gauge)
    return Schema(LABEL, {each: field for each, field in now.fields.items() if each not in names})


def row_of_before(*names: str) -> uuid.UUID:
    """A row whose document was made when there were no such fields."""
    now = schema_of(Gauge)
    schema._schemas[Gauge] = before(*names)
    row: uuid.UUID = Gauge.objects.create(title="Boiler").sync_id
    schema._schemas[Gauge] = now
    return row


def past_the_orm(row: uuid.UUID, **values: Any) -> None:
    """What a data migration does."""
    models.QuerySet(Gauge).filter(sync_id=row).update(**values)


def later_write(row: uuid.UUID) -> None:
    past_the_orm(row, title="Boiler 1")
    Gauge.objects.get(sync_id=row).save()


@pytest.mark.parametrize(
    ("rule", "name", "value"),
    [
        (Latest(), "code", "B7"),
        (Conflicts(), "code", "B7"),
        (Flag(wins=False), "flag", True),
    ],
)
def test_an_edit_of_a_new_field_wins_over_the_default_that_was_filled_in_later(
    board: Switchboard, user: Any, rule: MergeRule, name: str, value: Any
) -> None:
    with release(**{name: rule}):
        row = row_of_before(name)
        phone, other = Phone(board, user, 1), Phone(board, user, 2)
        phone.sync()
        phone.cut()
        phone.replica.set(LABEL, row, **{name: value})
        later_write(row)
        other.sync()
        phone.sync()
        other.sync()
        assert getattr(Gauge.objects.get(sync_id=row), name) == value
        assert phone.row(LABEL, row)[name] == other.row(LABEL, row)[name] == value
        assert Gauge.objects.get(sync_id=row).conflicts() == {}
        assert phone.replica.conflicts(LABEL, row) == {}
        assert len(document_of(Gauge.objects.get(sync_id=row)).live(name)) == 1
