"""The feed: pages, cursors, presence."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from django.db import connection, transaction
from django.test import override_settings
from django.test.utils import CaptureQueriesContext

from crdt.document import Document as CrdtDocument
from django_pulse.changefeed import feed
from django_pulse.changefeed.pages import Page
from django_pulse.mapping.schema import schema_of
from django_pulse.tables import Document, Outbox
from tests.django_pulse.devices import Device
from tests.django_pulse.feeding import of, titles
from tests.django_pulse.together import open_transaction
from tests.project.todo.models import Item, Note, Task

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.databases("sqlite", "postgres"),
]


def test_pages_follow_the_cursor_and_hold_each_row_once(ada: Any) -> None:
    for n in range(7):
        Task.objects.create(title=f"task {n}", user=ada)
    cursor, seen, sizes, more = 0, [], [], True
    while more:
        page = feed.pull(of(ada), cursor, 3)
        assert page.start == cursor
        seen += titles(page)
        sizes.append(len(page.items))
        cursor, more = page.end, page.more
    assert sizes == [3, 3, 1]
    assert seen == [f"task {n}" for n in range(7)]
    assert cursor == feed.scope_heads(ada)[of(ada)]
    page = feed.pull(of(ada), cursor)
    assert (page.end, page.more, page.items, page.leaves) == (cursor, False, (), ())


def test_a_row_that_changed_again_comes_once_and_as_it_is_now(ada: Any) -> None:
    first, second = (Task.objects.create(title=name, user=ada) for name in ("one", "two"))
    cursor = feed.pull(of(ada), 0, 1).end
    first.title = "one, again"
    first.save()
    page = feed.pull(of(ada), cursor)
    assert titles(page) == ["two", "one, again"]
    assert second.title == "two"


def test_a_page_ends_at_a_head_that_was_read_before_the_page(
    ada: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is committed while a page is read belongs to the next one."""
    Task.objects.create(title="before", user=ada)
    documents = feed._documents

    def read_slowly(*arguments: Any) -> Any:
        found = documents(*arguments)
        Task.objects.create(title="meanwhile", user=ada)
        return found

    with monkeypatch.context() as patched:
        patched.setattr(feed, "_documents", read_slowly)
        page = feed.pull(of(ada), 0)
    assert titles(page) == ["before"]
    assert page.end < feed.scope_heads(ada)[of(ada)]
    assert titles(feed.pull(of(ada), page.end)) == ["meanwhile"]


def test_pages_are_bounded_in_bytes_and_a_larger_row_travels_alone(ada: Any) -> None:
    for size in (10, 400, 10, 2_000, 10):
        Task.objects.create(title="x", description="d" * size, user=ada)
    cursor, sizes, more = 0, [], True
    with override_settings(DJANGO_PULSE={"PAGE_BYTES": 700}):
        while more:
            page = feed.pull(of(ada), cursor)
            sizes.append(len(page.items))
            assert sum(len(change.update) for change in page.items) <= 700 or sizes[-1] == 1
            cursor, more = page.end, page.more
    assert sum(sizes) == 5
    assert 1 in sizes
    assert max(sizes) > 1


@pytest.mark.parametrize("cursor", [-1, -(2**63)])
def test_a_negative_cursor_reads_from_the_start(ada: Any, cursor: int) -> None:
    Task.objects.create(title="one", user=ada)
    assert titles(feed.pull(of(ada), cursor)) == ["one"]


def test_an_unknown_scope_has_nothing_in_it(ada: Any) -> None:
    Task.objects.create(title="one", user=ada)
    page = feed.pull("default/nothing", 0)
    assert (page.items, page.leaves, page.more) == ((), (), False)


def test_to_a_cursor_from_the_future_the_scope_is_listed_anew(ada: Any) -> None:
    Task.objects.create(title="one", user=ada)
    head = feed.scope_heads(ada)[of(ada)]
    for cursor in (head + 1, 2**62):
        page = feed.pull(of(ada), cursor)
        assert (page.start, page.end, page.more) == (0, head, False)
        assert page.listing == (0, head)
        assert titles(page) == ["one"]
    assert feed.pull(of(ada), head).listing is None


def test_a_row_that_left_is_a_leave_and_one_that_came_is_whole(
    ada: Any, bob: Any, sent: list[Page]
) -> None:
    note = Note.objects.create(title="Milk", body="two litres", user=ada)
    cursor = feed.scope_heads(ada)[of(ada)]
    sent.clear()
    note.user = bob
    note.title = "for bob"
    note.save()
    page = feed.pull(of(ada), cursor)
    assert (page.items, page.leaves) == ((), (("todo.note", note.sync_id),))
    assert titles(feed.pull(of(bob), 0)) == ["for bob"]
    live = {page.scope: page for page in sent}
    assert (live[of(ada)].items, live[of(ada)].leaves) == ((), (("todo.note", note.sync_id),))
    [change] = live[of(bob)].items
    assert schema_of(Note).read(CrdtDocument(change.update)).values["body"] == "two litres"


@pytest.mark.usefixtures("stamped_later")
def test_a_row_that_moved_before_it_was_stamped_is_not_shown_to_those_it_left(
    ada: Any, bob: Any, sent: list[Page]
) -> None:
    note = Note.objects.create(title="Milk", user=ada)
    feed.stamp("default")
    sent.clear()
    note.title = "secret"
    note.save()
    note.user = bob
    note.save()
    early = feed.pull(of(ada), 0)
    assert early.items == (), "not even before the stamping"
    feed.stamp("default")
    page = feed.pull(of(ada), 0)
    assert (page.items, page.leaves) == ((), (("todo.note", note.sync_id),))
    live = {each.scope: each for each in sent}
    assert (live[of(ada)].items, live[of(ada)].leaves) == ((), (("todo.note", note.sync_id),))
    assert titles(feed.pull(of(bob), 0)) == ["secret"]


@pytest.mark.usefixtures("stamped_later")
def test_a_row_that_left_and_came_back_before_it_was_stamped_is_there(ada: Any, bob: Any) -> None:
    note = Note.objects.create(title="Milk", user=ada)
    for owner in (bob, ada):
        note.user = owner
        note.save()
    feed.stamp("default")
    assert titles(feed.pull(of(ada), 0)) == ["Milk"]
    page = feed.pull(of(bob), 0)
    assert (page.items, page.leaves) == ((), (("todo.note", note.sync_id),))


def test_a_deleted_row_reaches_everybody_as_a_document_that_says_so(ada: Any) -> None:
    task = Task.objects.create(title="Write", user=ada)
    cursor = feed.scope_heads(ada)[of(ada)]
    task.delete()
    [change] = feed.pull(of(ada), cursor).items
    assert schema_of(Task).is_deleted(CrdtDocument(change.update))


def test_documents_are_given_whole_to_those_who_may_see_them(ada: Any, bob: Any) -> None:
    mine = Task.objects.create(title="mine", user=ada)
    theirs = Task.objects.create(title="theirs", user=bob)
    shared = Item.objects.create(name="Pen", price="1.50")
    keys = [("todo.task", mine.sync_id), ("todo.task", theirs.sync_id)]
    keys += [("todo.item", shared.sync_id), ("todo.task", uuid.uuid4()), ("no.such", uuid.uuid4())]
    assert {change.id for change in feed.documents(ada, keys)} == {mine.sync_id, shared.sync_id}
    with CaptureQueriesContext(connection) as few:
        feed.documents(ada, [("todo.task", uuid.uuid4())])
    with CaptureQueriesContext(connection) as many:
        feed.documents(ada, [("todo.task", uuid.uuid4()) for _ in range(500)])
    assert len(many) == len(few)


@pytest.mark.databases("postgres")
def test_a_transaction_that_stays_open_keeps_nobodys_changes_from_readers(
    ada: Any, bob: Any
) -> None:
    def view() -> None:
        Task.objects.create(title="not yet", user=ada)
        Item.objects.create(name="not yet", price=1)

    with open_transaction(view):
        Task.objects.create(title="of ada", user=ada)
        phone = Device(bob, Task)
        phone.create(title="of bob")
        assert [result.status for result in phone.push()] == ["ok"]
        assert titles(feed.pull(of(ada), 0)) == ["of ada"]
        assert titles(feed.pull(of(bob), 0)) == ["of bob"]
        cursor = feed.scope_heads(ada)[of(ada)]
    assert titles(feed.pull(of(ada), cursor)) == ["not yet"]


def test_a_document_that_somebody_removed_from_the_table_stops_no_feed(ada: Any) -> None:
    gone, there = (Task.objects.create(title=name, user=ada) for name in ("gone", "there"))
    Document.objects.filter(sync_id=gone.sync_id).delete()
    assert titles(feed.pull(of(ada), 0)) == ["there"]
    with transaction.atomic():
        there.title = "removed before it was stamped"
        there.save()
        Document.objects.all().delete()
    assert not Outbox.objects.exists()
    assert feed.pull(of(ada), 0).items == ()
