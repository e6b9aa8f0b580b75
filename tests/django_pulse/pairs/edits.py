"""What a writer makes of a value that he sees, for every merge rule.

A `choice` says which of the edits there are; whatever is new in lists, trees and texts comes from
`fresh`, which is another number each time, so that it is known afterwards who wrote what.
"""

from __future__ import annotations

from typing import Any

from crdt.rules import MergeRule
from tests.project.kinds.fields import FieldType

__all__ = ["GONE", "LISTED", "edited", "leaves", "letter"]

GONE = object()
"""Said of a leaf that is not there."""

LISTED = "list"
"""The key of a tree under which there is a list, and nothing else ever."""

_ELEMENTS: tuple[Any, ...] = ("a", 1, True, None, {"x": [1]}, "é😀")
_PATHS = (("a", "x"), ("a", "y"), ("b", "c", "d"), ("e",))
_AMOUNTS = (1, 2, -1, 30, -7)


def edited(known: FieldType, rule: MergeRule, value: Any, choice: int, fresh: int) -> Any:
    """The value that takes the place of `value`, or `value` itself."""
    match rule.name:
        case "counter":
            amount = _AMOUNTS[choice % len(_AMOUNTS)]
            return value + (amount if known.negative else abs(amount)) * (known.zero + 1)
        case "add_wins_set":
            return _set(value, choice)
        case "list":
            return _list(value, choice, f"item {fresh}")
        case "deep_merge":
            return _tree(value, choice, fresh, lists=rule.describe()["lists"])
        case "text":
            return _text(known, value, choice, fresh)
        case "flag":
            return choice % 2 == 0
    samples = (*known.samples, None)
    return samples[choice % len(samples)]


def leaves(tree: Any, path: tuple[str, ...] = ()) -> dict[tuple[str, ...], Any]:
    """The leaves of a tree by their paths; empty objects are none."""
    if not isinstance(tree, dict):
        return {path: tree}
    found: dict[tuple[str, ...], Any] = {}
    for key, value in tree.items():
        found |= leaves(value, (*path, key))
    return found


def _set(value: list[Any], choice: int) -> list[Any]:
    """One element more or less; whoever has many also begins anew with another one."""
    element = _ELEMENTS[choice % len(_ELEMENTS)]
    others = [each for each in value if repr(each) != repr(element)]
    if len(others) < len(value):
        return others
    return [element] if choice > 10 and len(value) > 2 else [*value, element]


def _list(value: list[Any], choice: int, fresh: str) -> list[Any]:
    """One item is inserted, edited, moved or removed; moved by more than one place, since of two
    that change places nobody can tell which one moved.
    """
    at, what = choice % (len(value) + 1), choice % 5
    if what < 2 or at == len(value):
        return [*value[:at], fresh, *value[at:]]
    if what == 2:
        return [*value[:at], fresh, *value[at + 1 :]]
    others = [*value[:at], *value[at + 1 :]]
    if what == 4 and at < len(value) - 2:
        return [*others, value[at]]
    return [value[at], *others] if what == 4 and at > 1 else others


def _tree(value: Any, choice: int, fresh: int, *, lists: str) -> Any:
    """One leaf is set or removed, or the tree's list changes."""
    tree = value or {}
    if choice % 3 == 2:
        listed = tree.get(LISTED, [])
        return {**tree, LISTED: _list(listed, choice // 3, f"item {fresh}")}
    path = _PATHS[choice % len(_PATHS)]
    removes = choice > 8 and path in leaves(tree)
    return _with_leaf(tree, path, GONE if removes else fresh)


def _with_leaf(tree: dict[str, Any], path: tuple[str, ...], leaf: Any) -> dict[str, Any]:
    key, *rest = path
    if rest:
        return {**tree, key: _with_leaf(tree.get(key, {}), tuple(rest), leaf)}
    return {name: value for name, value in {**tree, key: leaf}.items() if value is not GONE}


def _text(known: FieldType, value: str, choice: int, fresh: int) -> str:
    """A letter that is nowhere else is typed, or one or two are deleted."""
    first, last = known.at, len(value) - len(known.start) + known.at
    at = first + choice % (last - first + 1)
    if choice % 4 == 3 and at < last:
        return value[:at] + value[min(at + 1 + choice % 2, last) :]
    typed = letter(known, fresh)
    return value if typed is None else value[:at] + typed + value[at:]


def letter(known: FieldType, fresh: int) -> str | None:
    """A letter that no other edit types; None if there are no more."""
    if known.letters:
        own = [letter for letter in known.letters if letter not in known.start]
        return own[fresh] if fresh < len(own) else None
    return chr((0x1F300, 0x4E00, 0x0300)[fresh % 3] + fresh)
