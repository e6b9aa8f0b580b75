"""What a field must hold after any history, worked out from who wrote what, knowing of what.

Nothing here knows of entries, stamps or dots.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from crdt.rules import Flag, MergeRule
from tests.project.kinds.rules import length

from .edits import GONE, LISTED, leaves

__all__ = ["Op", "alive", "holds", "same"]


Arrived = Mapping[int, int]


@dataclass(frozen=True, slots=True)
class Op:
    """One edit: its number, which grows with time, and the numbers of those its writer knew of.

    He saw `old` and left `new`; `there` is what the field held where that was written, which is
    something else than `old` for a stale instance.
    """

    number: int
    knew: frozenset[int]
    old: Any
    new: Any
    there: Any


def same(a: Any, b: Any) -> bool:
    """Are the two one value? 1 is not true."""
    if isinstance(a, (dict, list)) or isinstance(b, (dict, list)):
        return json.dumps(a, sort_keys=True) == json.dumps(b, sort_keys=True)
    return isinstance(a, bool) is isinstance(b, bool) and bool(a == b)


def alive(ops: Sequence[Op]) -> list[Op]:
    """The edits of which nobody knew who wrote later, the latest first."""
    return [op for op in reversed(ops) if not any(op.number in other.knew for other in ops)]


def holds(rule: MergeRule, start: Any, ops: Sequence[Op], arrived: Arrived, found: Any) -> None:
    """Fails unless the rule's law holds of `found`.

    `ops` are in the order of their numbers; `arrived` says in which order the server had them.
    """
    if not ops:
        assert same(found, start)
    elif rule.name in _PARTS:
        _PARTS[rule.name](rule, ops, found)
    else:
        expected = _EXPECTED[rule.name](rule, start, ops, arrived)
        assert same(found, expected), f"{found!r} instead of {expected!r}"


def _latest(rule: MergeRule, start: Any, ops: Sequence[Op], arrived: Arrived) -> Any:
    return ops[-1].new


def _first(rule: MergeRule, start: Any, ops: Sequence[Op], arrived: Arrived) -> Any:
    claims = [op for op in ops if _is_blank(op.old) and not _is_blank(op.new)]
    return min(claims, key=lambda op: arrived[op.number]).new if claims else ops[-1].new


def _is_blank(value: Any) -> bool:
    return value is None or value == ""


def _extreme(pick: Callable[[Iterable[Any]], Any]) -> Callable[..., Any]:
    def expected(rule: MergeRule, start: Any, ops: Sequence[Op], arrived: Arrived) -> Any:
        values = [value for value in (start, *(op.new for op in ops)) if value is not None]
        return pick(values) if values else None

    return expected


def _counter(rule: MergeRule, start: Any, ops: Sequence[Op], arrived: Arrived) -> Any:
    return start + sum(op.new - op.old for op in ops)


def _flag(rule: MergeRule, start: Any, ops: Sequence[Op], arrived: Arrived) -> Any:
    assert isinstance(rule, Flag)
    return rule.wins if any(op.new is rule.wins for op in alive(ops)) else not rule.wins


def _shortest(rule: MergeRule, start: Any, ops: Sequence[Op], arrived: Arrived) -> Any:
    return min((op.new for op in alive(ops)), key=length)


_EXPECTED: dict[str, Callable[[MergeRule, Any, Sequence[Op], Arrived], Any]] = {
    "latest": _latest,
    "conflicts": _latest,
    "server_only": _latest,
    "first": _first,
    "max": _extreme(max),
    "min": _extreme(min),
    "counter": _counter,
    "flag": _flag,
    "shortest": _shortest,
}


def _set(rule: MergeRule, ops: Sequence[Op], found: Any) -> None:
    """An element is in it if somebody added it, and nobody who knew of that removed it."""
    expected = set()
    for element in {_text(each) for op in ops for each in op.new}:
        added = [op for op in ops if element in _texts(op.new) - _texts(op.old)]
        removed = [op for op in ops if element in _texts(op.old) - _texts(op.new)]
        if any(not any(op.number in other.knew for other in removed) for op in added):
            expected.add(element)
    assert _texts(found) == expected
    assert len(found) == len(expected), "an element twice"


def _texts(elements: Iterable[Any]) -> set[str]:
    return {_text(each) for each in elements}


def _text(element: Any) -> str:
    return json.dumps(element, sort_keys=True)


def _tree(rule: MergeRule, ops: Sequence[Op], found: Any) -> None:
    """A leaf is what was written to it last, unless somebody who knew of that removed it."""
    merges = rule.describe()["lists"] == "merge"
    if merges:
        _list(rule, [_listed(op) for op in ops], found.get(LISTED, []))
    edits = [_leaf_edits(op) for op in ops]
    expected = {}
    for path in {path for edit in edits for path in edit}:
        touching = [op for op, edit in zip(ops, edits, strict=True) if path in edit]
        standing = [op for op in alive(touching) if path in leaves(op.new)]
        if standing:
            expected[path] = leaves(standing[0].new)[path]
    ignored = {(LISTED,)} if merges else set()
    assert _without(leaves(found), ignored) == _without(expected, ignored)


def _listed(op: Op) -> Op:
    old, new, there = (each.get(LISTED, []) for each in (op.old, op.new, op.there))
    return replace(op, old=old, new=new, there=there)


def _leaf_edits(op: Op) -> dict[tuple[str, ...], Any]:
    old, new = leaves(op.old), leaves(op.new)
    touched = {
        path: value for path, value in new.items() if path not in old or not same(old[path], value)
    }
    return touched | {path: GONE for path in old if path not in new}


def _without(values: dict[Any, Any], ignored: set[Any]) -> dict[Any, Any]:
    return {key: value for key, value in values.items() if key not in ignored}


def _text_law(rule: MergeRule, ops: Sequence[Op], found: str) -> None:
    """What was typed is there unless somebody deleted it, each letter once and in its order."""
    typed = {letter for op in ops for letter in set(op.new) - set(op.old)}
    deleted = {letter for op in ops for letter in set(op.old) - set(op.new)}
    assert sorted(letter for letter in found if letter in typed) == sorted(typed - deleted)
    start = ops[0].old
    rest = [letter for letter in found if letter not in typed]
    assert "".join(rest) == start
    for op in ops:
        _in_order(op.new, found, typed)


def _in_order(seen: Iterable[Any], found: Iterable[Any], known: set[Any]) -> None:
    """What is in both, and known, has one order."""
    seen, found = list(seen), list(found)
    both = known & set(seen) & set(found)
    assert [each for each in seen if each in both] == [each for each in found if each in both]


@dataclass(frozen=True, slots=True)
class _Item:
    """What was done to one item of a list, whatever it was called then."""

    edits: list[tuple[Op, str]]
    moves: list[Op]
    removals: list[Op]
    doubtful: list[Op]
    """Edits by a name that it may have had once, where it had another one by then."""

    def expected(self) -> str | None:
        """The name that it must have; None if it is gone. Who edits or moves it keeps it."""
        edits = {op.number: name for op, name in self.edits}
        done = sorted(
            [*(op for op, _ in self.edits), *self.moves, *self.removals], key=lambda op: op.number
        )
        told = [self._told(op, edits) for op in alive(done) if op not in self.removals]
        return edits[max(told)] if told else None

    def _told(self, op: Op, edits: dict[int, str]) -> int:
        """The edit whose name somebody left who edited or moved the item."""
        return op.number if op.number in edits else max(edits.keys() & op.knew)


def _list(rule: MergeRule, ops: Sequence[Op], found: Sequence[str]) -> None:
    """Every item is there once, by the name of its last edit, unless it was removed by somebody
    who knew of everything that was done to it; and those that nobody moved are in their order.
    """
    items: dict[str, _Item] = {}
    for op in ops:
        _note(op, items)
    assert len(set(found)) == len(found), "an item twice"
    assert set(found) <= items.keys(), "an item that nobody wrote"
    by_item = {id(item): item for item in items.values()}
    for item in by_item.values():
        names = {name for _, name in item.edits} & set(found)
        expected = item.expected()
        assert item.doubtful or names == ({expected} if expected else set())
    still = {id(item) for item in by_item.values() if not item.moves and not item.doubtful}
    order = [id(items[name]) for name in found]
    for op in ops:
        if op.there is op.old:
            _in_order([id(items[name]) for name in op.new], order, still)


def _note(op: Op, items: dict[str, _Item]) -> None:
    """Find out what somebody did to the list, who did one thing."""
    came = [name for name in op.new if name not in op.old]
    gone = [name for name in op.old if name not in op.new]
    assert len(came) <= 1
    assert len(gone) <= 1
    touched = gone or [name for name in op.old if _moved(name, op.old, op.new)][:1]
    item = items[touched[0]] if touched else _Item([], [], [], [])
    if came:
        item.edits.append((op, came[0]))
        items[came[0]] = item
    elif gone:
        item.removals.append(op)
    elif touched:
        item.moves.append(op)
    if touched and touched[0] not in op.there:
        item.doubtful.append(op)
        unknown = (items[name] for name in op.there if name not in op.old)
        for other in unknown if came else ():
            if len(other.edits) > 1 or other.moves:
                other.doubtful.append(op)


def _moved(name: str, old: Sequence[str], new: Sequence[str]) -> bool:
    """Did this one go elsewhere, and the others stay?"""
    others = [each for each in old if each != name]
    return list(old) != list(new) and others == [each for each in new if each != name]


_PARTS: dict[str, Callable[[MergeRule, Sequence[Op], Any], None]] = {
    "add_wins_set": _set,
    "list": _list,
    "deep_merge": _tree,
    "text": _text_law,
}
