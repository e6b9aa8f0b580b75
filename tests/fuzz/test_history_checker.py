"""The history checker: what it refuses, each shown with a history in which just that goes wrong.

The devices, the server and its database are real; the wrong is done to what one of them keeps.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from types import SimpleNamespace
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.contrib.auth import get_user_model

from crdt.alignment import align, kept_in_order
from crdt.events import Kept, KeptField
from crdt.frames import encode
from crdt.messages import Item, Key, Ping, Push
from crdt.records import document_prefix
from django_pulse.tables import Document
from fuzz.bank.memos import denied_to
from fuzz.simulation import memo_acts
from fuzz.simulation.ledger import Ledger, mark_of
from fuzz.simulation.network_acts import outlived
from fuzz.simulation.observing import Observer
from fuzz.simulation.piece_acts import moved
from fuzz.world import Clock, Device, Server
from tests.project.todo.models import Note

pytestmark = pytest.mark.django_db(transaction=True)

LABEL = "todo.note"
PLAYER, TEAM = "constraints.player", "constraints.team"


class World:
    """A server with one row of Ada's, her two devices, and who watches them."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.server = Server()
        self.observer = Observer()
        self.ada = get_user_model().objects.create(username="ada")
        self.phone, self.tablet = (
            Device(name, self.ada, number, self.clock, uuid4)
            for name, number in (("phone", 101), ("tablet", 102))
        )

    def row(self) -> Any:
        return Note.objects.create(title="Eggs", user=self.ada)

    def stored(self, row: Any) -> Any:
        return Document.objects.filter(sync_id=row.sync_id)

    def looked(self, device: Device, row: Any) -> str:
        return str(self.observer.looked(device, key_of(row)))


def key_of(row: Any) -> Key:
    return Key(LABEL, row.sync_id)


@pytest.fixture
def world() -> Iterator[World]:
    world = World()
    with world.clock.ruling(), world.server.serving(), world.observer.watching():
        yield world


def test_an_ack_that_the_database_does_not_keep_is_noticed(world: World) -> None:
    row = world.row()
    world.phone.catch_up(world.server)
    before = bytes(world.stored(row).get().state)
    world.phone.replica.set(LABEL, row.sync_id, title="Milk")
    world.phone.exchange()
    assert world.observer.acked([world.phone]) is None
    world.stored(row).update(state=before)
    assert "was told that its edits of" in str(world.observer.acked([world.phone]))


def test_a_device_that_forgets_its_own_edit_as_it_starts_again_is_noticed(world: World) -> None:
    row = world.row()
    world.phone.catch_up(world.server)
    before = world.phone.store.copy()
    world.phone.replica.set(LABEL, row.sync_id, title="Milk")
    assert world.looked(world.phone, row) == "None"
    world.phone.restart()
    assert world.observer.restarted(world.phone) is None
    world.phone.store = before
    world.phone.restart()
    assert "saw its own edits of" in str(world.observer.restarted(world.phone))


def test_a_device_that_forgets_what_it_saw_of_others_is_noticed(world: World) -> None:
    row = world.row()
    world.phone.catch_up(world.server)
    before = world.phone.store.copy()
    world.tablet.catch_up(world.server)
    world.tablet.replica.set(LABEL, row.sync_id, title="Milk")
    world.tablet.exchange()
    world.phone.catch_up(world.server)
    assert world.looked(world.phone, row) == "None"
    world.phone.store = before
    world.phone.restart()
    assert "saw edits of 102 of" in world.looked(world.phone, row)


@pytest.mark.parametrize("is_deleted", [True, False])
def test_a_row_may_be_forgotten_if_its_device_was_killed_as_it_heard_that_it_was_deleted(
    world: World, is_deleted: bool
) -> None:
    row = world.row()
    world.phone.catch_up(world.server)
    assert world.looked(world.phone, row) == "None"
    empty = world.phone.store.copy()
    for name, _ in list(empty.scan(document_prefix(key_of(row)))):
        empty.write({name: None})
    if is_deleted:
        row.delete()
    world.phone.catch_up(world.server)
    world.observer.interrupted(world.phone)
    world.phone.restart()
    assert world.observer.restarted(world.phone) is None
    world.phone.store = empty
    world.phone.restart()
    assert ("saw edits of" in str(world.observer.restarted(world.phone))) is not is_deleted


def test_a_change_that_lies_before_a_cursor_and_never_came_is_noticed(world: World) -> None:
    row = world.row()
    world.phone.catch_up(world.server)
    assert world.observer.caught_up(world.phone) is None
    before = world.phone.store.copy()
    row.title = "Milk"
    row.save()
    world.phone.catch_up(world.server)
    assert world.observer.caught_up(world.phone) is None
    position = world.phone.replica._shelf.standing
    world.phone.store = before
    world.phone.restart()
    world.phone.replica._shelf.stand(position)
    assert "which changed at" in str(world.observer.caught_up(world.phone))


def test_half_of_what_was_stored_at_once_is_noticed(world: World) -> None:
    row = world.row()
    world.phone.catch_up(world.server)
    assert world.looked(world.phone, row) == "None"
    committed = world.observer.committed[key_of(row)]
    ((server, clocks),) = committed.items()
    assert len(clocks) == 1
    committed[server] = {clock + 1 for clock in clocks}  # the last entry came apart from the others
    assert "in the middle of what was stored at once" in world.looked(world.phone, row)


@pytest.mark.parametrize("waits", [True, False])
@pytest.mark.parametrize("got", ["nowhere", "to the server", "and back"])
def test_a_row_that_who_deletes_it_may_not_delete_was_taken_back_if_he_does_not_know_it_is_there(
    world: World, got: str, waits: bool
) -> None:
    ids = filter(lambda each: denied_to(world.ada.pk, each) == "delete", iter(uuid4, None))
    phone = Device("phone", world.ada, 103, world.clock, lambda: next(ids))
    phone.catch_up(world.server)
    team = phone.replica.create(TEAM, {"name": "Navy"})
    phone.exchange()
    values = {"name": "Grace", "team": uuid4() if waits else team}
    key = Key(PLAYER, phone.replica.create(PLAYER, values))
    if got != "nowhere":
        phone.say()
    if got == "and back":
        phone.exchange()
    phone.replica.delete(*key)
    scenery: Any = SimpleNamespace(ledger=Ledger(lambda: 0))
    memo_acts.delete(scenery, phone, key)
    is_known = got == "and back" and not waits
    assert (key in scenery.ledger.deleted) is (got == "nowhere")
    assert (key in scenery.ledger.withdrawn) is (got != "nowhere" and not is_known)


@pytest.mark.parametrize(("value", "says"), [(15, "15, but all"), (5, "5, but all"), (10, "None")])
def test_a_sum_that_counts_an_amount_twice_or_not_at_all_is_noticed(value: int, says: str) -> None:
    ledger, key = Ledger(lambda: 0), Key("bank.account", UUID(int=1))
    ledger.added(key, "balance", 5)
    ledger.added(key, "balance", 5)
    assert says in str(ledger.wrong(key, {"balance": value}))


@pytest.mark.parametrize(("text", "says"), [("aab", "2 times"), ("b", "0 times"), ("ab", "None")])
def test_what_was_typed_once_and_is_there_twice_or_never_is_noticed(text: str, says: str) -> None:
    ledger, key = Ledger(lambda: 0), Key("bank.account", UUID(int=1))
    ledger.put(key, "notes", "a")
    assert says in str(ledger.wrong(key, {"notes": text}))


def test_what_was_written_last_is_asked_for_of_rows_that_no_wrong_clock_met() -> None:
    times = iter(range(10))
    ledger = Ledger(lambda: next(times))
    right, wrong = (Key("bank.account", UUID(int=n)) for n in (1, 2))
    for key in (right, wrong):
        for value in ("p1", "p2"):
            ledger.wrote(key, "left", value)
        ledger.put(key, "stops", "m1")
        ledger.remade(key, "m1", "m1+2")
    ledger.clock_is_wrong([wrong])
    assert "written last is ['p2']" in str(ledger.wrong(right, {"left": "p1"}))
    assert "made of it last is ['m1+2']" in str(
        ledger.wrong(right, {"left": "p2", "stops": ["m1"]})
    )
    assert ledger.wrong(wrong, {"left": "p1", "stops": ["m1"]}) is None
    assert "nobody wrote" in str(ledger.wrong(wrong, {"left": "p3"}))


@pytest.mark.parametrize(("place", "to"), [*product(range(4), repeat=2)])
def test_an_item_that_somebody_moved_may_be_there_although_another_took_it_out(
    place: int, to: int
) -> None:
    before = ["m1", "m2+5", "m3", "m4"]
    after, marks = moved(before, place, to)
    kept = kept_in_order(align(before, after))
    by_rule = {mark_of(item) for at, item in enumerate(after) if at not in kept}
    assert by_rule <= marks
    assert len(marks) <= 2
    ledger, key = Ledger(lambda: 0), Key("bank.account", UUID(int=1))
    ledger.remade(key, "m2", "m2+5")
    for mark in map(mark_of, before):
        ledger.put(key, "stops", mark)
        ledger.took(key, "stops", mark)
    ledger.moved(key, marks)
    for item in before:
        is_wrong = "was taken out, and is there" in str(ledger.wrong(key, {"stops": [item]}))
        assert is_wrong is (mark_of(item) not in {*marks, "m2"})


@pytest.mark.parametrize("is_taken", [True, False])
def test_an_item_that_was_taken_out_may_say_what_was_made_of_it_meanwhile(is_taken: bool) -> None:
    times = iter(range(10))
    ledger, key = Ledger(lambda: next(times)), Key("bank.account", UUID(int=1))
    ledger.put(key, "stops", "m1")
    for made in ("m1+2", "m1+3"):
        ledger.remade(key, "m1", made)
    if is_taken:
        ledger.took(key, "stops", "m1")
    found = ledger.wrong(key, {"stops": ["m1+2"]})
    assert ("made of it last is ['m1+3']" in str(found)) is not is_taken


@pytest.mark.parametrize("reason", ["left", "refused", "gone", "reverted"])
def test_what_was_kept_aside_is_not_asked_for_and_all_else_of_its_row_is(reason: str) -> None:
    ledger, key = Ledger(lambda: 0), Key("bank.account", UUID(int=1))
    for field in ("balance", "votes"):
        ledger.added(key, field, 5)
    kept = Kept("aside/x", reason, *key, 0, reason, "", {"balance": KeptField(5, "", "")})
    ledger.kept_aside(kept)
    assert ledger.wrong(key, {"balance": 0, "votes": 5}) is None
    assert ledger.wrong(key, {"balance": 0, "votes": 0}) == "votes: 0, but all that was added is 5"


def test_what_was_put_in_by_others_than_the_edit_that_was_kept_aside_is_asked_for() -> None:
    ledger, key = Ledger(lambda: 0), Key("bank.account", UUID(int=1))
    for field, marks in {"options": ("k1", "k2"), "notes": ("a", "b")}.items():
        for mark in marks:
            ledger.put(key, field, mark)
    fields = {"options": KeptField({"k1": 1}, "", ""), "notes": KeptField("xa", "", "")}
    ledger.kept_aside(Kept("aside/x", "left", *key, 0, "left", "", fields))
    assert ledger.wrong(key, {"options": {"k2": 1}, "notes": "b"}) is None
    assert ledger.wrong(key, {"options": {}, "notes": "b"}) == "options: 'k2' is not there"
    assert ledger.wrong(key, {"options": {"k2": 1}, "notes": "a"}) == "notes: 'b' is not there"


@pytest.mark.parametrize("seen", [None, 1])
@pytest.mark.parametrize("is_forgotten", [True, False])
def test_only_a_first_push_of_what_was_forgotten_meanwhile_is_later_than_any_network_is(
    seen: int | None, is_forgotten: bool
) -> None:
    key, other = Key(LABEL, UUID(int=1)), Key(LABEL, UUID(int=2))
    frame = encode(Push(1, "epoch", (Item(*key, b"", seen),)))
    forgotten = {key if is_forgotten else other}
    assert outlived(frame, forgotten) is (is_forgotten and seen is None)
    assert not outlived(encode(Ping(0)), forgotten)
