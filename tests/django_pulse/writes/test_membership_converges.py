"""Sets of rows, the table of their links and every device agree, whoever links what and when."""

from __future__ import annotations

import itertools
import os
import uuid
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    rule,
    run_state_machine_as_test,
)

from django_pulse.tables import Document as StoredDocument
from tests.django_pulse.phones import Phone, switchboard
from tests.project.members.models import Article, Tag

EXAMPLES = int(os.environ.get("PULSE_EXAMPLES", "10"))
ARTICLE, TAG = "members.article", "members.tag"

_numbers = itertools.count(700_000)  # a replica id is its first user's for ever

phones = st.integers(0, 1)
places = st.integers(0, 1_000)


class Linking(RuleBasedStateMachine):
    """Two devices of one user and the ORM, from both sides of the field."""

    def __init__(self) -> None:
        super().__init__()
        self.context = switchboard()
        self.board = self.context.__enter__()
        for model in (Article, Tag, StoredDocument, get_user_model()):
            model._base_manager.all().delete()
        user = get_user_model().objects.create_user("ada")
        self.phones = [Phone(self.board, user, next(_numbers)) for _ in range(2)]
        self.coming: list[uuid.UUID] = []

    @initialize()
    def begin(self) -> None:
        for number in range(3):
            Tag.objects.create(name=str(number))
        Article.objects.create(title="x")
        for phone in self.phones:
            phone.sync()

    def pick(self, place: int, rows: Any) -> Any:
        found = list(rows.order_by("pk"))
        return found[place % len(found)] if found else None

    @rule(who=phones, place=places, element=places, adds=st.booleans())
    def a_device_edits(self, who: int, place: int, element: int, adds: bool) -> None:
        replica = self.phones[who].replica
        rows = sorted(row.id for row in replica.all(ARTICLE))
        known = sorted([*(str(row.id) for row in replica.all(TAG)), *map(str, self.coming)])
        if not rows or not known:
            return
        row, key = rows[place % len(rows)], known[element % len(known)]
        found = replica.get(ARTICLE, row)
        assert found is not None
        others = [each for each in found["tags"] if each != key]
        replica.set(ARTICLE, row, tags=[*others, key] if adds else others)

    @rule(who=phones, element=places)
    def a_device_makes_an_article(self, who: int, element: int) -> None:
        self.phones[who].replica.create(ARTICLE, {"title": "d", "tags": []})

    @rule(who=phones)
    def a_device_names_a_tag_that_comes_later(self, who: int) -> None:
        """A device of somebody else has it: here it has not arrived yet."""
        rows = sorted(row.id for row in self.phones[who].replica.all(ARTICLE))
        if rows and len(self.coming) < 2:
            key = uuid.uuid4()
            self.coming.append(key)
            found = self.phones[who].replica.get(ARTICLE, rows[0])
            assert found is not None
            self.phones[who].replica.set(ARTICLE, rows[0], tags=[*found["tags"], str(key)])

    @rule()
    def it_comes(self) -> None:
        if self.coming:
            Tag.objects.create(sync_id=self.coming.pop(), name="late")

    @rule(place=places, element=places, adds=st.booleans(), reverse=st.booleans())
    def the_orm_links(self, place: int, element: int, adds: bool, reverse: bool) -> None:
        article, tag = self.pick(place, Article.objects), self.pick(element, Tag.objects)
        if article is None or tag is None:
            return
        manager, other = (tag.articles, article) if reverse else (article.tags, tag)
        (manager.add if adds else manager.remove)(other)

    @rule(place=places, reverse=st.booleans())
    def the_orm_clears(self, place: int, reverse: bool) -> None:
        row = self.pick(place, Tag.objects if reverse else Article.objects)
        if row is not None:
            (row.articles if reverse else row.tags).clear()

    @rule(place=places)
    def a_tag_is_deleted(self, place: int) -> None:
        if Tag.objects.count() > 1:
            self.pick(place, Tag.objects).delete()

    @rule(place=places)
    def the_orm_saves(self, place: int) -> None:
        article = self.pick(place, Article.objects)
        if article is not None:
            article.title += "!"
            article.title = article.title[-50:]
            article.save()

    @rule(who=phones)
    def sync(self, who: int) -> None:
        self.phones[who].sync()

    @rule(who=phones)
    def cut(self, who: int) -> None:
        self.phones[who].cut()

    def teardown(self) -> None:
        try:
            for _ in range(3):
                for phone in self.phones:
                    phone.sync()
            there = {str(tag.sync_id) for tag in Tag.objects.all()}
            for article in Article.objects.all():
                linked = {str(tag.sync_id) for tag in article.tags.all()}
                for phone in self.phones:
                    row = phone.replica.get(ARTICLE, article.sync_id)
                    assert row is not None
                    # What names a tag that is not there yet, or not any more, waits for it.
                    assert set(row["tags"]) & there == linked
            assert self.phones[0].documents(ARTICLE) == self.phones[1].documents(ARTICLE)
        finally:
            self.context.__exit__(None, None, None)


@pytest.mark.django_db(transaction=True)
@pytest.mark.timeout(60 + 10 * EXAMPLES)
def test_sets_links_and_devices_agree_in_any_order() -> None:
    run_state_machine_as_test(
        Linking,
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=20,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
