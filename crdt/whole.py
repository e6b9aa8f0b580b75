"""Writing a whole document without integrating anything: one that holds no texts, or a first one.

Laws:

1. What is written reads, and integrates, as what pycrdt would have made of the same updates. In a
   document without texts that is decided: every clock of a replica is an item of its own entries
   root, behind the one before, and either an entry that is present or one that was deleted.
2. Neighbours that were deleted become one run, neighbours that are present another: bytes do not
   grow with the number of edits.
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache

from .entry import Dot, Entry, text_root
from .lib0 import write_any, write_text, write_varuint
from .ranges import Range, write_ranges
from .structs import BY_NAME, DELETED, ORIGIN, STRING, spelling

__all__ = ["write_document", "write_first"]


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


def write_first(replica: int, texts: Mapping[str, str], entries: Sequence[Entry]) -> bytes:
    """The document of which `replica` has written everything: first the characters of these texts
    (by field; none is empty), then these entries, which name no others.
    """
    structs = [
        bytes((STRING, BY_NAME)) + write_text(text_root(field)) + write_text(text)
        for field, text in texts.items()
    ]
    own = spelling(replica)
    if entries:
        head = own.first + write_varuint(len(entries))
        written = [_head(entry.field, entry.stamp) + write_any(entry.value) for entry in entries]
        structs.append(b"".join((head, *written)))
    if not structs:
        return b"\x00\x00"
    return b"".join((b"\x01", write_varuint(len(structs)), own.number, b"\x00", *structs, b"\x00"))


@lru_cache(maxsize=1024)
def _head(field: str, stamp: int) -> bytes:
    """How an entry without `replaces` begins: rows made at once have these in common."""
    return b"\x75\x03" + write_any(field) + write_any(stamp)


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
