"""The store in memory."""

from collections.abc import Iterator
from contextlib import contextmanager

from crdt.store import MemoryStore, Store

from .store_contract import StoreContract


class TestMemoryStore(StoreContract):
    @contextmanager
    def opened(self) -> Iterator[Store]:
        yield MemoryStore()

    def reopened(self, store: Store) -> Store:
        assert isinstance(store, MemoryStore)
        return store.copy()


def test_a_copy_does_not_follow_its_original() -> None:
    store = MemoryStore({"a": b"1"})
    copy = store.copy()
    store.write({"a": b"2", "b": b"3"})
    assert list(copy.scan("")) == [("a", b"1")]


def test_scans_stay_in_order_while_keys_come_and_go_one_by_one() -> None:
    store = MemoryStore()
    for number in (5, 1, 9, 3, 7):
        store.write({f"k{number}": b""})
        keys = [key for key, _ in store.scan("k")]
        assert keys == sorted(keys)
    store.write({"k3": None})
    store.write({"k4": b""})
    assert [key for key, _ in store.scan("")] == ["k1", "k4", "k5", "k7", "k9"]
