"""Where a replica keeps what must survive: a port of four verbs, and a store in memory.

Laws that every store keeps (`tests/crdt/store_contract.py` checks them):

1. `write` happens wholly or not at all, and is durable when it returns.
2. `scan` gives keys in ascending order of their code points, and reads as of when it was called:
   a write made meanwhile neither shows in it nor disturbs it.
3. Values are never changed in place: what `get` gave stays as it was.
"""

from bisect import bisect_left, insort
from collections.abc import Iterator, Mapping
from typing import Final, Protocol, runtime_checkable

from .errors import LocalFault

__all__ = ["MemoryStore", "Store"]

MANY: Final = 64
"""Changes in one write from which sorting all keys anew beats moving them one by one."""


@runtime_checkable
class Store(Protocol):
    """What a `Replica` needs of a database: an ordered map from text to bytes."""

    def get(self, key: str) -> bytes | None:
        """The value under `key`, or `None`."""

    def scan(self, prefix: str) -> Iterator[tuple[str, bytes]]:
        """Every key that starts with `prefix`, with its value, in ascending order."""

    def write(self, changes: Mapping[str, bytes | None]) -> None:
        """Store every value, delete every key whose value is `None`: all at once, durably."""

    def close(self) -> None:
        """Let go of the database; using the store afterwards raises `LocalFault`."""


class MemoryStore:
    """A store that lasts as long as the process: for tests, and for clients that keep nothing.

    `copy()` gives an independent store with the same content, as a restart would find it.
    """

    def __init__(self, content: Mapping[str, bytes] | None = None) -> None:
        self._values: dict[str, bytes] = dict(content or {})
        self._keys: list[str] | None = None
        self._closed = False

    def get(self, key: str) -> bytes | None:
        """The value under `key`, or `None`."""
        self._check_open()
        return self._values.get(key)

    def scan(self, prefix: str) -> Iterator[tuple[str, bytes]]:
        """Every key that starts with `prefix`, with its value, in ascending order."""
        self._check_open()
        if self._keys is None:
            self._keys = sorted(self._values)
        found = []
        for index in range(bisect_left(self._keys, prefix), len(self._keys)):
            key = self._keys[index]
            if not key.startswith(prefix):
                break
            found.append((key, self._values[key]))
        return iter(found)

    def write(self, changes: Mapping[str, bytes | None]) -> None:
        """Store every value, delete every key whose value is `None`."""
        self._check_open()
        for key, value in changes.items():
            if value is not None and not isinstance(value, bytes):
                raise TypeError(f"The value under {key!r} is no bytes.")
        for key, value in changes.items():
            if (value is None) == (key in self._values):
                self._reorder(key, len(changes))
            if value is None:
                self._values.pop(key, None)
            else:
                self._values[key] = value

    def close(self) -> None:
        """Let go of the content."""
        self._closed = True

    def copy(self) -> "MemoryStore":
        """An independent store with the same content."""
        return MemoryStore(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def _reorder(self, key: str, changes: int) -> None:
        """Keep the keys sorted: one by one, or, of many changes, all at the next scan."""
        if self._keys is None or changes > MANY:
            self._keys = None
        elif key in self._values:
            del self._keys[bisect_left(self._keys, key)]
        else:
            insort(self._keys, key)

    def _check_open(self) -> None:
        if self._closed:
            raise LocalFault("This store was closed; open it again to use it.")
