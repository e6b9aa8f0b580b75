"""Whatever a device asks for: it holds what a query for its part gives, and loses nothing."""

from __future__ import annotations

import contextlib
import itertools
import os
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test

from django_pulse.tables import Document as StoredDocument
from tests.django_pulse.phones import Phone, switchboard
from tests.project.parts.models import Card, Folder

EXAMPLES = int(os.environ.get("PULSE_EXAMPLES", "12"))
CARD, FOLDER = "parts.card", "parts.folder"
_numbers = itertools.count(900_000)

who = st.integers(0, 1)
place = st.integers(0, 99)
parts = st.sampled_from(["all", "cards", "folders", "of a folder", "of two", "of none", "nothing"])


class Asking(RuleBasedStateMachine):
    """Two devices of one user, each with a part of its own, and three folders."""

    def __init__(self) -> None:
        super().__init__()
        self.closing = contextlib.ExitStack()
        self.board = self.closing.enter_context(switchboard())
        users = get_user_model()
        for model in (Card, Folder, StoredDocument, users):
            model._base_manager.all().delete()
        self.user = users.objects.create_user("ada")
        self.folders = [Folder.objects.create(name=n, user=self.user) for n in "abc"]
        self.phones = [Phone(self.board, self.user, next(_numbers)) for _ in range(2)]
        self.parts: list[Any] = [None, None]
        self.titles: set[str] = set()
        for phone in self.phones:
            phone.sync()

    @rule(who=who, part=parts, place=place)
    def ask(self, who: int, part: str, place: int) -> None:
        one, two = (self.folders[(place + n) % 3].sync_id for n in range(2))
        self.parts[who] = {
            "all": None,
            "cards": {CARD: {}},
            "folders": {FOLDER: {}},
            "of a folder": {CARD: {"folder": [one]}, FOLDER: {}},
            "of two": {CARD: {"folder": [one, two]}},
            "of none": {CARD: {"folder": [None]}},
            "nothing": {},
        }[part]
        self.phones[who].replica.subscribe(self.parts[who])

    @rule(place=place, title=st.uuids())
    def the_orm_creates(self, place: int, title: Any) -> None:
        folder = [*self.folders, None][place % 4]
        Card.objects.create(title=str(title), folder=folder, user=self.user)
        self.titles.add(str(title))

    @rule(place=place, bulk=st.booleans())
    def the_orm_moves(self, place: int, bulk: bool) -> None:
        cards = list(Card.objects.order_by("pk"))
        if cards:
            card = cards[place % len(cards)]
            card.folder = [*self.folders, None][place % 4]
            if bulk:
                Card.objects.filter(pk=card.pk).update(folder=card.folder)
            else:
                card.save()

    @rule(who=who, place=place, title=st.uuids())
    def a_device_creates(self, who: int, place: int, title: Any) -> None:
        folder = [*(folder.sync_id for folder in self.folders), None][place % 4]
        self.phones[who].replica.create(CARD, {"title": str(title), "folder": folder})
        self.titles.add(str(title))

    @rule(who=who, place=place)
    def a_device_moves(self, who: int, place: int) -> None:
        replica = self.phones[who].replica
        rows = sorted(row.id for row in replica.all(CARD))
        if rows:
            folder = [*(folder.sync_id for folder in self.folders), None][place % 4]
            replica.set(CARD, rows[place % len(rows)], folder=folder)

    @rule(who=who, steps=st.integers(1, 6))
    def talk_a_little(self, who: int, steps: int) -> None:
        phone = self.phones[who]
        if phone.session is None:
            phone.connect()
        for _ in range(steps):
            phone.send()
            phone.receive()

    @rule(who=who)
    def cut(self, who: int) -> None:
        self.phones[who].cut()

    @rule(who=who)
    def restart(self, who: int) -> None:
        self.phones[who].restart()

    @rule(who=who)
    def sync(self, who: int) -> None:
        self.phones[who].sync()
        self.check(who)

    def check(self, who: int) -> None:
        phone, part = self.phones[who], self.parts[who]
        assert phone.replica.in_sync
        cards = Card.objects.all()
        if part is not None and (wanted := part.get(CARD, {"folder": []})):
            among = [folder for folder in self.folders if folder.sync_id in wanted["folder"]]
            none = Card.objects.filter(folder=None, pk__gt=0 if None in wanted["folder"] else 1e9)
            cards = Card.objects.filter(folder__in=among) | none
        assert {row.id for row in phone.replica.all(CARD)} == set(
            cards.values_list("sync_id", flat=True)
        )
        folders = 3 if part is None or FOLDER in part else 0
        assert len(phone.replica.all(FOLDER)) == folders
        assert phone.replica.reverted() == []

    def teardown(self) -> None:
        try:
            for phone in self.phones:
                phone.sync()
            for who in range(2):
                self.phones[who].sync()
                self.check(who)
            assert set(Card.objects.values_list("title", flat=True)) == self.titles
        finally:
            self.closing.close()


@pytest.mark.django_db(transaction=True)
@pytest.mark.timeout(120 + 10 * EXAMPLES)
def test_every_device_holds_what_a_query_for_its_part_gives() -> None:
    run_state_machine_as_test(
        Asking,
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=20,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
