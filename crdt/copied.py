"""A replica id that this store may not use any more: it is a copy, or the id is somebody else's.

Laws:

1. What was edited here alone is pushed under a new id. What the other store has as well is left to
   that one to push, so that nothing counts twice; it is kept aside until the server has it.
2. What may have been edited in both is kept aside for people to look at. It is what was edited in
   the minute in which the copy was made.
3. Nothing of the old identity is used again: neither id nor device, certificate or outcomes.
"""

from collections.abc import Iterable, Set
from dataclasses import replace

from .aside import written
from .events import Kept
from .held import Held
from .records import ASIDE, COPIED, name_under
from .reissuing import reissue
from .shelf import Shelf

__all__ = ["take_new_identity"]

SHARED = (
    "This device's data is a copy, and this edit is in the other one, too: it comes from there."
)
DOUBTFUL = (
    "This device's data is a copy, made while this was edited: look whether it is there, or edit "
    "again."
)


def take_new_identity(
    shelf: Shelf, shared: Iterable[int], doubtful: Iterable[int], now: int
) -> None:
    """Stage that this is a new replica, to whom everything unsent belongs that is its own.

    `shared` and `doubtful` are marks: see `ReplicaTaken`.
    """
    old, new = shelf.standing, shelf.new()
    doubts = {*doubtful}
    gone = doubts.union(shared)
    shelf.marks.close()
    for key in list(shelf.pending):
        held = shelf.held(key)
        own = _own_from(held, gone)
        _keep_aside(shelf, held, old.replica, own, doubts, now)
        reissue(held, new.replica, own, gone, shelf.schemas.get(key.model))
        shelf.track(held)
    shelf.renumber(keep=shelf.pending)
    shelf.confirmed(tuple(shelf.unconfirmed))
    identity = replace(old, replica=new.replica, device=new.device)
    shelf.stand(replace(identity, certificate=None, attempts=()))


def _own_from(held: Held, gone: Set[int]) -> int:
    """The own clock from which on edits wait that the other store does not have."""
    start = max(held.record.acked, held.record.void)
    if held.mark_at(start) not in gone:
        return start
    own = (clock for mark, clock in held.record.made if clock > start and mark not in gone)
    return next(own, held.clock)


def _keep_aside(
    shelf: Shelf, held: Held, replica: int, own: int, doubts: Set[int], now: int
) -> None:
    """Keep what was edited before the own clock `own`, and not acknowledged."""
    key, start = held.key, max(held.record.acked, held.confirmed.clock(replica))
    unsure = (clock for mark, clock in held.record.made if start <= clock < own and mark in doubts)
    sure = next(unsure, own)
    schema = shelf.schemas.get(key.model)
    for code, first, end in (("copied", start, sure), ("doubtful", max(start, sure), own)):
        fields = written(held, first, end, schema) if first < end else {}
        if fields:
            text = SHARED if code == "copied" else DOUBTFUL
            name = f"{name_under(COPIED if code == 'copied' else ASIDE + 'doubtful/', key)}"
            kept = Kept(f"{name}/{replica}/{end}", "copied", *key, now, code, text, fields)
            if code == "copied":
                shelf.keep_copied(kept)
            else:
                shelf.keep(kept)
