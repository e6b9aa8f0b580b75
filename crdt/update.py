"""Updates: the bytes that documents are stored as and travel as (Yjs update, version 1).

Read by `read_state` (what we stored or the server relayed) and `read_push` (what a client sent),
written by `write_update` where only entries and deletions are told; text is written by pycrdt.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .entry import entries_root
from .errors import Malformed
from .lib0 import write_any, write_varuint
from .push import DEFAULT_LIMITS, Limits, Push, read_push
from .state import State, read_state
from .structs import Ranges, merge_ranges, read_deletes, read_sections, write_deletes

__all__ = [
    "DEFAULT_LIMITS",
    "Limits",
    "Push",
    "State",
    "merge_ranges",
    "read_push",
    "read_state",
    "split_push",
    "write_update",
]


def write_update(
    replica: int,
    clock: int,
    origin: int | None,
    entries: Sequence[Sequence[Any]],
    deletes: Mapping[int, Ranges],
) -> bytes:
    """An update that appends `entries` (arrays) to the root of `replica`, from `clock` on.

    `origin` is the clock of the last item in that root, None if there is none. `deletes` are merged
    ranges by replica. Without entries the update only deletes.
    """
    deleted = write_deletes(dict(deletes))
    if not entries:
        return b"\x00" + deleted
    if origin is None:
        root = entries_root(replica).encode()
        place = b"\x08\x01" + write_varuint(len(root)) + root
    else:
        place = b"\x88" + write_varuint(replica) + write_varuint(origin)
    return b"".join(
        (
            b"\x01\x01",
            write_varuint(replica),
            write_varuint(clock),
            place,
            write_varuint(len(entries)),
            *map(write_any, entries),
            deleted,
        )
    )


def split_push(data: bytes, max_structs: int) -> list[bytes]:
    """Cut a difference of one replica into pushes of at most `max_structs` structs, in order.

    Each part's delete set holds what that part itself brings and deletes; the last part's is the
    whole one, since by then its receiver knows everything that it names.
    """
    sections, at = read_sections(data)
    if len(sections) != 1:
        raise Malformed("Only the difference of one replica can be cut in parts.")
    replica, _, _, blocks = sections[0]
    if len(blocks) <= max_structs:
        return [data]
    own = read_deletes(data, at).get(replica, [])
    parts = []
    for start in range(0, len(blocks), max_structs):
        part = blocks[start : start + max_structs]
        first, end = part[0].clock, part[-1].clock + part[-1].length
        inside = _clipped(own, first, end)
        last = start + max_structs >= len(blocks)
        parts.append(
            b"\x01"
            + write_varuint(len(part))
            + write_varuint(replica)
            + write_varuint(first)
            + data[part[0].start : part[-1].end]
            + (data[at:] if last else write_deletes({replica: inside} if inside else {}))
        )
    return parts


def _clipped(ranges: Ranges, first: int, end: int) -> Ranges:
    clipped = ((max(clock, first), min(clock + length, end)) for clock, length in ranges)
    return [(start, stop - start) for start, stop in clipped if start < stop]
