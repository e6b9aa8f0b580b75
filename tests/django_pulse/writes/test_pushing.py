"""Pushes: what devices wrote, merged, judged, projected and stored."""

from __future__ import annotations

import uuid
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.db import connection
from django.db.models.signals import post_save

from crdt.document import Document as CrdtDocument
from crdt.entry import Entry
from crdt.update import write_update
from crdt.vector import Order
from django_pulse import writes
from django_pulse.signals import rows_synced
from django_pulse.tables import Document
from django_pulse.writes import PushItem
from tests.django_pulse.devices import Device, document_of, values_of
from tests.project.todo.models import Item, Note, Task

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.databases("sqlite", "postgres"),
]


@pytest.fixture
def user() -> Any:
    return get_user_model().objects.create_user("ada")


@pytest.fixture
def phone(user: Any) -> Device:
    return Device(user, Note)


@pytest.fixture
def laptop(user: Any) -> Device:
    return Device(user, Note)


def test_a_row_made_on_a_device_appears_with_its_defaults_and_its_owner(
    phone: Device, user: Any
) -> None:
    made = phone.create(title="Milk")
    [result] = phone.push()
    assert (result.status, dict(result.reverted)) == ("ok", {})
    row = Note.objects.get()
    assert (row.sync_id, row.title, row.votes, row.user, row.version) == (made, "Milk", 0, user, 1)
    assert values_of(row)["user"] == user.pk, "what the server filled in is in the document"


def test_edits_of_different_fields_both_survive(phone: Device, laptop: Device) -> None:
    made = phone.create(title="Milk", body="")
    phone.push()
    laptop.pull()
    phone.set(made, title="Bread")
    laptop.edit(made, "body", 0, 0, "two litres")
    phone.push()
    [result] = laptop.push()
    assert result.status == "ok"
    row = Note.objects.get()
    assert (row.title, row.body) == ("Bread", "two litres")


def test_of_two_offline_edits_of_one_field_the_later_one_wins(
    phone: Device, laptop: Device
) -> None:
    made = phone.create(title="Milk")
    phone.push()
    laptop.pull()
    laptop.set(made, title="earlier")
    phone.skew_ms = 5_000
    phone.set(made, title="later")
    phone.push()
    laptop.push()
    assert Note.objects.get().title == "later"


def test_counters_add_up_over_devices_and_the_orm(phone: Device, laptop: Device) -> None:
    made = phone.create(title="Poll", votes=0)
    phone.push()
    laptop.pull()
    phone.add(made, votes=2)
    phone.add(made, votes=3)
    laptop.add(made, votes=-1)
    row = Note.objects.get()
    row.votes += 10
    row.save()
    phone.push()
    laptop.push()
    assert Note.objects.get().votes == 14
    assert values_of(row)["votes"] == 14
    assert len(document_of(row).live("votes")) == 1, "the server folds accepted differences"


def test_a_push_sent_twice_counts_once(phone: Device) -> None:
    made = phone.create(title="Poll", votes=5)
    item = PushItem("todo.note", made, phone.update(made))
    for _ in range(2):
        [result] = writes.push(phone.user, phone.replica, [item])
        assert (result.status, result.clock) == ("ok", 2)
    assert Note.objects.get().votes == 5
    assert Note.objects.get().version == 1


def test_a_push_whose_predecessor_is_missing_is_answered_with_resend_and_loses_nothing(
    phone: Device,
) -> None:
    made = phone.create(title="Milk")
    phone.push()
    phone.set(made, title="Bread")
    clock = phone.rows[made].clock(phone.replica)
    phone.rows[made].encode()
    phone.set(made, title="Butter")
    missing = phone.rows[made].own_diff(clock)
    [result] = writes.push(phone.user, phone.replica, [PushItem("todo.note", made, missing)])
    assert (result.status, result.clock) == ("resend", phone.acked[made])
    assert Note.objects.get().title == "Milk"
    [result] = phone.push()
    assert result.status == "ok"
    assert Note.objects.get().title == "Butter"


def test_a_row_deleted_on_one_device_and_edited_on_another_is_deleted(
    phone: Device, laptop: Device
) -> None:
    made = phone.create(title="Milk")
    phone.push()
    laptop.pull()
    phone.delete(made)
    laptop.set(made, title="Bread")
    laptop.push()
    phone.push()
    assert not Note.objects.exists()
    assert Document.objects.get().deleted


def test_another_users_row_is_refused_and_stays_as_it_is(phone: Device) -> None:
    made = phone.create(title="Milk")
    phone.push()
    thief = Device(get_user_model().objects.create_user("eve"), Note)
    thief.create(made, title="Stolen")
    [result] = thief.push()
    assert (result.status, result.code) == ("refused", "forbidden")
    assert Note.objects.get().title == "Milk"
    assert Document.objects.get().version == 1


def test_a_column_changed_by_raw_sql_is_not_undone_by_the_next_push(phone: Device) -> None:
    made = phone.create(title="Milk", votes=1)
    phone.push()
    with connection.cursor() as cursor:
        cursor.execute("UPDATE todo_note SET votes = 9, reviewed_by = 'raw'")
    phone.set(made, title="Bread")
    phone.push()
    row = Note.objects.get()
    assert (row.title, row.votes, row.reviewed_by) == ("Bread", 9, "raw")
    phone.pull()
    assert phone.get(made)["votes"] == 9, "what was absorbed reaches every client"


def test_the_vector_clock_tells_who_wrote_a_row(phone: Device) -> None:
    made = phone.create(title="Milk", body="", votes=0, reviewed_by="")
    phone.push()
    row = Note.objects.get(sync_id=made)
    assert row.vector_clock[phone.replica] == phone.rows[made].clock(phone.replica)
    before = row.vector_clock
    row.title = "Bread"
    row.save()
    assert row.vector_clock.compare(before) is Order.AFTER


def test_an_unknown_model_is_refused(user: Any) -> None:
    [result] = writes.push(user, 5, [PushItem("todo.nothing", uuid.uuid4(), b"")])
    assert (result.status, result.code) == ("refused", "unknown_model")
    [result] = writes.push(user, 5, [PushItem("auth.user", uuid.uuid4(), b"")])
    assert (result.status, result.code) == ("refused", "unknown_model")


def test_bytes_that_are_not_canonical_are_refused(phone: Device) -> None:
    [result] = writes.push(phone.user, 5, [PushItem("todo.note", uuid.uuid4(), b"\xff\xff")])
    assert (result.status, result.code) == ("refused", "malformed")
    assert not Document.objects.exists()


def test_receivers_hear_of_rows_that_devices_changed(phone: Device, user: Any) -> None:
    saved: list[tuple[str, bool]] = []
    synced: list[tuple[Any, int, int, int]] = []

    def on_save(sender: Any, instance: Note, created: bool, **kwargs: Any) -> None:
        saved.append((instance.title, created))
        if created:
            instance.votes += 1
            instance.save()

    def on_sync(user: Any, created: Any, updated: Any, deleted: Any, **kwargs: Any) -> None:
        synced.append((user, len(created), len(updated), len(deleted)))

    post_save.connect(on_save, sender=Note)
    rows_synced.connect(on_sync, sender=Note)
    try:
        made = phone.create(title="Milk")
        phone.push()
        phone.set(made, title="Bread")
        phone.push()
    finally:
        post_save.disconnect(on_save, sender=Note)
        rows_synced.disconnect(on_sync, sender=Note)
    assert synced == [(user, 1, 0, 0), (user, 0, 1, 0)]
    assert ("Milk", True) in saved
    assert ("Bread", False) in saved
    assert Note.objects.get().votes == 1


def test_a_row_without_user_goes_to_everybody(user: Any) -> None:
    tablet = Device(user, Item)
    made = tablet.create(name="Pen", price=Decimal("1.50"))
    tablet.push()
    other = Device(get_user_model().objects.create_user("bob"), Item)
    other.pull()
    assert other.get(made)["price"] == Decimal("1.50")


def test_a_row_deleted_on_a_device_can_be_brought_back_by_it(phone: Device) -> None:
    made = phone.create(title="Milk")
    phone.push()
    phone.delete(made)
    phone.push()
    assert not Note.objects.exists()
    document = phone.rows[made]
    live = tuple(each.dot for each in document.live("-"))
    document.append("-", document.next_stamp(phone.now()), False, live)
    phone.push()
    assert Note.objects.get().title == "Milk"


def test_texts_with_every_kind_of_character_merge(phone: Device, laptop: Device) -> None:
    made = phone.create(title="t", body="")
    phone.push()
    laptop.pull()
    phone.pull()
    phone.edit(made, "body", 0, 0, "a🎉e\u0301ö")
    phone.push()
    laptop.pull()
    laptop.edit(made, "body", 2, 1, "é𝔘")
    phone.edit(made, "body", 1, 1, "🥛🥛")
    phone.push()
    laptop.push()
    row = Note.objects.get()
    row.body = "👩‍👩‍👧" + row.body
    row.save()
    phone.pull()
    laptop.pull()
    assert phone.get(made)["body"] == laptop.get(made)["body"] == Note.objects.get().body
    assert Note.objects.get().body == "👩‍👩‍👧a🥛🥛é𝔘\u0301ö"


def test_a_bulk_push_of_new_rows_takes_a_constant_number_of_queries(
    phone: Device, django_assert_max_num_queries: Any
) -> None:
    for n in range(200):
        phone.create(title=f"note {n}", body="", votes=n, reviewed_by="", user=phone.user.pk)
    with django_assert_max_num_queries(60):
        results = phone.push()
    assert {result.status for result in results} == {"ok"}
    assert Note.objects.count() == 200


@pytest.mark.parametrize("is_counted", [True, False])
def test_a_broken_document_is_rebuilt_for_who_pushes_to_it_and_the_others_go_on(
    phone: Device, is_counted: bool
) -> None:
    one, other = phone.create(title="a"), phone.create(title="b")
    phone.push()
    Document.objects.filter(sync_id=one).update(state=b"\xff\x01")
    if not is_counted:
        Document.objects.update(clocks=None)
    phone.add(one, votes=2)
    phone.set(other, title="d")
    results = dict(zip(phone.rows, phone.push(), strict=True))
    # Whoever hears "resend" fetches the document whole.
    assert results[one].status == ("ok" if is_counted else "resend")
    assert results[other].status == "ok"
    assert Note.objects.get(sync_id=other).title == "d"
    assert values_of(Note.objects.get(sync_id=one))["votes"] == (2 if is_counted else 0)
    phone.set(one, title="c")
    assert phone.push(one)[0].status == "resend", "what it replaces was in the one that broke"
    assert Note.objects.get(sync_id=one).title == "a"


def test_hand_written_bytes_are_what_a_client_may_send(user: Any) -> None:
    entry = Entry((77, 0), "title", 1, "by hand")  # type: ignore[arg-type]
    data = write_update(77, 0, None, [entry.raw()], {})
    [result] = writes.push(user, 77, [PushItem("todo.task", uuid.uuid4(), data)])
    assert result.status == "ok"
    assert Task.objects.get().title == "by hand"
    assert CrdtDocument(bytes(Document.objects.get().state)).live("title")[0].value == "by hand"
