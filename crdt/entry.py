"""Entries: what a replica writes into a document, and what a merge rule reads and writes.

Laws:

1. An entry is named by its dot and never changes. To edit is to append another one.
2. Whether an entry is live depends only on which entries are present, not on their order.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple

__all__ = [
    "REBUILT_FIELD",
    "ROW_FIELD",
    "Dot",
    "Entry",
    "Live",
    "Write",
    "entries_root",
    "live_entries",
    "text_root",
]

ROW_FIELD: Final = "-"
"""The name under which the row itself is written: whether it was deleted. No Django field can
be called so."""

REBUILT_FIELD: Final = "!"
"""The name under which the server writes that a document took the place of one that was lost. No
Django field can be called so either."""


class Dot(NamedTuple):
    """An entry's identity: the replica that wrote it and that replica's clock at the time."""

    replica: int
    clock: int


class Entry(NamedTuple):
    """One write of one field, with its value as it travels (see `crdt.values`).

    A tuple: every row that is read builds some, and a frozen dataclass takes four times as long.

    `replaces` names the entries its writer saw and overwrote. `stands_for` is set where the
    server rewrote an entry of somebody else (a stamp from the future): the rewritten one dies
    as soon as anybody names the original.
    """

    dot: Dot
    field: str
    stamp: int
    value: Any
    replaces: tuple[Dot, ...] = ()
    stands_for: Dot | None = None

    def raw(self) -> list[Any]:
        """The entry as the array that stands in the document."""
        raw: list[Any] = [self.field, self.stamp, self.value]
        if self.replaces or self.stands_for is not None:
            raw.append([[dot.replica, dot.clock] for dot in self.replaces])
        if self.stands_for is not None:
            raw.append([self.stands_for.replica, self.stands_for.clock])
        return raw


class Live(NamedTuple):
    """A live entry as a merge rule reads it: its value is a Python value."""

    dot: Dot
    stamp: int
    value: Any


class Write(NamedTuple):
    """An entry as a merge rule wants it written: a Python value, and the dots it replaces."""

    value: Any
    replaces: tuple[Dot, ...] = ()


def entries_root(replica: int) -> str:
    """The name of the root array that holds the entries of `replica`."""
    return f"e{replica:x}"


def text_root(field: str) -> str:
    """The name of the root text that holds the characters of `field`."""
    return f"t{field}"


def live_entries(entries: Mapping[Dot, Entry]) -> Iterable[Entry]:
    """Those of the present `entries` that no present entry's `replaces` names.

    One that stands for another dies with it, unless nobody but itself names that one.
    """
    named = {dot for entry in entries.values() for dot in entry.replaces}
    if not named:
        return entries.values()
    return [
        entry
        for dot, entry in entries.items()
        if dot not in named
        and (entry.stands_for not in named or not _is_named_by_others(entries, entry))
    ]


def _is_named_by_others(entries: Mapping[Dot, Entry], stand_in: Entry) -> bool:
    return any(
        stand_in.stands_for in entry.replaces
        for entry in entries.values()
        if entry.dot != stand_in.dot
    )
