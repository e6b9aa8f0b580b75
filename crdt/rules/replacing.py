"""Rules whose entries hold whole values, of which one is read: `Latest` and its relatives."""

from collections.abc import Iterable, Sequence
from typing import Any

from ..entry import Dot, Live, Write
from ..errors import LocalFault
from .base import MergeRule, Pushed, Refusal, latest, ranked, written

__all__ = ["Conflicts", "First", "Flag", "Latest", "ServerOnly", "Text"]


class Latest(MergeRule):
    """The latest write wins, by hybrid logical clock; the default."""

    name = "latest"

    def read(self, live: Sequence[Live]) -> Any:
        return live[0].value if len(live) == 1 else latest(live).value

    def spent(self, live: Sequence[Live]) -> Iterable[Dot]:
        kept = {entry.dot for entry in written(live)}
        return [entry.dot for entry in live if entry.dot not in kept]


class ServerOnly(Latest):
    """As `Latest`, but clients may not write the field."""

    name = "server_only"
    client_writes = False


class Conflicts(Latest):
    """As `Latest`, and the values that were written at the same time can be asked for."""

    name = "conflicts"

    def others(self, live: Sequence[Live]) -> list[Live]:
        """The concurrent values besides the one that is read, the latest first."""
        return ranked(live)[1:]


class First(MergeRule):
    """Who is first has it: once the server holds a value, nobody's can take its place.

    `None` and empty text count as nothing, so that a blank default can be claimed. Of values that
    were written while nobody knew of the others, the earliest to reach the server stands.
    """

    name = "first"

    def write(self, live: Sequence[Live], old: Any, new: Any) -> list[Write]:
        if any(_is_taken(entry) for entry in live) or (live and _is_blank(new)):
            return []
        return super().write(live, old, new)

    def read(self, live: Sequence[Live]) -> Any:
        return _first(live).value

    def refuses(self, pushed: Pushed) -> Refusal | None:
        if any(_is_taken(entry) for entry in (*pushed.held, *pushed.replaced)):
            return Refusal("taken", "Somebody else was first to give this field a value.")
        return None

    def spent(self, live: Sequence[Live]) -> Iterable[Dot]:
        return _all_but(_first(live), live)


class Flag(MergeRule):
    """A switch: of two who set it differently at once, `wins` says whose value stands."""

    name = "flag"
    kinds = frozenset({"bool"})
    nullable = False

    def __init__(self, wins: bool = True) -> None:
        if not isinstance(wins, bool):
            raise LocalFault(f"Flag(wins={wins!r}) must be Flag(wins=True) or Flag(wins=False).")
        self.wins = wins

    def describe(self) -> dict[str, Any]:
        return {"name": self.name, "wins": self.wins}

    def read(self, live: Sequence[Live]) -> Any:
        chosen = any(entry.value is self.wins for entry in written(live))
        return self.wins if chosen else not self.wins

    def spent(self, live: Sequence[Live]) -> Iterable[Dot]:
        kept = written(live)
        winners = {entry.dot for entry in kept if entry.value is self.wins} or {latest(kept).dot}
        return [entry.dot for entry in live if entry.dot not in winners]


class Text(MergeRule):
    """Shared text: concurrent edits merge character by character.

    The characters live in the field's text root; entries only tell who touched it, and when.
    """

    name = "text"
    kinds = frozenset({"str"})
    text = True
    nullable = False

    def decode(self, kind: str, wire: Any) -> Any:
        if wire is not None:
            raise ValueError("What a text holds does not stand in its entries.")

    def write(self, live: Sequence[Live], old: Any, new: Any) -> list[Write]:
        return [Write(None, tuple(entry.dot for entry in live))]

    def read(self, live: Sequence[Live]) -> Any:
        """Not asked: the value is the text itself (see `Schema.read`)."""
        raise LocalFault("A text is read from its characters, not from its entries.")


def _is_blank(value: Any) -> bool:
    return value is None or value == ""


def _is_taken(entry: Live) -> bool:
    return not _is_blank(entry.value)


def _first(live: Sequence[Live]) -> Live:
    taken = [entry for entry in live if _is_taken(entry)]
    return min(taken, key=lambda one: (one.stamp, one.dot)) if taken else latest(live)


def _all_but(kept: Live, live: Sequence[Live]) -> list[Dot]:
    return [entry.dot for entry in live if entry.dot != kept.dot]
