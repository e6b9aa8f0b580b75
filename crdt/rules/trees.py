"""`DeepMerge`: a JSON value whose leaves several writers edit.

Each leaf (a scalar, an empty object, a list) is an entry of its own that says where it is: `[path,
value]`, the path being the keys that lead to it. A list that merges by items has one entry for each
item: the path, and behind it the item as `crdt.rules.lists` spells it.

Where two writers disagree on what there is at a path, an object or a scalar or a list, the latest
entry at it or below it decides; what the others wrote there does not show as long as that stands.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, Literal, NamedTuple

from ..entry import Dot, Live, Write
from ..errors import LocalFault
from ..sameness import same_json
from ..values import MAX_JSON_DEPTH
from .base import MergeRule, Pushed, Refusal
from .lists import Spelled, check_item, is_ahead, items_of, restamped_item, write_items
from .sets import forgotten, spent_removals

__all__ = ["DeepMerge"]

Path = tuple[str, ...]

_LEAF: Final = 2
"""Items of a leaf's entry; that of an item of a list has more."""


class DeepMerge(MergeRule):
    """JSON that is merged leaf by leaf: edits of different keys, however deep, both stand.

    `lists="leaf"` takes a list as one value, `lists="merge"` merges its items as `List` does. A
    value that is no object is one leaf.
    """

    name = "deep_merge"
    kinds = frozenset({"json"})
    whole = False

    def __init__(self, lists: Literal["leaf", "merge"] = "leaf") -> None:
        if lists not in {"leaf", "merge"}:
            raise LocalFault(
                f'DeepMerge(lists={lists!r}) must be DeepMerge(lists="leaf") or '
                'DeepMerge(lists="merge").'
            )
        self.lists = lists

    def describe(self) -> dict[str, Any]:
        return {"name": self.name, "lists": self.lists}

    def decode(self, kind: str, wire: Any) -> Any:
        value = super().decode(kind, wire)
        if value is not None:
            _check(value)
        return value

    def write(self, live: Sequence[Live], old: Any, new: Any) -> list[Write]:
        """Only told who writes, and when, can the rule name new items: see `write_at`."""
        return self.write_at(Dot(0, 0), live, old, new)

    def write_at(self, dot: Dot, live: Sequence[Live], old: Any, new: Any) -> list[Write]:
        edit = _Edit(dot, live, old, self.lists == "merge")
        if live:
            edit.change((), old, new)
        else:
            edit.put((), new)
        return edit.finished()

    def restamped(self, value: Any, move: Callable[[int], int]) -> Any:
        if value is None or len(value) == _LEAF:
            return value
        return [value[0], *restamped_item(value[1:], move)]

    def read(self, live: Sequence[Live]) -> Any:
        parts = _parts(live)
        return _read(parts, 0) if parts else {}

    def refuses(self, pushed: Pushed) -> Refusal | None:
        if pushed.entry.value is None:
            return None
        (part,) = _parts([pushed.entry])
        if part.item and is_ahead(part.item, part.stamp):
            return Refusal("invalid", "No part of an item can be later than its entry.")
        others = _parts(pushed.replaced)
        fits = all(_may_replace(part, other) for other in others)
        if not fits or len(others) < len(pushed.replaced):
            return Refusal("forbidden", "A leaf can only replace what is on its way or below it.")
        return None

    def spent(self, live: Sequence[Live]) -> Iterable[Dot]:
        return spent_removals(live)


class _Part(NamedTuple):
    """An entry: a leaf's value, or an item of a list."""

    path: Path
    dot: Dot
    stamp: int
    value: Any
    item: Sequence[Any]
    """The item as it travels; empty for a leaf."""

    @property
    def rank(self) -> tuple[int, Dot]:
        return self.stamp, self.dot

    def is_leaf(self, value: Any) -> bool:
        """Is it this empty object or list?"""
        return not self.item and type(self.value) is type(value) and self.value == value


def _check(value: Any) -> None:
    """Raise `ValueError` unless this is a leaf, or an item, as it travels."""
    if not isinstance(value, list) or len(value) < _LEAF or not isinstance(value[0], list):
        raise ValueError("An entry of a tree is [path, value], or a path and an item.")
    path, leaf = value[:_LEAF]
    if not all(isinstance(key, str) for key in path):
        raise ValueError("The path of a leaf is a list of keys.")
    if len(value) > _LEAF:
        check_item(value[1:])
        leaf = value[2]
    elif isinstance(leaf, dict) and leaf:
        raise ValueError("An object is written leaf by leaf.")
    if len(path) + _depth(leaf) > MAX_JSON_DEPTH:
        raise ValueError(f"A tree must not be deeper than {MAX_JSON_DEPTH} levels.")


def _depth(value: Any) -> int:
    deepest, left = 0, [(value, 1)]
    while left:
        each, depth = left.pop()
        if isinstance(each, (dict, list)):
            deepest = max(deepest, depth)
            inner = each.values() if isinstance(each, dict) else each
            left.extend((one, depth + 1) for one in inner)
    return deepest


def _parts(live: Iterable[Live]) -> list[_Part]:
    return [
        _Part(tuple(value[0]), dot, stamp, value[1], value[1:] if len(value) > _LEAF else ())
        for dot, stamp, value in live
        if value is not None
    ]


def _may_replace(part: _Part, other: _Part) -> bool:
    if part.item and other.item and part.path == other.path:
        return bool(part.item[0] == other.item[0])
    shorter = min(len(part.path), len(other.path))
    return part.path[:shorter] == other.path[:shorter]


# Reading


class _Node(NamedTuple):
    """What is at a path: the parts at it, those below it by key, and which of them is shown."""

    here: list[_Part]
    below: dict[str, list[_Part]]
    shows: Literal["object", "list", "leaf"]
    latest: _Part


def _node(parts: Sequence[_Part], depth: int) -> _Node:
    here: list[_Part] = []
    below: dict[str, list[_Part]] = {}
    for part in parts:
        if len(part.path) == depth:
            here.append(part)
        else:
            below.setdefault(part.path[depth], []).append(part)
    latest = max(parts, key=lambda part: part.rank)
    if len(latest.path) > depth or latest.is_leaf({}):
        return _Node(here, below, "object", latest)
    has_items = any(part.item for part in here)
    is_list = latest.item or (has_items and latest.is_leaf([]))
    return _Node(here, below, "list" if is_list else "leaf", latest)


def _read(parts: Sequence[_Part], depth: int) -> Any:
    node = _node(parts, depth)
    if node.shows == "object":
        return {key: _read(node.below[key], depth + 1) for key in sorted(node.below)}
    if node.shows == "list":
        return [item.value for item in items_of(_items(node.here))]
    return node.latest.value


def _items(parts: Iterable[_Part]) -> list[Spelled]:
    return [Spelled(part.dot, part.stamp, part.item) for part in parts if part.item]


def _hidden(parts: Sequence[_Part], depth: int) -> Iterator[Dot]:
    """What is of another type than what is shown at its path: it would show once that goes."""
    node = _node(parts, depth)
    if node.shows == "object":
        yield from (part.dot for part in node.here if not part.is_leaf({}))
        for each in node.below.values():
            yield from _hidden(each, depth + 1)
        return
    if node.shows == "list":
        yield from (part.dot for part in node.here if not (part.item or part.is_leaf([])))
    else:
        yield from (part.dot for part in node.here if part.item)
    yield from (part.dot for each in node.below.values() for part in each)


# Writing


class _Edit:
    """One write: collects entries and what they replace, and what has to be removed."""

    def __init__(self, dot: Dot, live: Sequence[Live], old: Any, merges_lists: bool) -> None:
        self._dot = dot
        self._live = live
        self._parts = _parts(live)
        self._merges_lists = merges_lists
        self._writes: list[Write] = []
        self._gone: dict[Dot, None] = {}
        self._seen: set[Path] | None = None
        """The paths of the leaves that the writer saw; `None` if he saw all there is."""
        if not self._parts or not same_json(_read(self._parts, 0), old):
            self._seen = {path for path, _ in _leaves((), old)}

    def change(self, path: Path, old: Any, new: Any) -> None:
        """Write what is different at `path` and below it."""
        if same_json(old, new):
            return
        if isinstance(old, dict) and isinstance(new, dict):
            for key in old.keys() - new.keys():
                self._remove((*path, key))
            for key in sorted(new):
                if key in old:
                    self.change((*path, key), old[key], new[key])
                else:
                    self.put((*path, key), new[key])
            if not new:
                self._append(path, {}, self._at(path, {}))
        elif self._merges_lists and isinstance(old, list) and isinstance(new, list):
            self._change_list(path, old, new)
        else:
            self.put(path, new)

    def put(self, path: Path, new: Any) -> None:
        """Write `new` in the place of whatever is at `path` and below it."""
        is_list = self._merges_lists and isinstance(new, list)
        at, below = self._at(path, spare_items=is_list), self._below(path)
        leaves = list(_leaves(path, new)) if isinstance(new, dict) else [(path, new)]
        for index, (leaf, value) in enumerate(leaves):
            replaced = () if index else at if leaf != path else (*at, *below)
            if self._merges_lists and isinstance(value, list) and value:
                self._put_items(leaf, value, replaced)
            else:
                self._append(leaf, value, replaced)
        if leaves[0][0] != path:
            self._gone.update(dict.fromkeys(below))

    def finished(self) -> list[Write]:
        """Everything to append, the removal last."""
        if (self._writes or self._gone) and self._seen is None:
            named = {dot for write in self._writes for dot in write.replaces}
            found = _hidden(self._parts, 0)
            self._gone.update(dict.fromkeys(dot for dot in found if dot not in named))
        if self._gone:
            removal = Write(None, (*self._gone, *forgotten(self._live)))
            return [*self._writes, removal]
        return self._writes

    def _append(self, path: Path, value: Any, replaced: Sequence[Dot] = ()) -> None:
        self._writes.append(Write([list(path), value], tuple(replaced)))

    def _append_item(self, path: Path, item: Write, replaced: Sequence[Dot]) -> None:
        self._writes.append(Write([list(path), *item.value], tuple(replaced)))

    def _remove(self, path: Path) -> None:
        self._gone.update(dict.fromkeys((*self._at(path), *self._below(path))))

    def _put_items(self, path: Path, values: Sequence[Any], replaced: Sequence[Dot]) -> None:
        writes, _ = write_items(self._next_dot, [], [], values)
        for write in writes:
            self._append_item(path, write, replaced)
            replaced = ()

    def _change_list(self, path: Path, old: Sequence[Any], new: Sequence[Any]) -> None:
        here = [part for part in self._parts if part.path == path]
        items = _items(here)
        if not items and any(isinstance(part.value, list) and part.value for part in here):
            self.put(path, new)  # it is one leaf: written when the field's lists did not merge
            return
        writes, gone = write_items(self._next_dot, items, old, new)
        replaced = () if items else self._at(path, [])
        for each in writes:
            self._append_item(path, each, (*each.replaces, *replaced))
            replaced = ()
        self._gone.update(dict.fromkeys(gone))
        if not new:
            self._append(path, new, self._at(path, new))

    @property
    def _next_dot(self) -> Dot:
        return Dot(self._dot.replica, self._dot.clock + len(self._writes))

    def _at(self, path: Path, value: Any = ..., *, spare_items: bool = False) -> list[Dot]:
        """What is at the path; only what is this empty value, if one is given.

        Whoever writes a list where he saw none leaves the items that others put there meanwhile.
        """
        spared = spare_items and self._seen is not None
        found = (p for p in self._parts if p.path == path and not (spared and p.item))
        return [part.dot for part in found if value is ... or part.is_leaf(value)]

    def _below(self, path: Path) -> list[Dot]:
        """What is below the path, as far as the writer saw it."""
        depth = len(path)
        found = (p for p in self._parts if len(p.path) > depth and p.path[:depth] == path)
        return [part.dot for part in found if self._seen is None or part.path in self._seen]


def _leaves(path: Path, value: Any) -> Iterator[tuple[Path, Any]]:
    """The leaves of a value that stands at `path`."""
    if isinstance(value, Mapping) and value:
        for key in sorted(value):
            yield from _leaves((*path, key), value[key])
    else:
        yield path, value
