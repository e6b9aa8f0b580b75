"""Merge rules: how a field is written into a document and read out of its live entries.

Laws:

1. `read` is a pure function of the *set* of live entries: their order means nothing, and it asks
   neither clock nor random numbers. Then no rule can break convergence, whatever it computes.
2. `write` says what to append; it never changes what others wrote. What it replaces, it saw.
3. `read(write(live, old, new))` is `new` when nobody else wrote in between.

A rule of your own subclasses `MergeRule`, sets `name`, and implements `read` and, where writing
does not simply replace, `write`.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar, Final

from .entry import Live, Write
from .errors import LocalFault

__all__ = [
    "BUILT_IN",
    "Counter",
    "DeleteWins",
    "Latest",
    "MergeRule",
    "ServerOnly",
    "Text",
    "rule_from_description",
]


def latest(live: Iterable[Live]) -> Live:
    """The entry with the greatest (stamp, replica, clock)."""
    return max(live, key=lambda entry: (entry.stamp, entry.dot))


class MergeRule:
    """How concurrent writes of one field become one value.

    `live` is a non-empty sequence of `Live` entries (`write` also gets the empty one), values are
    Python values of the field's kind.
    """

    name: ClassVar[str] = ""
    """What the rule is called in schemas sent to clients; must be set, and unique."""

    kinds: ClassVar[frozenset[str] | None] = None
    """The kinds of field (see `crdt.values`) that the rule can serve; `None` for all."""

    client_writes: ClassVar[bool] = True
    """May clients write the field at all?"""

    additive: ClassVar[bool] = False
    """Do entries add up (by `combine`) instead of replacing each other? Then a client's entry
    replaces nothing, and only the server folds."""

    text: ClassVar[bool] = False
    """Is the value the string in the field's text root, rather than in the entries?"""

    nullable: ClassVar[bool] = True
    """Can the rule hold `None`?"""

    def write(self, live: Sequence[Live], old: Any, new: Any) -> list[Write]:
        """What to append so that a writer who saw `old` writes `new`: by default one entry that
        replaces every live one."""
        return [Write(new, tuple(entry.dot for entry in live))]

    def read(self, live: Sequence[Live]) -> Any:
        """The field's value: deterministic, and the same for every order of `live`."""
        raise NotImplementedError(f"{type(self).__name__} does not say how to read a field.")

    def combine(self, earlier: Any, later: Any) -> Any:
        """What two values, written one after the other and not sent yet, become as one."""
        return later

    def fold(self, live: Sequence[Live]) -> Write | None:
        """One entry by which the server may stand in for all of `live`, or `None` to leave them.

        Folding must not change what is read now, nor what is read once further entries come.
        """
        return None

    def describe(self) -> dict[str, Any]:
        """The rule as JSON, for the schema sent to clients."""
        return {"name": self.name}

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and self.describe() == other.describe()  # type: ignore[attr-defined]

    def __hash__(self) -> int:
        return hash(type(self))

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"


class Latest(MergeRule):
    """The latest write wins, by hybrid logical clock; the default."""

    name = "latest"

    def read(self, live: Sequence[Live]) -> Any:
        return live[0].value if len(live) == 1 else latest(live).value


class ServerOnly(Latest):
    """As `Latest`, but clients may not write the field."""

    name = "server_only"
    client_writes = False


class Counter(MergeRule):
    """Every change is a difference, and the differences are summed: nobody's is lost.

    Whole and decimal numbers, exactly. `None` counts as nothing.
    """

    name = "counter"
    kinds = frozenset({"int", "decimal"})
    additive = True
    nullable = False

    def write(self, live: Sequence[Live], old: Any, new: Any) -> list[Write]:
        return [Write(_number(new) - _number(old))]

    def read(self, live: Sequence[Live]) -> Any:
        return sum(_number(entry.value) for entry in live)

    def combine(self, earlier: Any, later: Any) -> Any:
        return _number(earlier) + _number(later)

    def fold(self, live: Sequence[Live]) -> Write | None:
        if len(live) < 2:
            return None
        return Write(self.read(live), tuple(entry.dot for entry in live))


class Text(MergeRule):
    """Shared text: concurrent edits merge character by character.

    The characters live in the field's text root; entries only tell who touched it, and when.
    """

    name = "text"
    kinds = frozenset({"str"})
    text = True
    nullable = False

    def write(self, live: Sequence[Live], old: Any, new: Any) -> list[Write]:
        return [Write(None, tuple(entry.dot for entry in live))]

    def read(self, live: Sequence[Live]) -> Any:
        """Not asked: the value is the text itself (see `Schema.read`)."""
        raise LocalFault("A text is read from its characters, not from its entries.")


class DeleteWins(MergeRule):
    """The row's own rule: once somebody deleted it, it is deleted, unless he who undeletes saw it."""

    name = "delete_wins"
    kinds = frozenset({"bool"})

    def read(self, live: Sequence[Live]) -> Any:
        return any(entry.value is True for entry in live)


def _number(value: Any) -> Any:
    return 0 if value is None else value


BUILT_IN: Final[dict[str, MergeRule]] = {
    rule.name: rule for rule in (Latest(), ServerOnly(), Counter(), Text(), DeleteWins())
}
"""The rules that every client knows, by name."""


class _UnknownRule(Latest):
    """A rule of the server's app that this client was not given: readable as latest, not writable."""

    client_writes = False

    def __init__(self, description: Mapping[str, Any]) -> None:
        self._description = dict(description)

    def describe(self) -> dict[str, Any]:
        return self._description

    def write(self, live: Sequence[Live], old: Any, new: Any) -> list[Write]:
        raise LocalFault(
            f"This field merges by the rule {self._description.get('name')!r}, which this client "
            "does not know. Pass it when connecting: rules=[YourRule()]."
        )


def rule_from_description(
    description: Mapping[str, Any], rules: Iterable[MergeRule] = ()
) -> MergeRule:
    """The rule that a schema describes: one of `rules`, or a built-in one, by its name.

    A name that nobody knows gives a rule that reads as `Latest` and refuses to write.
    """
    for rule in (*rules, *BUILT_IN.values()):
        if rule.describe() == dict(description):
            return rule
    return _UnknownRule(description)
