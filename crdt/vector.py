"""Vector clocks: what a document has seen of every replica.

A vector clock maps a replica to its next clock, as a Yjs state vector does, and is encoded as one.
Comparison after Mattern, *Virtual Time and Global States of Distributed Systems* (1989).
"""

from collections.abc import Iterator, Mapping
from enum import Enum
from typing import Self

from .entry import Dot
from .entry_bytes import MAX_CLOCK
from .errors import Malformed
from .lib0 import Cursor, write_varuint

__all__ = ["Order", "VectorClock"]


class Order(Enum):
    """How two vector clocks stand to each other."""

    BEFORE = "before"
    AFTER = "after"
    EQUAL = "equal"
    CONCURRENT = "concurrent"


class VectorClock(Mapping[int, int]):
    """An immutable `{replica: next clock}`; replicas at clock 0 are left out."""

    __slots__ = ("_clocks",)

    def __init__(self, clocks: Mapping[int, int] | None = None) -> None:
        self._clocks = {
            replica: clock for replica, clock in sorted((clocks or {}).items()) if clock
        }

    def __getitem__(self, replica: int) -> int:
        return self._clocks[replica]

    def __iter__(self) -> Iterator[int]:
        return iter(self._clocks)

    def __len__(self) -> int:
        return len(self._clocks)

    def __hash__(self) -> int:
        return hash(tuple(self._clocks.items()))

    def __repr__(self) -> str:
        return f"VectorClock({self._clocks!r})"

    def includes(self, dot: Dot) -> bool:
        """Has whoever holds this vector clock seen `dot`?"""
        return dot.clock < self._clocks.get(dot.replica, 0)

    def compare(self, other: Mapping[int, int]) -> Order:
        """`BEFORE` if `other` has seen everything seen here and more, and so on."""
        behind = any(clock > self.get(replica, 0) for replica, clock in other.items())
        ahead = any(clock > other.get(replica, 0) for replica, clock in self.items())
        if behind and ahead:
            return Order.CONCURRENT
        if behind:
            return Order.BEFORE
        return Order.AFTER if ahead else Order.EQUAL

    def merge(self, other: Mapping[int, int]) -> Self:
        """The least vector clock that has seen what either has."""
        merged = dict(self._clocks)
        for replica, clock in other.items():
            merged[replica] = max(clock, merged.get(replica, 0))
        return type(self)(merged)

    def to_bytes(self) -> bytes:
        """The vector clock as a Yjs state vector."""
        parts = [write_varuint(len(self._clocks))]
        for replica, clock in self._clocks.items():
            parts += (write_varuint(replica), write_varuint(clock))
        return b"".join(parts)

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Read a Yjs state vector; raises `Malformed` if it is not one."""
        cursor = Cursor(data)
        clocks: dict[int, int] = {}
        for _ in range(cursor.count(2)):
            replica, clock = cursor.varuint(), cursor.varuint()
            if replica in clocks or clock > MAX_CLOCK:
                raise Malformed("A state vector names a replica twice, or a clock beyond 2**32.")
            clocks[replica] = clock
        cursor.end()
        return cls(clocks)
