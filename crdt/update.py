"""Yjs updates, version 1: what travels between replicas and is stored as a document.

`read_state` reads what we stored or the server relayed, `read_push` what a client sent.
`write_update` writes entries and deletions; characters are written by pycrdt.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from .lib0 import write_any, write_varuint
from .push import DEFAULT_LIMITS, MAX_REPLACES, Limits, Push, read_push
from .ranges import Range, merge_ranges, write_ranges
from .state import State, read_state
from .structs import spelling

__all__ = [
    "DEFAULT_LIMITS",
    "MAX_REPLACES",
    "Limits",
    "Push",
    "State",
    "merge_ranges",
    "read_push",
    "read_state",
    "write_update",
]


def write_update(
    replica: int,
    clock: int,
    origin: int | None,
    entries: Sequence[Sequence[Any]],
    deletes: Mapping[int, Sequence[Range]],
) -> bytes:
    """An update in which `replica` appends `entries` from `clock` on, and deletes.

    `origin` is the clock of the last item in the replica's entries root, None if there is none.
    `entries` are raw (see `Entry.raw`), and may be none; `deletes` are merged ranges by replica.
    """
    if not entries:
        return b"\x00" + write_ranges(deletes)
    own = spelling(replica)
    place = own.first if origin is None else own.after + write_varuint(origin)
    return b"".join(
        (
            b"\x01\x01",
            own.number,
            write_varuint(clock),
            place,
            write_varuint(len(entries)),
            *map(write_any, entries),
            write_ranges(deletes),
        )
    )
