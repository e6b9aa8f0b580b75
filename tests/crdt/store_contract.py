"""What every store of a replica must keep: subclass `StoreContract` and say how to open one.

class TestMyStore(StoreContract):
    @contextmanager
    def opened(self):
        yield MyStore(...)
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager

import pytest

from crdt.errors import LocalFault
from crdt.store import Store

__all__ = ["StoreContract"]


class StoreContract:
    """The promises of `crdt.store.Store`, one test each."""

    def opened(self) -> AbstractContextManager[Store]:
        """A store with nothing in it, closed again when the test is over."""
        raise NotImplementedError

    @pytest.fixture
    def store(self) -> Iterator[Store]:
        with self.opened() as store:
            yield store

    def reopened(self, store: Store) -> Store | None:
        """The same content in another store object, as a restart would find it, if it lasts."""
        return None

    def test_it_is_a_store(self, store: Store) -> None:
        assert isinstance(store, Store)

    def test_what_was_never_written_is_not_there(self, store: Store) -> None:
        assert store.get("a") is None
        assert list(store.scan("")) == []

    def test_what_was_written_is_read_back(self, store: Store) -> None:
        store.write({"a": b"1", "b": b"", "c": bytes(range(256))})
        assert store.get("a") == b"1"
        assert store.get("b") == b""
        assert store.get("c") == bytes(range(256))

    def test_a_later_write_replaces_an_earlier_one(self, store: Store) -> None:
        store.write({"a": b"1"})
        store.write({"a": b"22"})
        assert list(store.scan("a")) == [("a", b"22")]

    def test_writing_none_deletes(self, store: Store) -> None:
        store.write({"a": b"1", "b": b"2"})
        store.write({"a": None, "c": b"3"})
        assert list(store.scan("")) == [("b", b"2"), ("c", b"3")]

    def test_deleting_what_is_not_there_is_fine(self, store: Store) -> None:
        store.write({"a": None})
        assert store.get("a") is None

    def test_an_empty_write_is_fine(self, store: Store) -> None:
        store.write({})
        assert list(store.scan("")) == []

    def test_a_scan_is_in_the_order_of_code_points(self, store: Store) -> None:
        keys = ["b", "a", "a/2", "a/10", "A", "\U0001f600", "\uffff", "é", "a.", "_", "%"]
        store.write(dict.fromkeys(keys, b""))
        assert [key for key, _ in store.scan("")] == sorted(keys)

    @pytest.mark.parametrize("prefix", ["a/", "a_", "a%", "A", "é", "\U0001f600", "\U0010ffff"])
    def test_a_scan_gives_exactly_the_keys_with_its_prefix(self, store: Store, prefix: str) -> None:
        stems = ["a/", "a0", "a_", "a%", "A", "a", "é", "e", "\U0001f600", "\U0010ffff", "\uffff"]
        written = {stem + tail: stem.encode() for stem in stems for tail in ("", "x", "\U0010ffff")}
        store.write(written)
        expected = sorted((key, value) for key, value in written.items() if key.startswith(prefix))
        assert list(store.scan(prefix)) == expected

    def test_a_write_during_a_scan_does_not_show_in_it(self, store: Store) -> None:
        store.write({f"a{number}": b"old" for number in range(10)})
        seen: list[bytes] = []
        for key, value in store.scan("a"):
            store.write({key: b"new", "a99": b"new", f"a{9 - len(seen)}": None})
            seen.append(value)
        assert seen == [b"old"] * 10

    def test_a_scan_that_is_not_finished_blocks_nothing(self, store: Store) -> None:
        store.write({"a": b"1", "b": b"2"})
        scan = store.scan("")
        next(scan)
        store.write({"a": b"3"})
        assert store.get("a") == b"3"

    def test_a_write_that_fails_changes_nothing(self, store: Store) -> None:
        store.write({"a": b"1", "b": b"2"})
        broken: Mapping[str, bytes | None] = {"a": b"9", "b": None, "c": "text"}  # type: ignore[dict-item]
        with pytest.raises((TypeError, LocalFault)):
            store.write(broken)
        assert list(store.scan("")) == [("a", b"1"), ("b", b"2")]

    def test_large_values_and_many_keys(self, store: Store) -> None:
        store.write({f"k{number:05}": bytes(10) for number in range(2_000)})
        store.write({"large": bytes(3 << 20)})
        assert len(list(store.scan("k"))) == 2_000
        assert store.get("large") == bytes(3 << 20)

    @pytest.mark.parametrize(
        "use",
        [
            lambda store: store.get("a"),
            lambda store: list(store.scan("")),
            lambda store: store.write({"a": b"1"}),
        ],
        ids=["get", "scan", "write"],
    )
    def test_a_closed_store_says_so(self, store: Store, use: Callable[[Store], object]) -> None:
        store.close()
        with pytest.raises(LocalFault, match="closed"):
            use(store)

    def test_closing_twice_is_fine(self, store: Store) -> None:
        store.close()
        store.close()

    def test_another_process_finds_what_was_written(self, store: Store) -> None:
        store.write({"a": b"1", "b": b"2"})
        store.write({"a": None})
        again = self.reopened(store)
        if again is None:
            pytest.skip("this store does not outlive its process")
        assert list(again.scan("")) == [("b", b"2")]
        again.close()
