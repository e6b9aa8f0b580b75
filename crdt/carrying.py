"""Carrying: what a replica wrote, put into another state of the server's as it stands.

Laws:

1. What keeps its clocks counts once, however much of it the server has merged meanwhile.
2. Nothing is carried where the server would not merge it.
"""

from collections.abc import Iterable

from .document import Document
from .errors import Gap, RemoteFault
from .outbound import repack, spare_deletes
from .rebuilding import read_push_to

__all__ = ["carry_flight", "carry_over"]


def carry_over(view: Document, fresh: Document, sent: int) -> bool:
    """Add to `fresh` what `view` holds of its own section beyond it; says whether that could be.

    `sent` is the clock up to which it was sent. If it says no, `fresh` is of no use any more.
    """
    replica, clock, known = view.replica, view.clock(view.replica), fresh.clock(view.replica)
    if known == clock and known >= sent:
        return True
    if clock < sent:
        return False
    deletes = spare_deletes(view, fresh, replica, known)
    try:
        fresh.apply_update(repack(view, known, deletes))
    except Gap:  # it stands beside text that the server lost
        return False
    return Document(fresh.encode()).clock(replica) == clock


def carry_flight(fresh: Document, flight: Iterable[bytes]) -> bool:
    """Add to `fresh` the push that is on its way, if there is one and the server can merge it."""
    for data in flight:
        try:
            known = read_push_to(fresh.loaded, data, fresh.replica).known
        except RemoteFault:
            return False
        if not known:
            fresh.apply_update(data)
            return True
    return False
