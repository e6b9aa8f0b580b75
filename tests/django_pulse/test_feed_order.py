"""Of many writers in many interleavings no reader ever skips a row.

The writers' transactions overlap and commit in an order that has nothing to do with the order of
their writes: a referee holds several of them open and lets one go at random. Meanwhile readers pull
by cursor, page by small page.
"""

from __future__ import annotations

import queue
import random
import threading
import uuid
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.db import transaction

from crdt.document import Document
from django_pulse.changefeed import feed
from django_pulse.mapping.schema import schema_of
from django_pulse.tables import Feed, Outbox, Scope
from django_pulse.visibility import scopes
from tests.django_pulse.together import PATIENCE, in_thread
from tests.project.todo.models import Task

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.databases("postgres"),
]

WRITERS, READERS, INTERLEAVINGS = 8, 3, 500
SEED = 5


class Referee:
    """Keeps transactions open, and lets them commit in random order."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.standing: queue.Queue[threading.Event | None] = queue.Queue()

    def before_commit(self) -> None:
        """Called by a writer at the end of its transaction."""
        event = threading.Event()
        self.standing.put(event)
        assert event.wait(PATIENCE)

    def gone(self) -> None:
        """Called by a writer that is done."""
        self.standing.put(None)

    def watch(self) -> None:
        waiting: list[threading.Event] = []
        writers = WRITERS
        while writers:
            # Every writer that is not done comes to stand here: nobody waits for another's row.
            while len(waiting) < self.random.randint(1, writers):
                arrived = self.standing.get(timeout=PATIENCE)
                if arrived is None:
                    writers -= 1
                    if not writers:
                        break
                else:
                    waiting.append(arrived)
            if waiting:
                waiting.pop(self.random.randrange(len(waiting))).set()


class Reader:
    """Pulls a scope by cursor, and remembers the latest title it was given of every row."""

    def __init__(self, user: Any, scope: str, seed: int, done: threading.Event) -> None:
        self.user, self.scope, self.done = user, scope, done
        self.random = random.Random(seed)
        self.cursor = 0
        self.seen: dict[uuid.UUID, Any] = {}
        self.pages = 0

    def read(self) -> None:
        last_round = False
        while True:
            finished = self.done.is_set()
            # Some find what others stamped, others stamp themselves.
            stamps = finished or self.random.random() < 0.3
            head = feed.scope_heads(self.user)[self.scope] if stamps else self._head()
            self._pull(self.random.randint(1, 7))
            if last_round:
                return
            last_round = finished and self.cursor >= head

    def _head(self) -> int:
        row = Scope.objects.filter(key=self.scope).first()
        return row.head if row else 0

    def _pull(self, limit: int) -> None:
        more = True
        while more:
            page = feed.pull(self.scope, self.cursor, limit)
            assert page.start == self.cursor <= page.end
            assert len(page.items) <= limit
            schema = schema_of(Task)
            for change in page.items:
                self.seen[change.id] = schema.read(Document(change.update)).values["title"]
            self.cursor, more = page.end, page.more
            self.pages += 1


def test_no_reader_ever_skips_a_row_whatever_the_order_of_commits() -> None:
    user = get_user_model().objects.create_user("ada")
    scope = scopes.personal("default", user.pk)
    referee, done = Referee(SEED), threading.Event()
    turns = iter(range(INTERLEAVINGS))

    def write(number: int) -> None:
        mine: list[Task] = []
        chance = random.Random(SEED + number)
        try:
            while (turn := next(turns, None)) is not None:
                with transaction.atomic():
                    if mine and chance.random() < 0.5:
                        row = chance.choice(mine)
                        row.title = f"{row.title.split()[0]} {turn}"
                        row.save()
                    else:
                        mine.append(Task.objects.create(title=f"{turn} new", user=user))
                    referee.before_commit()
        finally:
            referee.gone()

    readers = [Reader(user, scope, SEED + n, done) for n in range(READERS)]
    reading = [in_thread(reader.read) for reader in readers]
    watching = in_thread(referee.watch)
    writing = [in_thread(lambda n=n: write(n)) for n in range(WRITERS)]  # type: ignore[misc]
    for writer in writing:
        writer.result(PATIENCE)
    watching.result(PATIENCE)
    done.set()
    for each in reading:
        each.result(PATIENCE)
    final = dict(Task.objects.values_list("sync_id", "title"))
    for reader in readers:
        assert reader.seen == final
        assert reader.pages > INTERLEAVINGS / 50, "it read while others wrote"
    assert not Outbox.objects.exists()
    positions = list(Feed.objects.values_list("position", flat=True))
    assert len(set(positions)) == len(positions) == len(final)
