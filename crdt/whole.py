"""Writing a whole document that holds no texts, without integrating anything.

Laws:

1. What is written reads, and integrates, as what pycrdt would have made of the same updates. In a
   document without texts that is decided: every clock of a replica is an item of its own entries
   root, behind the one before, and either an entry that is present or one that was deleted.
2. Neighbours that were deleted become one run, neighbours that are present another: bytes do not
   grow with the number of edits.
"""

from collections.abc import Mapping

from .entry import Dot, Entry
from .lib0 import write_any, write_varuint
from .ranges import Range, write_ranges
from .structs import DELETED, ORIGIN, spelling

__all__ = ["write_document"]


def write_document(clocks: Mapping[int, int], entries: Mapping[Dot, Entry]) -> bytes:
    """The document in which each replica has come to its clock, and these `entries` are present."""
    present: dict[int, list[Entry]] = {replica: [] for replica, clock in clocks.items() if clock}
    for entry in sorted(entries.values()):
        present[entry.dot.replica].append(entry)
    deleted: dict[int, list[Range]] = {}
    sections = [
        _section(replica, clocks[replica], present[replica], deleted)
        for replica in sorted(present, reverse=True)
    ]
    return b"".join((write_varuint(len(present)), *sections, write_ranges(deleted)))


def _section(
    replica: int, end: int, entries: list[Entry], deleted: dict[int, list[Range]]
) -> bytes:
    """The clocks of one replica; notes in `deleted` those that hold no entry."""
    structs = []
    gone: list[Range] = []
    clock = 0
    for run in _runs(entries):
        start = run[0].dot.clock
        if start > clock:
            gone.append((clock, start - clock))
            structs.append(_deleted(replica, clock, start))
        structs.append(_present(replica, run))
        clock = start + len(run)
    if end > clock:
        gone.append((clock, end - clock))
        structs.append(_deleted(replica, clock, end))
    if gone:
        deleted[replica] = gone
    first = b"\x00"
    return b"".join((write_varuint(len(structs)), write_varuint(replica), first, *structs))


def _present(replica: int, run: list[Entry]) -> bytes:
    own, start = spelling(replica), run[0].dot.clock
    place = own.after + write_varuint(start - 1) if start else own.first
    return b"".join((place, write_varuint(len(run)), *[write_any(each.raw()) for each in run]))


def _deleted(replica: int, start: int, end: int) -> bytes:
    own, length = spelling(replica), write_varuint(end - start)
    if not start:
        return bytes((DELETED,)) + own.first[1:] + length
    return bytes((DELETED | ORIGIN,)) + own.after[1:] + write_varuint(start - 1) + length


def _runs(entries: list[Entry]) -> list[list[Entry]]:
    """The entries, sorted by clock, in runs without gaps."""
    runs: list[list[Entry]] = []
    after = -1
    for entry in entries:
        if entry.dot.clock != after:
            runs.append([])
        runs[-1].append(entry)
        after = entry.dot.clock + 1
    return runs
