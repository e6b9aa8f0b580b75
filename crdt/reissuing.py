"""Writing again, as another replica, what was never acknowledged."""

from collections.abc import Set

from .held import Held, merged
from .outbound import repack
from .redoing import redo
from .schema import Schema

__all__ = ["reissue"]


def reissue(held: Held, replica: int, own: int, gone: Set[int], schema: Schema | None) -> None:
    """Stage that what waits from the own clock `own` on was written by `replica`, without what was
    written under marks that are `gone`; what waits from before is taken back.

    Edits keep their values, stamps and marks. They are written mark by mark, so that every copy of
    this store can tell which of them it has itself.
    """
    view, base, acked = held.view, held.confirmed, held.record.acked
    confirmed = held.updates
    if own > acked:
        base.apply_update(repack(view, acked, {}))
    fresh = held.rename(replica)
    made = redo(fresh, view, base, own, held.record.made, schema, gone=gone)
    held.restart(fresh, merged(confirmed))
    held.note(acked=0, sent=0, void=0, made=made)
