"""A link that stands for two: both rows are in each other's sets, whoever made it and where."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth import get_user_model

from django_pulse.tables import Document
from django_pulse.upkeep.verifying import verify
from tests.django_pulse.devices import values_of
from tests.django_pulse.phones import Phone, Switchboard, switchboard, told
from tests.project.members.models import Article

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.databases("sqlite", "postgres")]

ARTICLE = "members.article"


@pytest.fixture
def board() -> Iterator[Switchboard]:
    with switchboard() as made:
        yield made


@pytest.fixture
def phones(board: Switchboard) -> list[Phone]:
    user = get_user_model().objects.create_user("ada")
    return [Phone(board, user, 810_001 + n) for n in range(2)]


def articles(*titles: str) -> list[Article]:
    return [Article.objects.create(title=title) for title in titles]


def agree(phones: list[Phone]) -> dict[str, set[str]]:
    """What is linked to what, by titles, in the table, in documents, and on every device."""
    for phone in (*phones, *phones):
        phone.sync()
    titles = {str(row.sync_id): row.title for row in Article.objects.all()}
    linked: dict[str, set[str]] = {}
    for row in Article.objects.all():
        linked[row.title] = {other.title for other in row.twins.all()}
        said = {titles[key] for key in values_of(row)["twins"] if key in titles}
        assert said == linked[row.title]
        stored = Document.objects.get(sync_id=row.sync_id)
        for phone in phones:
            assert phone.documents(ARTICLE)[row.sync_id] == told(bytes(stored.state))
    assert [one for step in verify(Article, "default") for one in step.findings] == []
    return linked


def twins(phone: Phone, row: uuid.UUID, *others: Any) -> None:
    phone.replica.set(ARTICLE, row, twins=[str(other) for other in others])


def test_what_the_orm_links_and_unlinks_is_mirrored_on_both_sides(phones: list[Phone]) -> None:
    a, b, c = articles("a", "b", "c")
    a.twins.add(b, c)
    assert agree(phones) == {"a": {"b", "c"}, "b": {"a"}, "c": {"a"}}
    b.twins.remove(a)
    assert agree(phones) == {"a": {"c"}, "b": set(), "c": {"a"}}
    b.twins.set([a, c])
    a.twins.clear()
    assert agree(phones) == {"a": set(), "b": {"c"}, "c": {"b"}}
    c.delete()
    assert agree(phones) == {"a": set(), "b": set()}


def test_devices_link_and_unlink_from_either_side(phones: list[Phone]) -> None:
    a, b = articles("a", "b")
    agree(phones)
    one, two = phones
    made = one.replica.create(ARTICLE, {"title": "c", "twins": [str(a.sync_id)]})
    twins(one, b.sync_id, a.sync_id, made)
    assert agree(phones) == {"a": {"b", "c"}, "b": {"a", "c"}, "c": {"a", "b"}}
    twins(two, a.sync_id)
    one.replica.set(ARTICLE, a.sync_id, title="A")
    assert agree(phones) == {"A": set(), "b": {"c"}, "c": {"b"}}


def test_both_ends_in_one_frame_and_from_two_devices(phones: list[Phone]) -> None:
    a, b = articles("a", "b")
    agree(phones)
    one, two = phones
    twins(one, a.sync_id, b.sync_id)
    twins(one, b.sync_id, a.sync_id)
    twins(two, b.sync_id, a.sync_id)
    assert agree(phones) == {"a": {"b"}, "b": {"a"}}
    twins(one, a.sync_id)
    two.replica.set(ARTICLE, b.sync_id, title="B")
    assert agree(phones) == {"a": set(), "B": set()}


def test_two_new_rows_that_name_each_other_find_each_other(phones: list[Phone]) -> None:
    one, _ = phones
    one.sync()
    first, second = uuid.uuid4(), uuid.uuid4()
    first = one.replica.create(ARTICLE, {"title": "a", "twins": []})
    second = one.replica.create(ARTICLE, {"title": "b", "twins": [str(first)]})
    twins(one, first, second)
    assert agree(phones) == {"a": {"b"}, "b": {"a"}}
