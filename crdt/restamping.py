"""Restamping: what was never sent was stamped by a clock that turns out to be wrong.

Laws:

1. What would come to lie before the time at which the clock was last known to be right, or after
   the present, was written before the clock went wrong, and stays.
2. Entries stay past the stamps of what they replace and of what their replica sent before, seen
   here or not, and in their own order, as they would have been had the clock been right.
3. What an entry tells of earlier edits, of a list's item say, moves as those do; and what it tells
   of others' edits stays. None of it comes to be later than the entry.
"""

from collections.abc import Callable, Collection, Iterable
from typing import Final

from .entry import Dot, Entry
from .held import Held
from .schema import Schema
from .stamp import COUNTER_BITS, next_stamp

__all__ = ["OFFSET_MOVED", "restamp"]

OFFSET_MOVED: Final = 1_000
"""Milliseconds by which the clock's offset has to move before unsent edits are restamped: less
is the delay of the network."""


def restamp(held: Held, schema: Schema | None, moved: int, heard: int, now: int) -> None:
    """Move the stamps of entries that were never sent by so many milliseconds.

    At `heard` the clock was last known to be right.
    """
    own, sent = held.own_entries(0), held.record.sent
    entries = [entry for entry in own if entry.dot.clock >= sent]
    if not entries:
        return
    view = held.view
    stamps = {entry.dot: entry.stamp for entry in view.entries.values()}
    names: dict[Dot, Dot] = {}
    first, last = next_stamp(heard if heard <= now else 0), next_stamp(now + OFFSET_MOVED)
    view.delete([entry.dot for entry in entries])
    told = _told(schema, view.entries.values(), {entry.field for entry in entries})
    stamp = max((entry.stamp for entry in own if entry.dot.clock < sent), default=-1)

    def shifted(one: int) -> int:
        return _moved(one, moved << COUNTER_BITS, first, last)

    for entry in sorted(entries, key=lambda entry: (entry.stamp, entry.dot)):
        replaces = [names.get(dot, dot) for dot in entry.replaces]
        seen = max((stamps[dot] for dot in replaces if dot in stamps), default=-1)
        stamp = next_stamp(held.record.flown, max(shifted(entry.stamp) - 1, seen, stamp))
        value = _value(schema, entry, stamp, lambda one: one if one in told else shifted(one))
        mark = held.mark_at(entry.dot.clock)
        written = view.append(entry.field, stamp, value, replaces)
        held.made(mark, written.dot.clock)
        names[entry.dot] = written.dot
        stamps[written.dot] = stamp
    held.edited()


def _value(
    schema: Schema | None, entry: Entry, stamp: int, shifted: Callable[[int], int]
) -> object:
    """The entry's value, with the stamps in it shifted, and none of them after `stamp`."""
    known = schema.get(entry.field) if schema else None
    if known is None:
        return entry.value
    return known.restamped(entry.value, lambda one: min(shifted(one), stamp))


def _told(
    schema: Schema | None, entries: Iterable[Entry], fields: Collection[str]
) -> frozenset[int]:
    """The stamps of these fields' entries, and those in their values."""
    found: set[int] = set()

    def note(stamp: int) -> int:
        found.add(stamp)
        return stamp

    for entry in entries:
        known = schema.get(entry.field) if schema and entry.field in fields else None
        if known is not None:
            found.add(entry.stamp)
            known.restamped(entry.value, note)
    return frozenset(found)


def _moved(stamp: int, by: int, first: int, last: int) -> int:
    """The stamp moved, if it can be of a time between these; or as near to that as it is."""
    moved = stamp + by
    if moved > last:
        return min(stamp, last)
    if moved < first:
        return max(moved, stamp if stamp <= last else first)
    return moved
