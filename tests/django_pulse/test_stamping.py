"""Stamping: committed changes get their positions, and are told to those who listen."""

from __future__ import annotations

import signal
import subprocess
import sys
from typing import Any

import pytest
from django.db import transaction
from django.test import override_settings

from crdt.document import Document as CrdtDocument
from django_pulse.changefeed import feed
from django_pulse.changefeed.pages import Page
from django_pulse.mapping.schema import schema_of
from django_pulse.tables import Clock, Document, Feed, Outbox, Scope
from tests.django_pulse.devices import document_of, values_of
from tests.django_pulse.feeding import of, titles
from tests.django_pulse.together import at_once, open_transaction, undone
from tests.project.todo.models import Task

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.databases("sqlite", "postgres"),
]


def test_positions_tell_nobody_how_much_others_write(ada: Any, bob: Any) -> None:
    """A counter would: the difference between two of mine would be the number of others'."""
    gaps = []
    for others in (0, 40):
        before = Task.objects.create(title="mine", user=ada)
        for n in range(others):
            Task.objects.create(title=f"other {n}", user=bob)
        after = Task.objects.create(title="mine", user=ada)
        first, second = (
            Feed.objects.get(document__sync_id=each.sync_id).position for each in (before, after)
        )
        gaps.append(second - first)
    assert all(gap > 100 for gap in gaps), "microseconds passed, however few rows were written"
    clock = Clock.objects.get()
    ahead = clock.position + 3_600_000_000
    Clock.objects.update(position=ahead)
    Task.objects.create(title="the server's clock went back an hour", user=ada)
    assert feed.scope_heads(ada)[of(ada)] == ahead + 1, "and still they only grow"


def test_what_was_committed_and_not_stamped_is_found_by_the_next_who_asks(
    ada: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(using: str) -> bool:
        raise RuntimeError("between commit and stamp")

    with monkeypatch.context() as patched:
        patched.setattr(feed, "_stamp_some", die)
        Task.objects.create(title="Write", user=ada)
    assert Outbox.objects.count() == 1
    head = feed.scope_heads(ada)[of(ada)]
    page = feed.pull(of(ada), 0)
    assert (titles(page), page.end) == (["Write"], head)
    assert not Outbox.objects.exists()


DYING = """
import os, signal, django
django.setup()
from django_pulse.changefeed import feed
from tests.project.todo.models import Task
feed._stamp_some = lambda using: os.kill(os.getpid(), signal.SIGKILL)
task = Task.objects.get()
task.title = "Read"
task.save()
"""


@pytest.mark.databases("postgres")
def test_a_process_killed_between_commit_and_stamp_loses_nothing(
    ada: Any, child_environment: dict[str, str]
) -> None:
    task = Task.objects.create(title="Write", user=ada)
    cursor = feed.scope_heads(ada)[of(ada)]
    child = subprocess.run([sys.executable, "-c", DYING], env=child_environment, check=False)
    assert child.returncode == -signal.SIGKILL
    assert Task.objects.get(pk=task.pk).title == "Read"
    assert feed.scope_heads(ada)[of(ada)] > cursor
    assert titles(feed.pull(of(ada), cursor)) == ["Read"]


def test_a_crash_while_stamping_leaves_everything_to_the_next(
    ada: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(feed, "_live_page", None)  # the last step: everything is written by then
        Task.objects.create(title="Write", user=ada)
    assert Outbox.objects.count() == 1
    assert not Feed.objects.exists()
    feed.stamp("default")
    assert titles(feed.pull(of(ada), 0)) == ["Write"]


@pytest.mark.usefixtures("stamped_later")
def test_stamping_makes_one_position_and_one_update_of_several_changes(
    ada: Any, sent: list[Page]
) -> None:
    task = Task.objects.create(title="0", user=ada)
    feed.stamp("default")
    base = bytes(Document.objects.get().state)
    sent.clear()
    for n in range(1, 6):
        task.title = str(n)
        task.save()
    other = Task.objects.create(title="other", user=ada)
    head = Scope.objects.get().head
    feed.stamp("default")
    assert Feed.objects.count() == 2
    [page] = sent
    assert (page.start, page.end) == (head, Scope.objects.get().head)
    assert [change.id for change in page.items] == [task.sync_id, other.sync_id]
    replica = CrdtDocument(base)
    replica.apply_update(page.items[0].update)
    assert schema_of(Task).read(replica).values["title"] == "5"
    assert replica.vector == document_of(task).vector


def test_live_pages_follow_one_another_without_a_gap(ada: Any, sent: list[Page]) -> None:
    task = Task.objects.create(title="0", user=ada)
    for n in range(1, 5):
        task.title = str(n)
        task.save()
    assert [page.start for page in sent] == [0, *(page.end for page in sent[:-1])]
    assert sent[-1].end == Scope.objects.get().head


@pytest.mark.usefixtures("stamped_later")
def test_more_than_one_hint_holds_only_says_that_there_is_something(
    ada: Any, sent: list[Page], monkeypatch: pytest.MonkeyPatch
) -> None:
    Task.objects.create(title="x", description="d" * 2_000, user=ada)
    with override_settings(DJANGO_PULSE={"HINT_MAX_BYTES": 1_000}):
        feed.stamp("default")
    [page] = sent
    assert (page.items, page.more) == ((), True)
    assert titles(feed.pull(of(ada), 0)) == ["x"]


@pytest.mark.usefixtures("stamped_later")
def test_stamping_goes_in_bounded_steps(
    ada: Any, sent: list[Page], monkeypatch: pytest.MonkeyPatch
) -> None:
    Task.objects.bulk_create([Task(title=str(n), user=ada) for n in range(10)])
    monkeypatch.setattr(feed, "STAMPED_AT_ONCE", 4)
    feed.stamp("default")
    assert [len(page.items) for page in sent] == [4, 4, 2]
    assert not Outbox.objects.exists()


@pytest.mark.usefixtures("stamped_later")
def test_stampers_at_the_same_time_stamp_everything_once(ada: Any, sent: list[Page]) -> None:
    rows = Task.objects.bulk_create([Task(title=str(n), user=ada) for n in range(40)])
    at_once(*(lambda: feed.stamp("default") for _ in range(4)))
    positions = list(Feed.objects.values_list("position", flat=True))
    assert len(set(positions)) == len(rows)
    assert max(positions) == Scope.objects.get().head == Clock.objects.get().position
    assert sum(len(page.items) for page in sent) == len(rows)


@pytest.mark.databases("postgres")
def test_a_stamper_that_hangs_stops_no_commit_and_no_ping(
    ada: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed, "STAMP_WAIT_MS", 20)
    with open_transaction(lambda: Clock.objects.select_for_update().get()):
        task = Task.objects.create(title="Write", user=ada)
        assert feed.scope_heads(ada)[of(ada)] == 0
    assert values_of(task)["title"] == "Write"
    assert feed.scope_heads(ada)[of(ada)] > 0


def test_a_transaction_stamps_once_however_many_rows_it_saved(
    ada: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    stamped: list[str] = []
    stamp_some = feed._stamp_some

    def counted(using: str) -> bool:
        stamped.append(using)
        return stamp_some(using)

    monkeypatch.setattr(feed, "_stamp_some", counted)
    with transaction.atomic():
        with undone():
            Task.objects.create(title="undone", user=ada)
        for n in range(5):
            Task.objects.create(title=str(n), user=ada)
        with transaction.atomic():
            Task.objects.create(title="nested", user=ada)
    assert stamped == ["default"]
    assert titles(feed.pull(of(ada), 0)) == [*"01234", "nested"]


def test_a_savepoint_that_is_rolled_back_takes_no_stamping_with_it(ada: Any) -> None:
    with transaction.atomic():
        with undone(), transaction.atomic():
            Task.objects.create(title="undone", user=ada)
        Task.objects.create(title="done", user=ada)
    assert titles(feed.pull(of(ada), 0)) == ["done"]
