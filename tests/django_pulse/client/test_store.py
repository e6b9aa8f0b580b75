"""The SQLite store: the contract of every store, one process at a time, and sudden death."""

import os
import random
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from crdt.store import Store
from django_pulse.client.errors import ClosedPulse, LocalFault, StoreFault, StoreInUse
from django_pulse.client.store import SQLiteStore
from tests.crdt.store_contract import StoreContract

CHILD = "tests.django_pulse.client.writing_child"


class TestSQLiteStore(StoreContract):
    @pytest.fixture(autouse=True)
    def _place(self, tmp_path: Path) -> None:
        self.path = tmp_path / "store.sqlite3"

    @contextmanager
    def opened(self) -> Iterator[Store]:
        store = SQLiteStore(self.path)
        yield store
        store.close()

    def reopened(self, store: Store) -> Store:
        store.close()
        return SQLiteStore(self.path)


def test_a_store_in_use_is_refused_with_what_to_do(tmp_path: Path) -> None:
    path = tmp_path / "phone.sqlite3"
    first = SQLiteStore(path)
    with pytest.raises(StoreInUse, match=r"phone\.sqlite3 is in use by another process.*close the"):
        SQLiteStore(path)
    first.write({"still": b"works"})
    first.close()
    second = SQLiteStore(path)
    assert second.get("still") == b"works"
    second.close()


def test_a_store_in_use_by_another_process_is_refused_until_that_is_killed(tmp_path: Path) -> None:
    path = tmp_path / "phone.sqlite3"
    child = start_writing(path, 0)
    assert child.stdout is not None
    child.stdout.readline()
    with pytest.raises(StoreInUse):
        SQLiteStore(path)
    kill(child)
    SQLiteStore(path).close()


def test_no_write_that_returned_is_lost_when_the_process_is_killed(tmp_path: Path) -> None:
    """Killed at random points, again and again; each write holds three keys, or none of them."""
    path, chance = tmp_path / "phone.sqlite3", random.Random(11)
    next_number = 0
    for _ in range(4):
        child = start_writing(path, next_number)
        assert child.stdout is not None
        for _ in range(chance.randrange(1, 40)):
            child.stdout.readline()
        told = kill(child)
        store = SQLiteStore(path)
        left = [key.removeprefix("left/") for key, _ in store.scan("left/")]
        right = [key.removeprefix("right/") for key, _ in store.scan("right/")]
        assert left == right == [f"{number:08}" for number in range(len(left))]
        assert store.get("last") == b"%d" % (len(left) - 1) * 50
        assert len(left) > told
        next_number = len(left)
        store.close()


def start_writing(path: Path, first: int) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", CHILD, str(path), str(first)], stdout=subprocess.PIPE, text=True
    )


def kill(child: subprocess.Popen[str]) -> int:
    """Kill it; the last number it said it had written, or -1."""
    child.kill()
    rest, _ = child.communicate()
    whole = [line for line in rest.splitlines(keepends=True) if line.endswith("\n")]
    return int(whole[-1]) if whole else -1


def test_a_store_cannot_be_used_in_a_forked_child(tmp_path: Path) -> None:
    store = SQLiteStore(tmp_path / "phone.sqlite3")
    store.write({"a": b"1"})
    store._process = os.getpid() + 1  # as the child of a fork finds it
    with pytest.raises(StoreInUse, match="before this process was forked"):
        store.write({"a": b"2"})
    store._process = os.getpid()
    assert store.get("a") == b"1"
    store.close()


def test_a_closed_store_says_so(tmp_path: Path) -> None:
    store = SQLiteStore(tmp_path / "phone.sqlite3")
    store.close()
    store.close()
    with pytest.raises(ClosedPulse, match="is closed"):
        store.get("a")
    assert issubclass(ClosedPulse, LocalFault)


def test_a_file_of_something_else_is_left_alone(tmp_path: Path) -> None:
    other = tmp_path / "db.sqlite3"
    database = sqlite3.connect(other)
    database.execute("CREATE TABLE accounts (id)")
    database.close()
    before = other.read_bytes()
    with pytest.raises(StoreFault, match="database of something else"):
        SQLiteStore(other)
    assert other.read_bytes() == before

    text = tmp_path / "notes.txt"
    text.write_text("not a database, and longer than the header of one " * 20)
    before = text.read_bytes()
    with pytest.raises(StoreFault, match="is not a store, or is damaged"):
        SQLiteStore(text)
    assert text.read_bytes() == before


def test_a_store_of_a_later_layout_is_not_guessed_at(tmp_path: Path) -> None:
    path = tmp_path / "phone.sqlite3"
    SQLiteStore(path).close()
    database = sqlite3.connect(path)
    database.execute("PRAGMA user_version = 2")
    database.close()
    with pytest.raises(StoreFault, match=r"has layout 2.*update django-pulse"):
        SQLiteStore(path)


def test_a_directory_that_does_not_exist_is_named(tmp_path: Path) -> None:
    with pytest.raises(StoreFault, match="nowhere"):
        SQLiteStore(tmp_path / "nowhere" / "phone.sqlite3")


def test_a_full_disk_fails_the_write_whole_and_the_store_goes_on(tmp_path: Path) -> None:
    store = SQLiteStore(tmp_path / "phone.sqlite3")
    store.write({"kept": b"1"})
    assert store._database is not None
    pages = store._database.execute("PRAGMA page_count").fetchone()[0]
    store._database.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(StoreFault, match="The disk is full"):
        store.write({"kept": b"2", "large": bytes(100_000)})
    assert dict(store.scan("")) == {"kept": b"1"}
    store._database.execute("PRAGMA max_page_count = 100000")
    store.write({"kept": b"3"})
    assert store.get("kept") == b"3"
    store.close()


def test_keys_at_the_edges_of_unicode_are_found_by_their_prefix(tmp_path: Path) -> None:
    store = SQLiteStore(tmp_path / "phone.sqlite3")
    keys = ["a", "a\ud7ff", "a\ud7ffb", "a\ue000", "a\U0010ffff", "a\U0010ffffb", "b", "\U0010ffff"]
    store.write(dict.fromkeys(keys, b""))
    for prefix in ["", "a", "a\ud7ff", "a\U0010ffff", "\U0010ffff"]:
        found = [key for key, _ in store.scan(prefix)]
        assert found == [key for key in keys if key.startswith(prefix)]
    store.close()


def test_a_write_reaches_the_disk_before_it_returns(tmp_path: Path) -> None:
    store = SQLiteStore(tmp_path / "phone.sqlite3")
    assert store._database is not None
    assert store._database.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert store._database.execute("PRAGMA synchronous").fetchone() == (2,)  # FULL
    store.close()
