"""Rebuilding: a new document in the place of one that was lost, while others still hold the old.

Laws:

1. No clock of the server's that was ever given out is given out again: in the new document its
   clocks begin behind every one that the old can have had.
2. The new document says, in an entry that no other document has, that it was rebuilt. Whoever holds
   the old one then takes the new whole, with what was never acknowledged of his own, and nothing
   else of the old: the rest is in the row that the new one is made from.
3. Clocks that are known to be in the row say nothing in the new document, but are counted: a push
   that is repeated, since its ack was lost, is not taken for another.
4. A push that replaces what only the old one held is not merged into the new one, where that would
   do nothing. Its device makes the edit again, in the new one.
"""

from collections.abc import Mapping
from typing import Final

from .document import Document
from .entry import REBUILT_FIELD, Dot
from .errors import Dangling
from .lib0 import write_any
from .outbound import void_run
from .update import DEFAULT_LIMITS, Limits, Push, State, read_push, read_state

__all__ = ["CLOCKS_FROM", "read_push_to", "rebuilt", "rebuilt_in", "row_in"]

CLOCKS_FROM: Final = 1_577_836_800
"""Seconds from 1970 to 2020. Where it is not known how far they have run, clocks begin at the
seconds since then: no document's have passed that which was not written to more than once a second
all its life, and until 2156 there is room above."""

_SPELLED: Final = write_any(REBUILT_FIELD)
"""What bytes hold that hold the entry."""


def rebuilt(
    replica: int, now_ms: int, written_ms: int, clocks: Mapping[int, int] | None = None
) -> Document:
    """A document without fields, to be filled by the server, `replica`, from the row.

    It is made at `now_ms`. What it is filled with takes the stamp of its first entry, that of
    `written_ms`, which tells it from what is written later. `clocks` are those of all replicas, as
    far as what they wrote is known to be in the row.
    """
    known = dict(clocks or {})
    start = max(now_ms // 1_000 - CLOCKS_FROM, known.pop(replica, 0), 1)
    document = Document(replica=replica)
    document.apply_update(void_run(replica, 0, start, None))
    for other, clock in known.items():
        document.apply_update(void_run(other, 0, clock, None))
    former = [[other, clock] for other, clock in sorted({**known, replica: start}.items())]
    document.append(REBUILT_FIELD, document.next_stamp(written_ms), former)
    return document


def read_push_to(known: State, data: bytes, replica: int, limits: Limits = DEFAULT_LIMITS) -> Push:
    """Read a push as `read_push` does, to a document that may have been rebuilt.

    Raises `Dangling` as well if it replaces an entry that only the document before held.
    """
    push = read_push(data, replica, known, limits)
    if not push.known and any(entry.replaces for entry in push.entries):
        former = _former(known)
        for entry in push.entries if former else ():
            for dot in entry.replaces:
                if dot.clock < former.get(dot.replica, 0) and dot not in known.entries:
                    raise Dangling(
                        f"Clock {dot.clock} of replica {dot.replica} is of a document "
                        "that was lost."
                    )
    return push


def _former(known: State) -> Mapping[int, int]:
    """The clocks that were given out before the document was rebuilt, if it was."""
    if _SPELLED not in known.data:
        return {}
    entries = (entry for entry in known.entries.values() if entry.field == REBUILT_FIELD)
    return {replica: clock for entry in entries for replica, clock in entry.value or ()}


def row_in(document: Document) -> frozenset[Dot]:
    """Those of a rebuilt document's entries that tell what was in the row when it was made."""
    entries = document.entries.values()
    marks = {(each.dot.replica, each.stamp) for each in entries if each.field == REBUILT_FIELD}
    return frozenset(each.dot for each in entries if (each.dot.replica, each.stamp) in marks)


def rebuilt_in(data: bytes) -> frozenset[Dot]:
    """The entries in a document's bytes, or a difference's, which say that it was rebuilt."""
    if _SPELLED not in data:
        return frozenset()
    entries = read_state(data).entries
    return frozenset(dot for dot, entry in entries.items() if entry.field == REBUILT_FIELD)
