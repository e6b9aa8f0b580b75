"""The replica's local side: edits are durable, cheap to read, and folded until they are sent."""

from collections.abc import Callable, Iterator
from datetime import date
from typing import Any
from uuid import UUID

import pycrdt
import pytest

from crdt.document import Document
from crdt.entry import Dot
from crdt.errors import LocalFault
from crdt.records import model_prefix
from crdt.replica import Replica
from crdt.rules import Counter, Text
from crdt.schema import Field, Schema
from crdt.store import MemoryStore
from crdt.update import read_state

from .authority import MODEL, SCHEMA
from .phone import Phone


def test_a_new_row_is_there_at_once_and_after_a_restart(phone: Phone) -> None:
    values = {"title": "Eggs", "due": date(2026, 1, 2), "notes": "naïve 😀", "votes": 2}
    row = phone.replica.create(MODEL, values)
    expected = {row: {**values, "done": False}}
    assert phone.rows() == expected
    phone.restart()
    assert phone.rows() == expected
    assert phone.replica.pending == 1


def test_get_and_all_say_the_same(phone: Phone) -> None:
    row = phone.replica.create(MODEL, {"title": "Eggs"})
    view = phone.replica.get(MODEL, row)
    assert view is not None
    assert [view] == phone.replica.all(MODEL)
    assert view["title"] == "Eggs"
    assert phone.replica.get(MODEL, UUID(int=1)) is None


def test_a_row_without_values_is_a_row(phone: Phone) -> None:
    row = phone.replica.create(MODEL, {})
    assert phone.rows() == {row: {"done": False, "votes": 0, "notes": ""}}
    phone.sync()
    other = Phone(phone.authority, 12)
    other.sync()
    assert row in other.rows()


def test_a_row_that_was_never_sent_is_forgotten_when_deleted(phone: Phone) -> None:
    row = phone.replica.create(MODEL, {"title": "Eggs"})
    phone.replica.delete(MODEL, row)
    assert phone.rows() == {}
    assert phone.replica.pending == 0
    phone.sync()
    assert phone.pushes == []
    assert phone.authority.documents == {}


def test_a_deletion_is_taken_back_here_and_everywhere(
    phone: Phone, other: Phone, row: UUID
) -> None:
    other.sync()
    phone.replica.undelete(MODEL, row)
    assert phone.exchange() == []
    before = phone.rows()
    other.replica.delete(MODEL, row)
    other.exchange()
    phone.exchange()
    assert phone.rows() == {}
    phone.replica.undelete(MODEL, row)
    phone.exchange()
    other.exchange()
    assert phone.rows() == other.rows() == before
    with pytest.raises(LocalFault):
        phone.replica.undelete(MODEL, UUID(int=5))


def test_a_deleted_row_is_gone_here_and_everywhere(phone: Phone) -> None:
    row = phone.replica.create(MODEL, {"title": "Eggs"})
    other = Phone(phone.authority, 12)
    phone.sync()
    other.sync()
    phone.replica.delete(MODEL, row)
    assert phone.replica.get(MODEL, row) is None
    phone.sync()
    other.exchange()
    assert other.rows() == {}
    with pytest.raises(LocalFault, match="deleted"):
        other.replica.set(MODEL, row, title="Milk")


# Folding


def test_unsent_writes_of_one_field_are_one_entry(phone: Phone) -> None:
    row = phone.replica.create(MODEL, {"title": "0"})
    for number in range(1, 50):
        phone.replica.set(MODEL, row, title=str(number))
    phone.sync()
    (push,) = phone.pushes
    entries = read_state(push.items[0].data).entries.values()
    assert [entry.value for entry in entries] == ["49"]


def test_unsent_additions_are_summed(phone: Phone) -> None:
    row = phone.replica.create(MODEL, {"title": "0"})
    for _ in range(50):
        phone.replica.add(MODEL, row, "votes", 3)
    phone.sync()
    (push,) = phone.pushes
    entries = read_state(push.items[0].data).entries.values()
    assert sorted(entry.value for entry in entries if entry.field == "votes") == [150]
    assert phone.rows()[row]["votes"] == 150


def test_a_folded_write_still_replaces_what_the_first_one_saw(phone: Phone) -> None:
    row = phone.replica.create(MODEL, {"title": "server"})
    phone.sync()
    (seen,) = Document(phone.states()[row]).live("title")
    phone.replica.set(MODEL, row, title="one")
    phone.replica.set(MODEL, row, title="two")
    (live,) = Document(phone.states()[row]).live("title")
    assert live.value == "two"
    assert live.replaces == (seen.dot,)


def test_a_text_of_many_keystrokes_is_a_push_of_few_bytes(phone: Phone) -> None:
    row = phone.replica.create(MODEL, {"notes": ""})
    for number in range(500):
        phone.replica.edit_text(MODEL, row, "notes", number, 0, "x")
    phone.sync()
    (push,) = phone.pushes
    assert len(push.items[0].data) < 700
    assert phone.rows()[row]["notes"] == "x" * 500


def test_what_was_sent_is_never_touched_again(phone: Phone) -> None:
    row = phone.replica.create(MODEL, {"title": "one"})
    phone.connect()
    phone.receive()
    phone.send()
    phone.cut()
    phone.replica.set(MODEL, row, title="two")
    entries = Document(phone.states()[row]).entries
    assert sorted(entry.value for entry in entries.values()) == ["one", "two"]


def test_writing_what_is_there_already_writes_nothing(phone: Phone) -> None:
    row = phone.replica.create(MODEL, {"title": "one", "done": False})
    phone.sync()
    store = dict(phone.store.scan(""))
    phone.replica.set(MODEL, row, title="one", done=False)
    assert dict(phone.store.scan("")) == store
    assert phone.replica.pending == 0


def test_no_clock_is_used_twice_however_often_it_restarts(phone: Phone) -> None:
    row = phone.replica.create(MODEL, {"title": "0", "notes": "é"})
    seen: dict[Dot, object] = {}
    for number in range(1, 20):
        phone.replica.set(MODEL, row, title=str(number))
        phone.replica.edit_text(MODEL, row, "notes", 1, 0, "😀")
        if number % 3 == 0:
            phone.sync()
        if number % 2 == 0:
            phone.restart()
        for dot, entry in Document(phone.states()[row]).entries.items():
            if dot.replica == phone.number:
                assert seen.setdefault(dot, (entry.stamp, entry.value)) == (
                    entry.stamp,
                    entry.value,
                )


# Durability


def test_an_edit_is_in_the_store_before_the_call_returns(phone: Phone) -> None:
    row = phone.replica.create(MODEL, {"notes": "ab"})
    edits: list[Callable[[], None]] = [
        lambda: phone.replica.set(MODEL, row, title="x"),
        lambda: phone.replica.add(MODEL, row, "votes", 1),
        lambda: phone.replica.edit_text(MODEL, row, "notes", 1, 1, "😀"),
        lambda: phone.replica.delete(MODEL, row),
    ]
    for edit in edits:
        edit()
        again = Phone(phone.authority, 99)
        again.store = phone.store.copy()
        again.replica = again._build()
        assert again.rows() == phone.rows()
        assert again.replica.replica == phone.number


class FailingStore(MemoryStore):
    """A store whose disk is full whenever `full` is set."""

    full = False

    def write(self, changes: object) -> None:
        if self.full:
            raise OSError("No space left on device")
        super().write(changes)  # type: ignore[arg-type]


def test_an_edit_that_could_not_be_stored_did_not_happen(phone: Phone) -> None:
    store = FailingStore()
    phone.store = store
    phone.replica = phone._build()
    row = phone.replica.create(MODEL, {"title": "one", "notes": "é"})
    before = phone.rows()
    store.full = True
    with pytest.raises(OSError, match="No space"):
        phone.replica.set(MODEL, row, title="two")
    with pytest.raises(OSError, match="No space"):
        phone.replica.edit_text(MODEL, row, "notes", 0, 1, "x")
    with pytest.raises(OSError, match="No space"):
        phone.replica.create(MODEL, {"title": "new"})
    assert phone.rows() == before
    store.full = False
    phone.replica.set(MODEL, row, title="three")
    phone.sync()
    assert phone.rows()[row]["title"] == "three"
    assert phone.rows()[row]["notes"] == "é"


def test_bytes_do_not_leave_if_that_could_not_be_stored(phone: Phone) -> None:
    store = FailingStore()
    phone.store = store
    phone.replica = phone._build()
    phone.replica.create(MODEL, {"title": "one"})
    phone.connect()
    phone.receive()
    store.full = True
    with pytest.raises(OSError, match="No space"):
        phone.send()
    assert phone.pushes == []
    store.full = False
    phone.sync()
    assert phone.replica.in_sync


def test_a_keystroke_in_a_large_text_writes_little(phone: Phone) -> None:
    row = phone.replica.create(MODEL, {"notes": "Lorem ipsum é 😀 " * 20_000})
    phone.sync()
    before = dict(phone.store.scan(""))
    phone.replica.edit_text(MODEL, row, "notes", 1_000, 0, "!")
    written = dict(phone.store.scan("")).items() - before.items()
    assert sum(len(value) for _, value in written) < 1_000
    phone.exchange()
    assert len(phone.pushes[-1].items[0].data) < 200
    written = dict(phone.store.scan("")).items() - before.items()
    assert sum(len(value) for _, value in written) < 2_000


# Faults of the caller


def test_a_value_that_its_field_cannot_hold_changes_nothing(phone: Phone) -> None:
    row = phone.replica.create(MODEL, {"title": "one"})
    store = dict(phone.store.scan(""))
    with pytest.raises(ValueError, match="votes"):
        phone.replica.set(MODEL, row, title="two", votes="many")
    with pytest.raises(ValueError, match="notes"):
        phone.replica.edit_text(MODEL, row, "notes", 0, 0, "\0")
    with pytest.raises(ValueError, match="title"):
        phone.replica.create(MODEL, {"title": "\ud800"})
    with pytest.raises(ValueError, match="title: a value takes at most"):
        phone.replica.set(MODEL, row, title="é" * 70_000)
    assert dict(phone.store.scan("")) == store
    assert phone.rows()[row]["title"] == "one"


@pytest.mark.parametrize(
    ("values", "message"),
    [({"colour": "red"}, "no field 'colour'"), ({"stage": "x"}, "server only")],
)
def test_a_field_that_cannot_be_written_is_named(
    phone: Phone, values: dict[str, object], message: str
) -> None:
    row = phone.replica.create(MODEL, {"title": "one"})
    with pytest.raises(LocalFault, match=message):
        phone.replica.set(MODEL, row, **values)
    with pytest.raises(LocalFault, match=message):
        phone.replica.create(MODEL, values)


def test_text_is_edited_only_where_there_is_text(phone: Phone) -> None:
    row = phone.replica.create(MODEL, {"title": "one", "notes": "ab"})
    with pytest.raises(LocalFault, match="no shared text"):
        phone.replica.edit_text(MODEL, row, "title", 0, 0, "x")
    for index, delete in ((3, 0), (-1, 0), (1, 2), (0, -1)):
        with pytest.raises(LocalFault, match="characters"):
            phone.replica.edit_text(MODEL, row, "notes", index, delete, "x")
    assert phone.rows()[row]["notes"] == "ab"


def test_what_is_edited_on_top_of_a_default_counts_from_there() -> None:
    fields = (
        Field("votes", "int", Counter(), default=5),
        Field("notes", "str", Text(), default="Bring "),
    )
    schema = Schema(MODEL, {field.name: field for field in fields})
    replica = Replica(MemoryStore(), lambda: 1, lambda: UUID(int=1), lambda: 7, schemas=[schema])
    row = replica.create(MODEL, {})
    replica.add(MODEL, row, "votes", 1)
    replica.edit_text(MODEL, row, "notes", 6, 0, "milk")
    [state] = dict(replica.states(MODEL)).values()
    assert schema.read(Document(state)).values == {"votes": 6, "notes": "Bring milk"}


def test_before_any_server_was_met_the_error_says_so() -> None:
    replica = Replica(MemoryStore(), lambda: 0, lambda: UUID(int=1), lambda: 1)
    with pytest.raises(LocalFault, match="connect once"):
        replica.create(MODEL, {"title": "x"})


def test_a_model_that_is_not_there_is_named(phone: Phone) -> None:
    with pytest.raises(LocalFault, match=r"todo\.list"):
        phone.replica.all("todo.list")


# Size


def test_rows_are_read_by_one_scan_and_without_building_documents(
    phone: Phone, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(20):
        phone.replica.create(MODEL, {"title": f"Row {number}", "done": False, "votes": number})
    phone.sync()
    store = CountingStore(dict(phone.store.scan("")))
    replica = Replica(store, lambda: 0, lambda: UUID(int=1), lambda: 1)
    store.reads.clear()
    built: list[int] = []

    def counted(client_id: int) -> pycrdt.Doc[Any]:
        built.append(client_id)
        return pycrdt.Doc(client_id=client_id)

    monkeypatch.setattr("crdt.document.Doc", counted)
    assert len(replica.all(MODEL)) == 20
    assert store.reads == [model_prefix(MODEL)]
    assert built == []


class CountingStore(MemoryStore):
    """Notes every read, a scan of a prefix as one."""

    def __init__(self, content: dict[str, bytes]) -> None:
        super().__init__(content)
        self.reads: list[str] = []

    def get(self, key: str) -> bytes | None:
        self.reads.append(key)
        return super().get(key)

    def scan(self, prefix: str) -> Iterator[tuple[str, bytes]]:
        self.reads.append(prefix)
        return super().scan(prefix)


def test_the_schema_is_remembered(phone: Phone) -> None:
    phone.sync()
    replica = Replica(phone.store.copy(), lambda: 0, lambda: UUID(int=1), lambda: 1)
    assert replica.schemas == {MODEL: SCHEMA}
