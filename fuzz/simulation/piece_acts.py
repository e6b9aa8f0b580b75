"""What people do with fields that hold many pieces, each of which merges by itself: sets, lists and
trees.

A piece begins with a mark that nobody else uses; behind a `+` stands what somebody made of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from crdt import RowView
from crdt.messages import Key

from .durably import write
from .ledger import mark_of
from .scenery import Scenery

__all__ = ["collect", "moved", "plant", "rearrange"]

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
            scenery.ledger.took(key, field, mark_of(taken))

    write(scenery, device, key, {field: wanted}, note)


def rearrange(scenery: Scenery, device: Any, row: RowView, key: Key) -> None:
    """Make something else of an item of a list, or put it elsewhere."""
    held = list(row.values.get("stops") or [])
    if not held:
        collect(scenery, device, row, key)
        return
    place, ledger = scenery.random.randrange(len(held)), scenery.ledger
    if scenery.random.random() < MOVED:
        wanted, marks = moved(held, place, scenery.random.randrange(len(held)))
        write(scenery, device, key, {"stops": wanted}, lambda: ledger.moved(key, marks))
    else:
        mark = mark_of(held[place])
        held[place] = made = f"{mark}+{scenery.mark}"
        write(scenery, device, key, {"stops": held}, lambda: ledger.remade(key, mark, made))


def moved(items: Sequence[str], place: int, to: int) -> tuple[list[str], set[str]]:
    """The list with the item at one place put at another, and the marks of what was moved by that:
    where two neighbours change places, nobody can tell which of them it was.
    """
    wanted = [*items[:place], *items[place + 1 :]]
    wanted.insert(to, items[place])
    are_neighbours = abs(to - place) == 1
    return wanted, {mark_of(items[each]) for each in ((place, to) if are_neighbours else (place,))}


def plant(scenery: Scenery, device: Any, row: RowView, key: Key) -> None:
    """Put something into a tree."""
    mark = f"k{scenery.mark}"
    held = dict(row.values.get("options") or {})
    note = scenery.ledger.put
    write(scenery, device, key, {"options": {**held, mark: 1}}, lambda: note(key, "options", mark))
