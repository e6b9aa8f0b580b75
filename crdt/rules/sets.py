"""`AddWinsSet`: elements that several writers add and remove.

Each element is an entry of its own; a removal names the entries that its writer saw. So of one who
adds and one who removes at the same time, the former wins: the removal never saw that entry. After
Bieniusa, Zawirski, Preguiça, Shapiro, Baquero, Balegas, Duarte: *An Optimized Conflict-free
Replicated Set* (2012).
"""

from collections.abc import Iterable, Sequence
from typing import Any

from ..entry import Dot, Live, Write
from ..sameness import canonical
from .base import MergeRule, Pushed, Refusal, check_list, latest

__all__ = ["AddWinsSet", "forgotten", "spent_removals"]


class AddWinsSet(MergeRule):
    """A set, held as a JSON list without duplicates in the order of its elements' JSON text.

    An entry's value is a list of the one element, or `None` for a removal.
    """

    name = "add_wins_set"
    kinds = frozenset({"json"})
    whole = False
    nullable = False

    def check(self, value: Any) -> None:
        super().check(value)
        check_list(self, value)

    def decode(self, kind: str, wire: Any) -> Any:
        value = super().decode(kind, wire)
        if value is not None and not (isinstance(value, list) and len(value) == 1):
            raise ValueError("An entry of a set is a list of one element, or null.")
        return value

    def same(self, kind: str, a: Any, b: Any) -> bool:
        if isinstance(a, (list, tuple)) and isinstance(b, (list, tuple)):
            return set(map(canonical, a)) == set(map(canonical, b))
        return super().same(kind, a, b)

    def write(self, live: Sequence[Live], old: Any, new: Any) -> list[Write]:
        """Elements that only `new` has are added, those that only `old` has are removed."""
        dots = _dots_by_element(live)
        before, after = _by_text(old or ()), _by_text(new)
        writes = [
            Write([element], tuple(dots.get(text, ())))
            for text, element in after.items()
            if text not in before
        ]
        removed = [text for text in before if text not in after]
        if removed or not (live or writes):  # one that names nothing says: empty
            gone = [dot for text in removed for dot in dots.get(text, ())]
            writes.append(Write(None, (*gone, *forgotten(live))))
        return writes

    def read(self, live: Sequence[Live]) -> Any:
        newest: dict[str, Live] = {}
        for entry in live:
            if entry.value is not None:
                text = canonical(entry.value[0])
                newest[text] = latest((newest[text], entry)) if text in newest else entry
        return [newest[text].value[0] for text in sorted(newest)]

    def refuses(self, pushed: Pushed) -> Refusal | None:
        if pushed.entry.value is not None:
            own = canonical(pushed.entry.value)
            if any(
                entry.value is None or canonical(entry.value) != own for entry in pushed.replaced
            ):
                return Refusal("forbidden", "An element can only replace itself.")
        return None

    def spent(self, live: Sequence[Live]) -> Iterable[Dot]:
        return spent_removals(live)


def forgotten(live: Sequence[Live]) -> list[Dot]:
    """Removals that did their work: named by the next one, they are gone with it."""
    return [entry.dot for entry in live if entry.value is None]


def spent_removals(live: Sequence[Live]) -> list[Dot]:
    """The removals that a field can do without: it keeps one as long as it has nothing else."""
    removals = [entry for entry in live if entry.value is None]
    kept = latest(removals).dot if len(removals) == len(live) else None
    return [entry.dot for entry in removals if entry.dot != kept]


def _by_text(elements: Iterable[Any]) -> dict[str, Any]:
    return {canonical(element): element for element in elements}


def _dots_by_element(live: Sequence[Live]) -> dict[str, list[Dot]]:
    dots: dict[str, list[Dot]] = {}
    for entry in live:
        if entry.value is not None:
            dots.setdefault(canonical(entry.value[0]), []).append(entry.dot)
    return dots
