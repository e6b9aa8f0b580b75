"""One broken document stops nobody: it is rebuilt from its row by whoever writes the row next."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import pytest

from crdt.document import Document as CrdtDocument
from crdt.events import Failed
from django_pulse.tables import Document
from django_pulse.upkeep.verifying import verify
from tests.django_pulse.devices import Device
from tests.django_pulse.phones import Phone, switchboard
from tests.project.archive.models import Book

pytestmark = pytest.mark.django_db(transaction=True)

LABEL = "archive.book"


@pytest.fixture
def books(ada: Any) -> tuple[Book, Book]:
    """The document of the first is broken by `break_off`."""
    one, other = (Book.objects.create(title=title, notes="é🦜", user=ada) for title in "ab")
    return one, other


def break_off(book: Book) -> None:
    stored = Document.objects.get(sync_id=book.sync_id)
    Document.objects.filter(pk=stored.pk).update(state=bytes(stored.state)[:-3])


def wrong() -> list[str]:
    return [one.kind for step in verify(Book, "default") for one in step.findings]


def saved(book: Book) -> None:
    book.title = "saved"
    book.save()


def updated(book: Book) -> None:
    Book.objects.update(copies=4)


def deleted(book: Book) -> None:
    Book.objects.all().delete()


def inserted_again(book: Book) -> None:
    Book.objects.filter(pk=book.pk).delete()
    break_off(book)
    Book.objects.create(sync_id=book.sync_id, title="again", user=book.user)


def repaired_by_hand(book: Book) -> None:
    list(verify(Book, "default", fix=True))


def pushed_by_another(book: Book) -> None:
    tablet = Device(book.user, Book)
    tablet.rows[book.sync_id] = CrdtDocument(replica=tablet.replica)
    tablet.set(book.sync_id, weight=5.0)
    while tablet.push(book.sync_id)[0].status == "busy":
        pass


def pushed_again(book: Book) -> None:
    """By the phone itself, which finds it broken."""


@pytest.mark.parametrize("write", [saved, updated, deleted, inserted_again])
def test_whoever_writes_the_row_repairs_it(
    write: Callable[[Book], None], books: tuple[Book, Book], caplog: pytest.LogCaptureFixture
) -> None:
    break_off(books[0])
    with caplog.at_level(logging.ERROR, "django_pulse"):
        write(books[0])
    assert wrong() == []
    assert str(books[0].sync_id) in caplog.text  # with the bytes that there were


@pytest.mark.parametrize("wrote_before", [True, False])
def test_a_device_that_pushes_to_it_repairs_it_and_its_edit_stands(
    books: tuple[Book, Book], ada: Any, wrote_before: bool
) -> None:
    one, other = books
    with switchboard() as board:
        phone = Phone(board, ada, 1001)
        phone.sync()
        if wrote_before:
            phone.replica.add(LABEL, one.sync_id, "copies", 1)
            phone.sync()
        break_off(one)
        for row in (one, other):
            phone.replica.add(LABEL, row.sync_id, "copies", 10)
        for _ in range(3):
            phone.sync()
            phone.replica.retry()
        assert phone.replica.in_sync
        assert phone.replica.reverted() == []
        expected = {one.pk: 10 + wrote_before, other.pk: 10}
        assert dict(Book.objects.values_list("pk", "copies")) == expected
        assert phone.row(LABEL, one.sync_id)["copies"] == expected[one.pk]
    assert wrong() == []


def test_a_device_receives_all_other_rows_and_this_one_once_it_is_repaired(
    books: tuple[Book, Book], ada: Any
) -> None:
    one, other = books
    break_off(one)
    with switchboard() as board:
        phone = Phone(board, ada, 1001)
        phone.sync()
        assert [event.code for event in phone.events if isinstance(event, Failed)] == ["broken"]
        assert phone.replica.in_sync
        assert phone.row(LABEL, other.sync_id)["title"] == "b"
        assert phone.replica.get(LABEL, one.sync_id) is None
        list(verify(Book, "default", fix=True))
        phone.sync()
        assert phone.row(LABEL, one.sync_id)["title"] == "a"


@pytest.mark.parametrize("repair", [repaired_by_hand, saved, pushed_by_another, pushed_again])
@pytest.mark.parametrize("wrote_before", [True, False])
def test_a_push_whose_ack_was_lost_counts_once_though_the_document_broke_since(
    books: tuple[Book, Book], ada: Any, wrote_before: bool, repair: Callable[[Book], None]
) -> None:
    """Its bytes cannot tell that the push is in the row: what is noted beside them does."""
    one, _ = books
    with switchboard() as board:
        phone = Phone(board, ada, 1001)
        phone.sync()
        if wrote_before:
            phone.replica.add(LABEL, one.sync_id, "copies", 1)
            phone.sync()
        phone.replica.add(LABEL, one.sync_id, "copies", 10)
        phone.replica.edit_text(LABEL, one.sync_id, "notes", 0, insert="so ")
        phone.send()
        phone.cut()  # and the ack with it
        phone.replica.add(LABEL, one.sync_id, "copies", 100)
        break_off(one)
        repair(one)
        for _ in range(3):
            phone.sync()
            phone.replica.retry()
        one.refresh_from_db()
        assert phone.replica.in_sync
        assert one.copies == phone.row(LABEL, one.sync_id)["copies"] == 110 + wrote_before
        assert one.notes == phone.row(LABEL, one.sync_id)["notes"] == "so é🦜"
    assert wrong() == []
