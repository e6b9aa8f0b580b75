"""What is remembered of the text protocol's clients, and for how long."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Any

import pytest
from django.test import override_settings
from django.utils import timezone

from django_pulse.tables import Receipt, Told
from django_pulse.text import forgetting
from django_pulse.upkeep import purging
from tests.project.todo.models import Item, Note

from .apps import App

pytestmark = pytest.mark.django_db(transaction=True)

DAY = 24 * 3600 * 1_000_000


def versions_of(*days_ago: float) -> set[int]:
    """A row told under versions of so many days ago; returns these."""
    now = time.time_ns() // 1_000
    told = [Told(document_id=1, version=int(now - days * DAY), values=b"{}") for days in days_ago]
    return {row.version for row in Told.objects.bulk_create(told)}


def left() -> set[int]:
    return set(Told.objects.values_list("version", flat=True))


def test_a_version_is_known_for_a_month_after_the_next_one() -> None:
    kept = versions_of(32, 30, 1)
    versions_of(100, 40)
    assert forgetting.forget("default") == 2
    assert left() == kept, "a device that was offline for 30 days held that of 32 days ago"


def test_the_latest_version_is_known_for_ever() -> None:
    kept = versions_of(500)
    assert forgetting.forget("default") == 0
    assert left() == kept


@override_settings(DJANGO_PULSE={"TEXT_HISTORY_DAYS": 1})
def test_the_month_is_a_setting() -> None:
    kept = versions_of(2, 0.5)
    versions_of(3)
    forgetting.forget("default")
    assert left() == kept


def test_a_row_is_remembered_in_a_bounded_number_of_versions(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(forgetting, "MOST_VERSIONS", 3)
    versions_of(0.5, 0.4)
    kept = versions_of(0.3, 0.2, 0.1)
    forgetting.forget("default")
    assert left() == kept


def test_a_counter_sent_again_after_months_counts_once(ada: Any) -> None:
    note = Note.objects.create(title="Milk", votes=1, user=ada)
    app = App(ada, "phone")
    app.pull("note")
    app.edit("note", str(note.sync_id), votes=3)
    app.upload("note", lost=True)
    Receipt.objects.update(taken_at=timezone.now() - timedelta(days=40))
    purging.purge("default", purging.horizon())
    app.connect()
    assert app.upload("note")["synced_ids"] == [str(note.sync_id)]
    note.refresh_from_db()
    assert note.votes == 3


def test_receipts_go_with_what_their_device_was_told(ada: Any) -> None:
    app = App(ada)
    app.create("item", name="Milk", price=1)
    app.upload("item")
    Receipt.objects.update(taken_at=timezone.now() - timedelta(days=40))
    assert forgetting.forget("default") == 1


def test_receipts_are_kept_as_long_and_go_with_the_row(ada: Any) -> None:
    app = App(ada)
    made = app.create("item", name="Milk", price=1)
    app.upload("item")
    purging.purge("default", timezone.now())
    assert Receipt.objects.count() == 1
    Item.objects.get(sync_id=made).delete()
    purging.purge("default", timezone.now())
    assert (Receipt.objects.count(), Told.objects.count()) == (0, 0)
