"""`List`: items that several writers insert, edit, move and remove.

Each item is an entry of its own, and says three things: who it is (the position at which it was
born, which nobody else can make), where it is, and what it is. The latter two carry the stamp of
their last change, so that one who moves an item and one who edits it do not undo each other, and of
two who move it the later one wins. After Kleppmann: *Moving Elements in List CRDTs* (2020), for
positions see `crdt.positions`.

An item travels as `[birth, value]`, and once it was moved as `[birth, value, edited, position,
moved]`, where a stamp of null is the entry's own.
"""

from bisect import bisect, insort
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from ..alignment import align, kept_in_order
from ..entry import Dot, Live, Write
from ..positions import between, is_made_by, is_position, sort_key
from ..sameness import canonical
from ..stamp import MAX_STAMP
from .base import MergeRule, Pushed, Refusal, check_list
from .sets import forgotten, spent_removals

__all__ = ["List", "check_item", "is_ahead", "items_of", "restamped_item", "write_items"]

_BIRTH, _VALUE, _EDITED, _POSITION, _MOVED = range(5)

_NEVER: Final = -1
"""The stamp of a move that never was."""


class List(MergeRule):
    """A list whose items, any JSON values, are inserted, edited, moved and removed one by one.

    Of an edit and a removal at the same time the edit wins. `write` takes whole lists and finds out
    what was done to which item: equal items are the same, wherever they went.
    """

    name = "list"
    kinds = frozenset({"json"})
    whole = False
    nullable = False

    def check(self, value: Any) -> None:
        super().check(value)
        check_list(self, value)

    def decode(self, kind: str, wire: Any) -> Any:
        value = super().decode(kind, wire)
        if value is not None:
            check_item(value)
        return value

    def write(self, live: Sequence[Live], old: Any, new: Any) -> list[Write]:
        """Only told who writes, and when, can the rule name new items: see `write_at`."""
        return self.write_at(Dot(0, 0), live, old, new)

    def write_at(self, dot: Dot, live: Sequence[Live], old: Any, new: Any) -> list[Write]:
        writes, gone = write_items(dot, _spelled(live), old or [], new)
        if gone or not (live or writes):
            writes.append(Write(None, (*gone, *forgotten(live))))
        return writes

    def restamped(self, value: Any, move: Callable[[int], int]) -> Any:
        return value and restamped_item(value, move)

    def read(self, live: Sequence[Live]) -> Any:
        return [item.value for item in items_of(_spelled(live))]

    def refuses(self, pushed: Pushed) -> Refusal | None:
        item = pushed.entry.value
        if item is None:
            return None
        if is_ahead(item, pushed.entry.stamp):
            return Refusal("invalid", "No part of an item can be later than its entry.")
        others = (entry.value for entry in pushed.replaced)
        if any(other is None or other[_BIRTH] != item[_BIRTH] for other in others):
            return Refusal("forbidden", "An item can only replace itself.")
        return None

    def spent(self, live: Sequence[Live]) -> Iterable[Dot]:
        return spent_removals(live)


class Spelled(NamedTuple):
    """An item as an entry says it."""

    dot: Dot
    stamp: int
    item: Sequence[Any]


@dataclass(slots=True)
class Item:
    """An item as all entries of it say it."""

    birth: str
    value: Any
    edited: tuple[int, Dot]
    position: str
    moved: tuple[int, Dot]
    dots: list[Dot]


def check_item(item: Any) -> None:
    """Raise `ValueError` unless this is an item as it travels."""
    if not isinstance(item, list) or len(item) not in {2, 5} or not is_position(item[_BIRTH]):
        raise ValueError("An entry of a list is [birth, value], or that with what was moved.")
    if len(item) == 5 and not is_position(item[_POSITION]):
        raise ValueError("An item of a list needs a position.")
    for stamp in item[_EDITED::2]:
        is_stamp = type(stamp) is int and 0 <= stamp <= MAX_STAMP
        if stamp is not None and not is_stamp:
            raise ValueError("A stamp of an item is a whole number, or null.")


def is_ahead(item: Sequence[Any], stamp: int) -> bool:
    """Does an item say that a part of it is later than its entry?"""
    return any(one is not None and one > stamp for one in item[_EDITED::2])


def restamped_item(item: Sequence[Any], move: Callable[[int], int]) -> list[Any]:
    """The item, with what `move` makes of the stamps in it."""
    moved = list(item)
    moved[_EDITED::2] = [None if stamp is None else move(stamp) for stamp in item[_EDITED::2]]
    return moved


def items_of(entries: Iterable[Spelled]) -> list[Item]:
    """The items that entries describe, in their order."""
    items: dict[str, Item] = {}
    for dot, stamp, spelled in entries:
        birth, value = spelled[_BIRTH], spelled[_VALUE]
        edited, position, moved = spelled[_EDITED:] if len(spelled) > 2 else (None, birth, _NEVER)
        # What the server restamped may carry stamps that were too late as well.
        last_edit = (stamp if edited is None else min(edited, stamp), dot)
        last_move = (stamp if moved is None else min(moved, stamp), dot)
        item = items.get(birth)
        if item is None:
            items[birth] = Item(birth, value, last_edit, position, last_move, [dot])
            continue
        item.dots.append(dot)
        if last_edit > item.edited:
            item.value, item.edited = value, last_edit
        if last_move > item.moved:
            item.position, item.moved = position, last_move
    return sorted(items.values(), key=lambda one: (sort_key(one.position), one.birth))


def write_items(
    dot: Dot, entries: Sequence[Spelled], old: Sequence[Any], new: Sequence[Any]
) -> tuple[list[Write], list[Dot]]:
    """What somebody writes who saw `old`, where there are `entries` now: items as they travel, and
    the dots to remove. `dot` is that of the first entry.
    """
    items = items_of(entries)
    before, after = list(map(canonical, old)), list(map(canonical, new))
    now = [canonical(item.value) for item in items]
    found = list(range(len(items))) if now == before else align(now, before, _rewritten(items))
    sources = align(before, after)
    # Who removes an item did not see what has been made of it: of the two the edit wins.
    gone = {i for text, i in zip(before, found, strict=True) if i is not None and now[i] == text}
    plan = []
    kept = kept_in_order(sources)
    for place, source in enumerate(sources):
        index = None if source is None else found[source]
        edited = source is None or before[source] != after[place]
        moved = place not in kept
        if index is not None:
            gone.discard(index)
        elif not (edited or moved):
            continue  # somebody removed what was left alone here
        plan.append(_Step(None if index is None else items[index], new[place], edited, moved))
    left = [item for index, item in enumerate(items) if index not in gone]
    return list(_written(dot, plan, left)), [one for index in gone for one in items[index].dots]


def _rewritten(items: Sequence[Item]) -> set[int]:
    """Those that somebody edited or moved: the others were never anything else."""
    return {
        index
        for index, item in enumerate(items)
        if not all(is_made_by(dot, item.birth) for dot in item.dots)
    }


class _Step(NamedTuple):
    """One item of the new list: `None` for a new one, or which, and what was done to it."""

    item: Item | None
    value: Any
    edited: bool
    moved: bool


def _written(dot: Dot, plan: Sequence[_Step], items: Sequence[Item]) -> Iterator[Write]:
    """Entries for what has changed, each item behind the one before it."""
    moving = {step.item.birth for step in plan if step.item is not None and step.moved}
    standing = sorted(sort_key(item.position) for item in items if item.birth not in moving)
    behind: str | None = None
    for item, value, edited, moved in plan:
        position = None if item is None or moved else item.position
        if position is None:
            at = bisect(standing, sort_key(behind)) if behind is not None else 0
            before = standing[at][:-1] if at < len(standing) else None
            position = between(behind, before, dot)
            insort(standing, sort_key(position))
        if item is None:
            yield Write([position, value])
        elif edited or moved:
            yield Write(_spell(item, value, position, edited, moved), tuple(item.dots))
        behind = position
        if item is None or edited or moved:
            dot = Dot(dot.replica, dot.clock + 1)


def _spell(item: Item, value: Any, position: str, edited: bool, moved: bool) -> list[Any]:
    if not moved and item.moved[0] == _NEVER:
        return [item.birth, value]
    last_edit = None if edited else item.edited[0]
    return [item.birth, value, last_edit, position, None if moved else item.moved[0]]


def _spelled(live: Iterable[Live]) -> list[Spelled]:
    return [Spelled(*entry) for entry in live if entry.value is not None]
