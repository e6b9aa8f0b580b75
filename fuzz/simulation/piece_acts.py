"""What people do with fields that hold many pieces, each of which merges by itself: sets, lists and
trees.

A piece begins with a mark that nobody else uses; behind a `+` stands what somebody made of it.
"""

from __future__ import annotations

from typing import Any, Final

from crdt import RowView
from crdt.messages import Key

from .durably import write
from .scenery import Scenery

__all__ = ["collect", "plant", "rearrange"]

MOVED: Final = 0.5
"""How much of what is done to items of a list moves them."""


def collect(scenery: Scenery, device: Any, row: RowView, key: Key) -> None:
    """Put into, or take out of, a set or a list."""
    field = scenery.random.choice(("tags", "stops"))
    held = list(row.values.get(field) or [])
    mark = f"m{scenery.mark}"
    taken = scenery.random.choice(held) if held and scenery.random.random() < 0.3 else None
    wanted = [each for each in held if each != taken] + ([mark] if taken is None else [])

    def note() -> None:
        if taken is None:
            scenery.ledger.put(key, field, mark)
        else:
            scenery.ledger.took(key, field, taken.partition("+")[0])

    write(scenery, device, key, {field: wanted}, note)


def rearrange(scenery: Scenery, device: Any, row: RowView, key: Key) -> None:
    """Make something else of an item of a list, or put it elsewhere."""
    held = list(row.values.get("stops") or [])
    if not held:
        collect(scenery, device, row, key)
        return
    item = held.pop(place := scenery.random.randrange(len(held)))
    mark = item.partition("+")[0]
    if scenery.random.random() < MOVED:
        held.insert(scenery.random.randint(0, len(held)), item)
        made = None
    else:
        held.insert(place, made := f"{mark}+{scenery.mark}")
    write(scenery, device, key, {"stops": held}, lambda: scenery.ledger.handled(key, mark, made))


def plant(scenery: Scenery, device: Any, row: RowView, key: Key) -> None:
    """Put something into a tree."""
    mark = f"k{scenery.mark}"
    held = dict(row.values.get("options") or {})
    note = scenery.ledger.put
    write(scenery, device, key, {"options": {**held, mark: 1}}, lambda: note(key, "options", mark))
