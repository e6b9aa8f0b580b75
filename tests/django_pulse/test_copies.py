"""Copies of a store: whatever was edited before and after, on both sides, nothing is lost, nothing
counts twice, and all converge.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from random import Random
from typing import Any

import pytest
from django.contrib.auth import get_user_model

from crdt.marks import MARK_MILLISECONDS
from crdt.replica import Replica
from django_pulse.tables import Device
from tests.django_pulse.phones import Phone, Switchboard, switchboard
from tests.project.todo.models import Note

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.databases("sqlite", "postgres"),
]

MODEL = "todo.note"
SEEDS = int(os.environ.get("PULSE_EXAMPLES", "12")) // 3


class Copied(Phone):
    """A phone whose store can be copied; its clock stands until it is told to move."""

    def __init__(self, board: Switchboard, user: Any, random: Random) -> None:
        self.random = random
        self.time = 1_700_000_000_000
        self.edits: list[tuple[uuid.UUID, int]] = []
        super().__init__(board, user, 0)

    def _build(self) -> Replica:
        return Replica(self.store, self._now, self._new_id, self._draw)

    def _draw(self) -> int:
        return self.random.getrandbits(52) + 1

    def _new_id(self) -> uuid.UUID:
        return uuid.UUID(int=self.random.getrandbits(128))

    def _now(self) -> int:
        return self.time

    def copy(self, board: Switchboard) -> Copied:
        """Another phone, set up from a backup of this one."""
        made = Copied(board, self.user, Random(self.random.random()))
        made.store, made.time = self.store.copy(), self.time
        made.replica = made._build()
        return made

    def write(self, row: uuid.UUID, letter: str) -> None:
        """A vote, and a letter in the text: neither may be there twice, nor be missing."""
        self.replica.add(MODEL, row, "votes", 1)
        self.replica.edit_text(MODEL, row, "body", 0, 0, letter)


@pytest.fixture
def board() -> Iterator[Switchboard]:
    with switchboard() as board:
        yield board


@pytest.fixture
def user() -> Any:
    return get_user_model().objects.create_user("ada")


def new_phone(board: Switchboard, user: Any, seed: int = 1) -> Copied:
    phone = Copied(board, user, Random(seed))
    phone.sync()
    return phone


def sync_all(*phones: Phone) -> None:
    for _ in range(4):
        for phone in phones:
            phone.cut()
            phone.sync()
            phone.sync()  # if the first told to take another id


def check(phones: list[Copied], letters: str, doubtful: str = "") -> None:
    """Everywhere the same rows; each letter once, and a vote for each; the doubtful kept aside."""
    rows = [{row.id: dict(row.values) for row in phone.replica.all(MODEL)} for phone in phones]
    assert all(found == rows[0] for found in rows)
    stored = {note.sync_id: note for note in Note.objects.all()}
    assert stored.keys() == rows[0].keys()
    for key, note in stored.items():
        assert (rows[0][key]["votes"], rows[0][key]["body"]) == (note.votes, note.body)
        assert note.votes == len(note.body)
    found = "".join(note.body for note in stored.values())
    assert sorted(found) == sorted(set(letters) - set(doubtful))
    kept = [kept for phone in phones for kept in phone.replica.reverted()]
    kept = [each for each in kept if each.code != "copied"]  # another copy pushed them as its own
    assert {each.code for each in kept} == ({"doubtful"} if doubtful else set())
    for letter in doubtful:
        assert any(letter in each.fields["body"].value for each in kept)


def test_two_phones_from_one_backup_lose_nothing_and_count_nothing_twice(
    board: Switchboard, user: Any
) -> None:
    first = new_phone(board, user)
    row = first.replica.create(MODEL, {"title": "Shared"})
    first.sync()
    first.cut()
    first.write(row, "b")
    lonely = first.replica.create(MODEL, {"title": "Never sent"})
    first.time += 1_000
    second = first.copy(board)
    first.restart()
    for phone, letter in ((first, "a"), (second, "c")):
        phone.time += 1_000
        phone.write(row, letter)
        phone.write(lonely, letter.upper())
    own = second.replica.create(MODEL, {"title": "On the second alone"})
    first.sync()
    sync_all(first, second)
    check([first, second], "baAcC")
    assert Note.objects.get(sync_id=own).title == "On the second alone"
    assert first.replica.replica != second.replica.replica
    assert first.replica.device != second.replica.device
    assert Device.objects.count() == 2


def test_the_one_who_comes_second_is_told_whichever_is_the_copy(
    board: Switchboard, user: Any
) -> None:
    first = new_phone(board, user)
    row = first.replica.create(MODEL, {"title": "Shared"})
    first.sync()
    first.cut()
    second = first.copy(board)
    before = first.replica.replica
    second.write(row, "s")
    second.sync()
    first.time += MARK_MILLISECONDS
    first.write(row, "f")
    sync_all(first, second)
    check([first, second], "fs")
    assert second.replica.replica == before != first.replica.replica


def test_what_the_other_store_has_not_sent_yet_is_kept_aside_until_it_has(
    board: Switchboard, user: Any
) -> None:
    first = new_phone(board, user)
    row = first.replica.create(MODEL, {"title": "Shared"})
    first.sync()
    first.cut()
    first.write(row, "b")
    second = first.copy(board)
    first.connect()
    first.receive()  # welcomed, and nothing sent
    second.sync()
    assert second.session is not None
    second.cut()
    second.sync()
    [kept] = second.replica.reverted()
    assert (kept.reason, kept.code) == ("copied", "copied")
    assert kept.fields["votes"].value == 1
    assert second.row(MODEL, row)["votes"] == 0
    first.exchange()
    second.sync()
    assert second.replica.reverted() == []
    check([first, second], "b")


def test_what_was_edited_in_the_minute_of_the_copy_is_kept_aside_where_it_is_doubtful(
    board: Switchboard, user: Any
) -> None:
    """The phone went on under the mark under which it was copied, and comes second."""
    first = new_phone(board, user)
    row = first.replica.create(MODEL, {"title": "Shared"})
    first.sync()
    first.cut()
    first.write(row, "b")
    second = first.copy(board)
    first.write(row, "a")
    second.sync()
    sync_all(second, first)
    check([first, second], "ab", doubtful="a")


def test_a_copy_of_a_copy_is_noticed_too(board: Switchboard, user: Any) -> None:
    phones = [new_phone(board, user)]
    row = phones[0].replica.create(MODEL, {"title": "Shared"})
    phones[0].sync()
    phones[0].cut()
    phones[0].write(row, "a")
    for number in (1, 2, 3):
        phones.append(phones[-1].copy(board))
        phones[-1].write(row, str(number))
    phones.reverse()
    sync_all(*phones)
    check(phones, "a123")


def test_a_phone_without_its_certificate_pushes_everything_under_a_new_id(
    board: Switchboard, user: Any
) -> None:
    """As when the server's secret key was lost: what was sent and not acknowledged counts once."""
    phone = new_phone(board, user)
    row = phone.replica.create(MODEL, {"title": "Mine"})
    phone.sync()
    phone.cut()
    phone.write(row, "1")
    phone.connect()
    phone.receive()
    phone.send()
    phone.cut()  # committed, and the ack is lost
    phone.write(row, "2")
    Device.objects.update(generation=99)
    sync_all(phone)
    check([phone], "12")


@pytest.mark.parametrize("seed", range(SEEDS))
def test_whenever_a_store_is_copied_nothing_is_lost_and_nothing_counts_twice(
    board: Switchboard, user: Any, seed: int
) -> None:
    random = Random(seed)
    phones = [new_phone(board, user, seed)]
    rows = [phones[0].replica.create(MODEL, {"title": str(number)}) for number in range(2)]
    phones[0].sync()
    letters = ""
    for step in range(30):
        phone = random.choice(phones)
        match random.choice(("write", "write", "write", "sync", "cut", "part", "wait", "copy")):
            case "write":
                row = random.choice([row for row in rows if phone.replica.get(MODEL, row)])
                letters += chr(ord("A") + step)
                phone.write(row, letters[-1])
            case "sync":
                phone.sync()
            case "cut":
                phone.cut()
            case "part":  # hello, and a part of what there is to say
                phone.connect()
                for _ in range(random.randint(0, 6)):
                    phone.receive()
                    phone.send()
                phone.cut()
            case "wait":
                phone.time += random.choice((1_000, MARK_MILLISECONDS))
            case "copy" if len(phones) < 3:
                phone.restart()
                phone.time += MARK_MILLISECONDS
                phones.append(phone.copy(board))
    sync_all(*phones)
    check(phones, letters)
