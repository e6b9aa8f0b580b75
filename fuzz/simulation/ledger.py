"""The ledger: what was done to rows, by whom, in a form that says what must come out of it.

Sums do not depend on order, and what is told apart by a mark of its own is there or not. So every
edit that is durable on a device, or was committed by the server, can be asked for at the end. An
edit that was kept aside (undone, refused, out of sight) is no part of it any more: its fields are
in doubt, and are not asked for. All others of its row are.

Where every clock by which a row was edited was right, the last to write a field by the clock is the
last by its stamp as well: his value stands, whatever came when.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from crdt import Kept
from crdt.entry import ROW_FIELD
from crdt.messages import Key

__all__ = ["MADE", "Ledger", "mark_of"]


DENIED: Final = "denied"
"""The code of what a user may not do."""

MADE: Final = "made"
"""In doubt of a row that nobody may have taken: is it there?"""

PAIR: Final = frozenset({"left", "right"})
"""Fields that are written together."""

LAST_WINS: Final = frozenset({"left", "title", "nick"})
"""Fields that show what was written last; `nick` the rest on request."""

LATEST: Final = LAST_WINS | {"colour", "branch"}
"""With those of which others may write the same value."""


class Ledger:
    """See the module's docstring; `now` is everybody's clock."""

    def __init__(self, now: Callable[[], int]) -> None:
        self._now = now
        self.sums: Counter[tuple[Key, str]] = Counter()
        self.marks: dict[tuple[Key, str], set[Any]] = {}
        """What was put into texts, sets, lists and trees."""
        self.taken: dict[tuple[Key, str], set[Any]] = {}
        """What was taken out of them again."""
        self.kept: dict[Key, set[Any]] = {}
        """Marks of items which may be there although somebody took them out."""
        self.values: dict[tuple[Key, str], set[Any]] = {}
        """What was written to fields that hold one value."""
        self.last: dict[tuple[Key, str], tuple[int, set[Any]]] = {}
        """When each of them was last written, and what then."""
        self.mistimed: set[Key] = set()
        """Rows that were edited by a clock that was wrong: nobody can say what was last there."""
        self.rows: dict[Key, None] = {}
        self.deleted: set[Key] = set()
        self.withdrawn: set[Key] = set()
        """Rows that were deleted by who may not, before they were there as far as he knew."""
        self.barred: set[Key] = set()
        """Rows that were made by who may not make them."""
        self.doubtful: set[tuple[Key, str]] = set()
        self.aside: dict[tuple[Key, str], list[Any]] = {}
        """What edits that were kept aside had made of fields."""

    def made(self, key: Key) -> None:
        """A row was made."""
        self.rows[key] = None

    def removed(self, key: Key) -> None:
        """Somebody deleted a row; who edits it meanwhile loses."""
        self.deleted.add(key)

    def withdrew(self, key: Key) -> None:
        """Somebody who may not delete a row took it back, if that came before it was there."""
        self.withdrawn.add(key)

    def added(self, key: Key, field: str, amount: int) -> None:
        """Somebody added to a number."""
        self.sums[key, field] += amount

    def put(self, key: Key, field: str, mark: Any) -> None:
        """Somebody put something in that nobody else does."""
        self.marks.setdefault((key, field), set()).add(mark)

    def took(self, key: Key, field: str, mark: Any) -> None:
        """Somebody took something out, or may have."""
        self.taken.setdefault((key, field), set()).add(mark)

    def moved(self, key: Key, marks: Iterable[str]) -> None:
        """Somebody moved an item of a list, one of these: whoever takes it out meanwhile loses."""
        self.kept.setdefault(key, set()).update(marks)

    def remade(self, key: Key, mark: str, made: str) -> None:
        """Somebody made something else of an item; whoever takes it out meanwhile loses, too."""
        self.moved(key, [mark])
        self.wrote(key, _of_item(mark), made)

    def tried(self, key: Key, field: str, value: Any) -> None:
        """Somebody wrote a value, or gave it up again."""
        self.values.setdefault((key, field), set()).add(value)

    def wrote(self, key: Key, field: str, value: Any) -> None:
        """Somebody wrote a value."""
        self.tried(key, field, value)
        at, now = (key, field), self._now()
        when, values = self.last.get(at, (0, set()))
        self.last[at] = now, {value} | (values if when == now else set())

    def kept_aside(self, kept: Kept) -> None:
        """An edit did not stand; if it was the first of its row, there may be no row."""
        key = Key("bank.account" if kept.model.endswith("account") else "bank.memo", kept.id)
        if kept.reason == "reverted":  # what was denied was never written down here
            names = {name for name, field in kept.fields.items() if field.code != DENIED}
        elif kept.reason == "deleted" or ROW_FIELD in kept.fields:
            names = {""}
        else:
            names = {*kept.fields, MADE}
        if "headline" in names:
            names.add("title")
        if names & PAIR:
            names |= PAIR
        self.doubtful.update((key, name) for name in names)
        for name, field in kept.fields.items():
            self.aside.setdefault((key, name), []).append(field.value)

    def doubt(self, key: Key) -> None:
        """Nobody can say what becomes of a row."""
        self.doubtful.add((key, ""))

    def clock_is_wrong(self, keys: Iterable[Key]) -> None:
        """Of these rows a device has edits by a clock that was wrong, or that will be moved as by
        one.
        """
        self.mistimed.update(keys)

    def is_certain(self, key: Key, field: str) -> bool:
        """May the field be asked for?"""
        return not {(key, field), (key, "")} & self.doubtful

    def wrong(self, key: Key, values: Mapping[str, Any]) -> str | None:
        """What of a row is not as it must be, if something is."""
        written = {field for there, field in self.last if there == key} & LAST_WINS
        for field in sorted(written | values.keys()):
            ask = self._wrong if self.is_certain(key, field) else self._missing
            found = ask(key, field, values.get(field))
            if found is not None:
                return f"{field}: {found}"
        return None

    def _wrong(self, key: Key, field: str, value: Any) -> str | None:
        at = key, field
        if field in {"balance", "votes"} and value != self.sums[at]:
            return f"{value}, but all that was added is {self.sums[at]}"
        if field == "stops":
            return self._items_wrong(key, value or [])
        if at in self.marks:
            return _marks_wrong(value, self.marks[at], self.taken.get(at, set()))
        written = self.values.get(at, set())
        if field == "highest" and written and value != max(written | {0}):
            return f"{value}, but the highest was {max(written | {0})}"
        if field == "lowest" and written and value != min(written | {10_000}):
            return f"{value}, but the lowest was {min(written | {10_000})}"
        if field in {*LAST_WINS, "claimed"} and value and value not in written:
            return f"{value!r}, which nobody wrote"
        if field in {*LAST_WINS, "claimed"} and written and not value:
            return f"nothing, but {sorted(written)[:3]} were written"
        last = self._last(at)
        if field in LATEST and last and value not in last:
            return f"{value!r}, but what was written last is {sorted(last)}"
        return None

    def _missing(self, key: Key, field: str, value: Any) -> str | None:
        """What is not there of a field in doubt, and in no edit of it that was kept aside."""
        at = key, field
        aside = "".join(
            each if isinstance(each, str) else repr(each) for each in self.aside.get(at, ())
        )
        here = value if isinstance(value, str) else repr(value)
        for mark in sorted(self.marks.get(at, set()) - self.taken.get(at, set()), key=str):
            if str(mark) not in aside and str(mark) not in here:
                return f"{mark!r} is not there"
        return None

    def _last(self, at: tuple[Key, str]) -> set[Any]:
        """What was written last, if that can be said."""
        return set() if at[0] in self.mistimed else self.last.get(at, (0, set()))[1]

    def _items_wrong(self, key: Key, value: Iterable[str]) -> str | None:
        """What is wrong with the items of the list.

        One that was taken out, and stays since somebody edited it meanwhile, says what he made of
        it: the last edit may be what went.
        """
        items = [(item, mark_of(item)) for item in value]
        put, taken = self.marks.get((key, "stops"), set()), self.taken.get((key, "stops"), set())
        kept = self.kept.get(key, set()) & taken
        marks = [mark for _, mark in items]
        found = _marks_wrong(marks, put - kept, taken - kept)
        if found is None and any(marks.count(mark) > 1 for mark in kept):
            found = f"of {sorted(kept)} one is there twice"
        for item, mark in items:
            at = key, _of_item(mark)
            last = self._last(at)
            if last and item not in last and mark not in kept:
                found = f"{item!r}, but what was made of it last is {sorted(last)}"
            elif item not in self.values.get(at, set()) | put:
                found = f"{item!r}, which nobody wrote"
        return found


def mark_of(item: str) -> str:
    """The mark that an item began with."""
    return item.partition("+")[0]


def _of_item(mark: str) -> str:
    """What the ledger calls an item of the list."""
    return f"stops/{mark}"


def _marks_wrong(value: Any, put: set[Any], taken: set[Any]) -> str | None:
    text = value if isinstance(value, str) else None
    for mark in sorted(put):
        times = text.count(mark) if text is not None else list(value).count(mark)
        if mark in taken:
            if times and text is None:
                return f"{mark!r} was taken out, and is there"
        elif times != 1:
            return f"{mark!r} is there {times} times"
    return None
