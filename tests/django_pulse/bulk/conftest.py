"""What tests of bulk writes ask of rows and their documents."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from django_pulse.mapping.columns import columns_of
from django_pulse.mapping.keys import Keys
from django_pulse.mapping.schema import label_of
from django_pulse.tables import Document, Outbox
from django_pulse.writes.mirror import values_of as values_of_row
from tests.django_pulse.devices import values_of

__all__ = ["counted", "is_mirrored", "state_of"]


def is_mirrored(*models: Any) -> bool:
    """Does every row's document say what the row says, and every tombstone that it is gone?"""
    for model in models:
        rows = {row.sync_id: row for row in model.objects.all()}
        stored = {each.sync_id: each for each in Document.objects.filter(model=label_of(model))}
        assert {each for each, document in stored.items() if not document.deleted} == set(rows)
        keys = Keys("default", columns_of(model))
        for sync_id, row in rows.items():
            assert values_of(row) == values_of_row(row, keys)
            assert stored[sync_id].version == row.version
    assert not Outbox.objects.exists()
    return True


def state_of(model: Any) -> list[Any]:
    """Everything that is stored about a model's documents."""
    rows = Document.objects.filter(model=label_of(model)).order_by("pk")
    return [
        (sync_id, bytes(state), version, deleted, scopes)
        for sync_id, state, version, deleted, scopes in rows.values_list(
            "sync_id", "state", "version", "deleted", "scopes"
        )
    ]


def counted(work: Callable[[], object]) -> int:
    """How many queries it takes."""
    with CaptureQueriesContext(connection) as captured:
        work()
    return len(captured)


@pytest.fixture(autouse=True)
def _stamped(transactional_db: None) -> None:
    """The scope of everybody's rows is there: the first row of all takes a query more."""
    from tests.project.bulk.models import Plain

    Plain.objects.create().delete()
    Document.objects.all().delete()
