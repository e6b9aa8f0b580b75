"""Devices, the ORM and the real server, in any order: they converge, in every respect."""

from __future__ import annotations

import contextlib
import itertools
import os
from collections import Counter as Tally
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.db import connection, transaction
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test

from django_pulse.mapping.schema import schema_of
from django_pulse.tables import Document as StoredDocument
from tests.django_pulse.phones import Phone, switchboard, told
from tests.project.todo.models import Note

MODEL = "todo.note"
PHONES = 3
EXAMPLES = int(os.environ.get("PULSE_EXAMPLES", "12"))

words = st.sampled_from(
    ["a", "é", "e\u0301", "😀", "👩\u200d👩\u200d👧", "𝒳", "中文", "", "x" * 201]
)
_numbers = itertools.count(100)  # a replica id is its first user's for ever

phones = st.integers(0, PHONES - 1)
places = st.integers(0, 1_000)


class Everybody(RuleBasedStateMachine):
    """Three devices of one user, two instances of the ORM, raw SQL, and a network that drops."""

    def __init__(self) -> None:
        super().__init__()
        self.closing = contextlib.ExitStack()
        self.board = self.closing.enter_context(switchboard())
        for model in (Note, StoredDocument, get_user_model()):
            model._base_manager.all().delete()
        self.user = get_user_model().objects.create_user("ada")
        self.phones = [Phone(self.board, self.user, next(_numbers)) for _ in range(PHONES)]
        for phone in self.phones:
            phone.sync()
        self.votes: Tally[Any] = Tally()
        self.stale: dict[Any, Note] = {}

    def row(self, phone: Phone, place: int) -> Any:
        rows = sorted(row.id for row in phone.replica.all(MODEL))
        return rows[place % len(rows)] if rows else None

    def stored(self, place: int) -> Note | None:
        rows = list(Note.objects.order_by("pk"))
        return rows[place % len(rows)] if rows else None

    # Devices

    @rule(who=phones, title=words, body=words)
    def create(self, who: int, title: str, body: str) -> None:
        self.phones[who].replica.create(MODEL, {"title": title[:200], "body": body})

    @rule(who=phones, place=places, title=words)
    def write(self, who: int, place: int, title: str) -> None:
        row = self.row(self.phones[who], place)
        if row is not None:
            self.phones[who].replica.set(MODEL, row, title=title)

    @rule(who=phones, place=places, amount=st.integers(-5, 5))
    def add(self, who: int, place: int, amount: int) -> None:
        row = self.row(self.phones[who], place)
        if row is not None:
            self.phones[who].replica.add(MODEL, row, "votes", amount)
            self.votes[row] += amount

    @rule(who=phones, place=places, index=places, gone=st.integers(0, 3), word=words)
    def edit(self, who: int, place: int, index: int, gone: int, word: str) -> None:
        replica = self.phones[who].replica
        row = self.row(self.phones[who], place)
        if row is not None:
            text = str(self.phones[who].row(MODEL, row)["body"])
            start = index % (len(text) + 1)
            replica.edit_text(MODEL, row, "body", start, min(gone, len(text) - start), word)

    @rule(who=phones, place=places)
    def delete(self, who: int, place: int) -> None:
        rows = self.phones[who].replica.all(MODEL)
        if len(rows) > 2:
            self.phones[who].replica.delete(MODEL, self.row(self.phones[who], place))

    # The server's own code

    @rule(title=words, body=words)
    def orm_creates(self, title: str, body: str) -> None:
        Note.objects.create(title=title[:200], body=body, user=self.user)

    @rule(place=places)
    def orm_loads(self, place: int) -> None:
        row = self.stored(place)
        if row is not None:
            self.stale[row.pk] = row

    @rule(place=places, title=words, prefix=words, amount=st.integers(-5, 5), fail=st.booleans())
    def orm_saves_a_stale_instance(
        self, place: int, title: str, prefix: str, amount: int, fail: bool
    ) -> None:
        if not self.stale:
            return
        row = sorted(self.stale.items())[place % len(self.stale)][1]
        if not Note.objects.filter(pk=row.pk).exists():
            return
        row.title, row.body = title[:200], prefix + row.body
        row.votes += amount
        if fail:
            with contextlib.suppress(RuntimeError), transaction.atomic():
                row.save()
                raise RuntimeError
        row.save()
        self.votes[row.sync_id] += amount

    @rule(place=places, amount=st.integers(-5, 5))
    def raw_sql_goes_round(self, place: int, amount: int) -> None:
        row = self.stored(place)
        if row is not None:
            with connection.cursor() as cursor:
                cursor.execute(
                    "UPDATE todo_note SET votes = votes + %s, title = %s WHERE id = %s",
                    [amount, "raw", row.pk],
                )
            row.refresh_from_db()
            self.votes[row.sync_id] += amount

    # The network

    @rule(who=phones)
    def connect(self, who: int) -> None:
        self.phones[who].connect()

    @rule(who=phones)
    def restart(self, who: int) -> None:
        self.phones[who].restart()

    @rule(who=phones)
    def send(self, who: int) -> None:
        self.phones[who].send()

    @rule(who=phones, times=st.integers(1, 5))
    def receive(self, who: int, times: int) -> None:
        for _ in range(times):
            self.phones[who].receive()

    @rule(who=phones, place=places, again=st.booleans())
    def live_message_is_lost_or_doubled(self, who: int, place: int, again: bool) -> None:
        phone = self.phones[who]
        live = phone.live()
        if live:
            chosen = live[place % len(live)]
            if again:
                phone.inbox.insert(chosen, phone.inbox[chosen])
            else:
                phone.inbox.pop(chosen)

    @rule(who=phones)
    def sync(self, who: int) -> None:
        self.phones[who].sync()

    # What must hold

    def teardown(self) -> None:
        try:
            for row in Note.objects.all():  # whatever went round is absorbed by the next save
                row.reviewed_by = "the end"
                row.save()
            for _ in range(3):
                for phone in self.phones:
                    phone.sync()
            self.check()
        finally:
            self.closing.close()

    def check(self) -> None:
        stored = {each.sync_id: each for each in StoredDocument.objects.filter(model=MODEL)}
        rows = {row.sync_id: row for row in Note.objects.all()}
        said = {sync_id: told(bytes(each.state)) for sync_id, each in stored.items()}
        fields = schema_of(Note).fields
        for phone in self.phones:
            assert phone.replica.in_sync
            assert phone.replica.pending == 0
            held = phone.documents(MODEL)
            assert held == {row: said[row] for row in held}
            assert {row for row, each in stored.items() if not each.deleted} <= held.keys()
            here = {row.id: dict(row.values) for row in phone.replica.all(MODEL)}
            assert here.keys() == rows.keys()
            for sync_id, values in here.items():
                row = rows[sync_id]
                columns = {name: getattr(row, name) for name in fields if name != "user"}
                assert columns | {"user": row.user_id} == values
        for sync_id, row in rows.items():
            assert row.votes == self.votes[sync_id]
            assert row.version == stored[sync_id].version
            assert len(row.title) <= 200


@pytest.mark.django_db(transaction=True)
@pytest.mark.timeout(60 + 10 * EXAMPLES)
def test_devices_and_the_orm_converge_with_the_row_in_any_order() -> None:
    run_state_machine_as_test(
        Everybody,
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=30,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
