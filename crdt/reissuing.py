"""Writing again, as another replica, what was never acknowledged."""

from collections.abc import Sequence, Set

from .document import Document
from .held import Held, merged
from .made import Made, made_under, mark_at
from .outbound import redo, repack, without

__all__ = ["reissue"]


def reissue(held: Held, replica: int, own: int, gone: Set[int], texts: Sequence[str]) -> None:
    """Stage that what waits from the own clock `own` on was written by `replica`, without what was
    written under marks that are `gone`; what waits from before is taken back.

    Edits keep their values, stamps and marks. They are written mark by mark, so that every copy of
    this store can tell which of them it has itself.
    """
    old, end, made = held.replica, held.clock, held.record.made
    confirmed = held.updates
    everything: Document = held.draft(confirmed)
    if end > held.record.acked:
        everything.apply_update(repack(held.view, held.record.acked, {}))
    starts = [own, *(clock for _, clock in made if own < clock < end)]
    fresh = held.rename(replica)
    again: Made = ()
    before = without(everything, old, own) if own > held.record.acked else held.draft(confirmed)
    for start, stop in zip(starts, [*starts[1:], end], strict=True):
        mark = mark_at(made, start)
        after = held.view if stop == end else without(everything, old, stop)
        if start < stop and mark not in gone:
            again = made_under(again, mark, fresh.clock(replica))
            entries = [
                entry
                for dot, entry in sorted(after.entries.items())
                if dot.replica == old and start <= dot.clock < stop
            ]
            redo(fresh, entries, {text: before.text(text) for text in texts}, after)
        before = after
    held.restart(fresh, merged(confirmed))
    held.note(acked=0, sent=0, void=0, made=again)
