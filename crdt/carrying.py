"""Carrying: what a replica wrote, put into another state of the server's as it stands.

Laws:

1. What keeps its clocks counts once, however much of it the server has merged meanwhile.
2. Nothing is carried where the server would not merge it.
3. Nothing is carried into another document, however much of it has the same clocks.
"""

from collections.abc import Iterable, Iterator

from .document import Document
from .entry import Dot
from .errors import Gap, Malformed, RemoteFault
from .outbound import repack, spare_deletes
from .rebuilding import read_push_to
from .update import read_state
from .vector import VectorClock

__all__ = ["carry_flight", "carry_over", "contradicts"]


def carry_over(view: Document, fresh: Document, sent: int) -> bool:
    """Add to `fresh` what `view` holds of its own section beyond it; says whether that could be.

    `sent` is the clock up to which it was sent. If it says no, `fresh` is of no use any more.
    """
    replica, clock, known = view.replica, view.clock(view.replica), fresh.clock(view.replica)
    if known == clock and known >= sent:
        return True
    if clock < sent:
        return False
    seen = VectorClock({**fresh.vector, replica: clock})
    if not all(map(seen.includes, _replaced(view, known))):
        return False  # it replaces what the server lost
    deletes = spare_deletes(view, fresh, replica, known)
    try:
        fresh.apply_update(repack(view, known, deletes))
    except (Gap, Malformed):  # it stands beside text that the server lost, or after what it took
        return False
    return Document(fresh.encode()).clock(replica) == clock


def _replaced(view: Document, start: int) -> Iterator[Dot]:
    """What the view's own entries from clock `start` on replace."""
    for dot, entry in view.entries.items():
        if dot.replica == view.replica and dot.clock >= start:
            yield from entry.replaces


def carry_flight(fresh: Document, flight: Iterable[bytes]) -> bool:
    """Add to `fresh` the push that is on its way, if there is one and the server can merge it."""
    for data in flight:
        try:
            push = read_push_to(fresh.loaded, data, fresh.replica)
        except RemoteFault:
            return False
        seen = VectorClock({**fresh.vector, fresh.replica: push.next})
        if not all(seen.includes(dot) for entry in push.entries for dot in entry.replaces):
            return False
        if not push.known:
            fresh.apply_update(data)
            return True
    return False


def contradicts(view: Document, data: bytes, acked: int = 0) -> bool:
    """Does an update say of others' entries what is not so in `view`? Or does a whole document lack
    what its server `acked`, up to this clock of the view's replica? Then it may be another one: the
    row has the id of one that was purged, or the database was restored and nobody told.
    """
    if not view.entries:
        return False
    told, here, own = read_state(data), view.entries, view.replica
    return told.vector.get(own, 0) < acked or any(
        here.get(dot, entry) != entry for dot, entry in told.entries.items() if dot.replica != own
    )
