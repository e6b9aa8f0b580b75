"""Merge rules: how a field is written into a document and read out of its live entries.

Laws:

1. `read` is a pure function of the *set* of live entries: their order means nothing, and it asks
   neither clock nor random numbers. Then no rule can break convergence, whatever it computes.
2. `write` says what to append; it never changes what others wrote. What it replaces, it saw.
3. What `write(live, old, new)` appends makes `read` give `new` when nobody else wrote in between.
4. `fold` changes neither what is read now nor what is read once further entries come.

A rule of your own subclasses `MergeRule`, sets `name`, and implements `read` and, where writing
does not simply replace, `write`.
"""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Context, Decimal, Inexact
from typing import Any, ClassVar, Final

from .entry import Live, Write
from .errors import LocalFault
from .values import MAX_DECIMAL_DIGITS

__all__ = [
    "BUILT_IN",
    "Counter",
    "DeleteWins",
    "LastActionWins",
    "Latest",
    "MergeRule",
    "RowRule",
    "ServerOnly",
    "Text",
    "check_name",
    "rule_from_description",
]

_EXACT: Final = Context(prec=3 * MAX_DECIMAL_DIGITS, traps=[Inexact])
"""Sums of decimals are exact, whatever the app made of its own context: a rounded sum depends on
the order of its parts, and so on who computes it."""


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
        replaces every live one.
        """
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
        return type(self) is type(other) and self.describe() == other.describe()

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
        return [Write(_sum(new, _negative(old)))]

    def read(self, live: Sequence[Live]) -> Any:
        return _sum(*(entry.value for entry in live))

    def combine(self, earlier: Any, later: Any) -> Any:
        return _sum(earlier, later)

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


class RowRule(MergeRule):
    """The rule of the row itself: is it deleted, where some deleted it and others went on?

    Its field holds deletions (True) and what took them back (False).
    """

    kinds = frozenset({"bool"})

    counts_actions: ClassVar[bool] = False
    """Does it matter when the row was last written? Then the server remembers that."""

    def read(self, live: Sequence[Live]) -> Any:
        return self.is_deleted(live, -1)

    def is_deleted(self, live: Sequence[Live], action: int) -> bool:
        """Is the row deleted? `action` is the latest stamp of all live entries of its fields."""
        raise NotImplementedError(f"{type(self).__name__} does not say when a row is deleted.")


class DeleteWins(RowRule):
    """Deleted is deleted, unless somebody who saw it took it back; the default."""

    name = "delete_wins"

    def is_deleted(self, live: Sequence[Live], action: int) -> bool:
        return any(entry.value is True for entry in live)


class LastActionWins(RowRule):
    """The row is deleted if nothing was done to it after its last deletion.

    Whatever a device or the ORM wrote is an action. What the server adds for its own sake (values
    of fields that nobody wrote, sums) takes no later stamp than the actions it stands for.
    """

    name = "last_action_wins"
    counts_actions = True

    def is_deleted(self, live: Sequence[Live], action: int) -> bool:
        deleted = max((entry.stamp for entry in live if entry.value is True), default=-1)
        taken_back = (entry.stamp for entry in live if entry.value is not True)
        return deleted > max(taken_back, default=-1) and deleted > action


def _sum(*values: Any) -> Any:
    total: Any = 0
    for value in values:
        if isinstance(value, Decimal) or isinstance(total, Decimal):
            total = _EXACT.add(Decimal(total), Decimal(value or 0))
        else:
            total += value or 0
    return total


def _negative(value: Any) -> Any:
    return value.copy_negate() if isinstance(value, Decimal) else -(value or 0)


def check_name(rule: MergeRule) -> None:
    """Raise `LocalFault` if a schema could not tell clients which rule this is.

    A subclass that keeps its parent's name would be read by the parent's rule there.
    """
    own = vars(type(rule)).get("name")
    named_alike = BUILT_IN.get(own) if isinstance(own, str) else None
    if not own or (named_alike is not None and type(named_alike) is not type(rule)):
        raise LocalFault(
            f"The merge rule {type(rule).__name__} needs a name of its own, by which clients know "
            f'it: write name = "{type(rule).__name__.lower()}" in the class.'
        )


BUILT_IN: Final[dict[str, MergeRule]] = {
    rule.name: rule
    for rule in (Latest(), ServerOnly(), Counter(), Text(), DeleteWins(), LastActionWins())
}
"""The rules that every client knows, by name."""


class _UnknownRule(Latest):
    """A rule that this client was not given: it reads as `Latest` and refuses to write."""

    name = "unknown"

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
