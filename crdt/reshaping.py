"""Reshaping: small edits of sets, lists and trees, as functions from the old value to the new one.

They change nothing they are given. A path leads into a value: keys of objects and indices of lists;
its last step is what is edited. What a writer did is found out from the two values by the field's
rule, so that these edits merge as any other.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from .errors import LocalFault
from .sameness import canonical

__all__ = ["inserted_at", "moved_at", "removed_at", "set_at", "with_elements", "without_elements"]

Path = Sequence[str | int]


def with_elements(value: Any, elements: Iterable[Any]) -> list[Any]:
    """The set with these elements as well."""
    there = _list(value, ())
    known = set(map(canonical, there))
    return [*there, *(each for each in elements if canonical(each) not in known)]


def without_elements(value: Any, elements: Iterable[Any]) -> list[Any]:
    """The set without these elements; those that are not in it are passed over."""
    gone = set(map(canonical, elements))
    return [each for each in _list(value, ()) if canonical(each) not in gone]


def set_at(value: Any, path: Path, new: Any) -> Any:
    """The value with `new` at the path; objects that are missing on the way are made."""
    return _changed(value, path, lambda parent, step: _put(parent, step, new, path), make=True)


def removed_at(value: Any, path: Path) -> Any:
    """The value without what is at the path."""

    def remove(parent: Any, step: str | int) -> None:
        del parent[_there(parent, step, path)]

    return _changed(value, path, remove)


def inserted_at(value: Any, path: Path, new: Sequence[Any]) -> Any:
    """The value with further items in a list; the path ends with the index of the first."""

    def insert(parent: Any, step: str | int) -> None:
        items = _list(parent, path)
        items[_index(step, len(items), path) : 0] = new

    return _changed(value, path, insert)


def moved_at(value: Any, path: Path, to: int) -> Any:
    """The value with the item at the path at index `to` of its list."""

    def move(parent: Any, step: str | int) -> None:
        items = _list(parent, path)
        item = items.pop(_there(items, step, path))
        items.insert(_index(to, len(items), path), item)

    return _changed(value, path, move)


def _changed(
    value: Any, path: Path, change: Callable[[Any, str | int], None], *, make: bool = False
) -> Any:
    """A copy of the value in which the last step's parent was changed; only parents are copied."""
    if not path:
        raise LocalFault("A path needs a key or an index to end with; to write a whole value, set.")
    found = parent = _copied(value)
    for step in path[:-1]:
        if make and isinstance(parent, dict) and isinstance(step, str):
            parent[step] = _copied(parent.get(step, {}))
        else:
            parent[_there(parent, step, path)] = _copied(parent[_there(parent, step, path)])
        parent = parent[step]
    change(parent, path[-1])
    return found


def _copied(value: Any) -> Any:
    return value.copy() if isinstance(value, (dict, list)) else value


def _put(parent: Any, step: str | int, new: Any, path: Path) -> None:
    if isinstance(parent, dict) and isinstance(step, str):
        parent[step] = new
    else:
        parent[_there(parent, step, path)] = new


def _there(parent: Any, step: str | int, path: Path) -> Any:
    """The step, if it leads anywhere."""
    if isinstance(parent, dict) and step in parent:
        return step
    if isinstance(parent, list) and type(step) is int and -len(parent) <= step < len(parent):
        return step
    raise LocalFault(f"There is nothing at {list(path)!r}: {step!r} leads nowhere.")


def _index(step: str | int, most: int, path: Path) -> int:
    if type(step) is int and 0 <= step <= most:
        return step
    raise LocalFault(f"{step!r} in {list(path)!r} is no index of a list of {most} items.")


def _list(value: Any, path: Path) -> list[Any]:
    if isinstance(value, list):
        return value
    raise LocalFault(f"There is no list at {list(path[:-1])!r}.")
