"""What only reads a broken document says so by name; what can do without it does."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from django_pulse.broken import BrokenDocument
from django_pulse.tables import Awaited, Document
from django_pulse.upkeep.verifying import verify
from django_pulse.writes.rebasing import rebased
from tests.django_pulse.devices import values_of
from tests.django_pulse.phones import Phone, Switchboard, switchboard
from tests.project.archive.models import Book
from tests.project.constraints.models import Player, Team

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.databases("sqlite", "postgres"),
]

PLAYER, TEAM = "constraints.player", "constraints.team"


def break_off(row: Any) -> None:
    stored = Document.objects.get(sync_id=getattr(row, "sync_id", row))
    Document.objects.filter(pk=stored.pk).update(state=bytes(stored.state)[:-3])


@pytest.fixture
def book(ada: Any) -> Book:
    book: Book = Book.objects.create(title="one", notes="é🦜", copies=3, user=ada)
    break_off(book)
    return book


@pytest.mark.parametrize("read", [lambda book: book.conflicts(), lambda book: book.vector_clock])
def test_what_stands_in_the_document_alone_names_the_row_and_the_cure(
    read: Callable[[Book], Any], book: Book
) -> None:
    with pytest.raises(BrokenDocument) as caught:
        read(book)
    assert (caught.value.model, caught.value.sync_id) == (Book, book.sync_id)
    for words in (f"archive.Book {book.sync_id}", "pulse_verify archive.Book --fix"):
        assert words in str(caught.value)
    list(verify(Book, "default", fix=True))
    read(book)


def test_a_form_that_was_loaded_earlier_is_merged_into_the_row_as_it_is(book: Book) -> None:
    assert rebased(book, {"copies": (1, 6), "title": ("zero", "two")}) == {
        "copies": 8,
        "title": "two",
    }


def test_a_conflict_can_be_settled_which_repairs_it(book: Book) -> None:
    book.resolve("title", "settled")
    book.refresh_from_db()
    assert (book.title, values_of(book)["title"]) == ("settled", "settled")
    assert book.conflicts() == {}


def test_the_admin_shows_what_is_wrong_with_it(book: Book, admin_client: Client) -> None:
    pk = Document.objects.get(sync_id=book.sync_id).pk
    page = admin_client.get(f"/admin/django_pulse/document/{pk}/change/")
    assert page.status_code == 200
    assert "pulse_verify --fix" in page.content.decode()


@pytest.fixture
def board() -> Any:
    with switchboard() as board:
        yield board


@pytest.fixture
def parked(board: Switchboard, ada: Any) -> tuple[Phone, Any]:
    """A phone, and a row of it that waits for a team on another device; its document is broken."""
    tablet, phone = Phone(board, ada, 12), Phone(board, ada, 11)
    tablet.connect()
    tablet.exchange()
    team = tablet.replica.create(TEAM, {"name": "Navy"})
    phone.connect()
    phone.exchange()
    player = phone.replica.create(PLAYER, {"name": "Grace", "team": team})
    phone.sync()
    phone.replica.set(PLAYER, player, name="Grace H.")
    phone.sync()
    break_off(player)
    phone.tablet = tablet  # type: ignore[attr-defined]
    return phone, player


def the_team_comes(phone: Any) -> None:
    phone.tablet.sync()


def test_a_parked_row_is_pushed_again_by_who_edits_it(parked: tuple[Phone, Any]) -> None:
    phone, player = parked
    phone.replica.set(PLAYER, player, name="Hopper")
    phone.sync()
    assert phone.replica.in_sync
    assert not phone.replica.reverted()
    the_team_comes(phone)
    assert Player.objects.get().name == "Hopper"
    phone.sync()
    assert phone.row(PLAYER, player)["name"] == "Hopper"
    assert not phone.replica.parked()


def test_a_parked_row_is_found_and_its_device_asked_for_it(
    parked: tuple[Phone, Any], caplog: pytest.LogCaptureFixture
) -> None:
    phone, player = parked
    kinds = [one.kind for step in verify(Player, "default") for one in step.findings]
    assert kinds == ["unreadable"]
    with caplog.at_level(logging.ERROR, "django_pulse"):
        fixed = [one.fixed for step in verify(Player, "default", fix=True) for one in step.findings]
    assert fixed == [True]
    assert str(player) in caplog.text
    assert not [one for step in verify(Player, "default") for one in step.findings]
    the_team_comes(phone)
    assert not Player.objects.exists(), "nothing is made of a document that is empty"
    phone.cut()
    phone.sync()
    phone.sync()
    assert Player.objects.get().name == "Grace H."
    assert phone.replica.in_sync
    assert not phone.replica.parked()
    assert not Awaited.objects.exists()


def test_a_parked_row_hinders_no_other_and_no_listing(parked: tuple[Phone, Any]) -> None:
    phone, player = parked
    army = phone.replica.create(TEAM, {"name": "Army"})
    other = phone.replica.create(PLAYER, {"name": "Ada", "team": army})
    phone.sync()
    assert Player.objects.get().sync_id == other
    the_team_comes(phone)
    assert Team.objects.count() == 2
    [row] = Player.objects.parked()
    assert (row.sync_id, row.values) == (player, {})
    assert phone.row(PLAYER, player)["name"] == "Grace H."
