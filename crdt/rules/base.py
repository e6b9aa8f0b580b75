"""What a merge rule is: everything there is to know of a field's entries.

Laws:

1. `read` is a pure function of the *set* of live entries: their order means nothing, and it asks
   neither clock nor random numbers. Then no rule can break convergence, whatever it computes.
2. `write` says what to append; it never changes what others wrote. What it replaces, it saw.
3. What `write(live, old, new)` appends makes `read` give `new` when nobody else wrote in between;
   unless the rule says that what is there wins (`First`, `Max`, `Min`): then it appends nothing.
4. `fold` and `spent` change neither what is read now nor what is read once further entries come
   that the rule takes. They leave at least one entry: a field without any leaves its column alone.
5. What a client may do is decided by the entry, what it names and what there was before it, alike
   for whatever else came with it.

A rule of your own subclasses `MergeRule`, sets `name`, and implements `read` and, where writing
does not simply replace, `write`.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

from .. import values
from ..entry import Dot, Live, Write
from ..sameness import same_value
from ..stamp import FILLED

__all__ = ["MergeRule", "Pushed", "Refusal", "check_list", "latest", "ranked", "written"]


class Refusal(NamedTuple):
    """Why an entry may not stand: a code for programs, a sentence for people."""

    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Pushed:
    """An entry that a client pushed, as its rule judges it.

    `replaces` are the dots it names, `replaced` those of them that the server still has, with their
    values; `held` are the field's live entries from before the push.
    """

    entry: Live
    replaces: Sequence[Dot]
    replaced: Sequence[Live]
    held: Sequence[Live]


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

    whole: ClassVar[bool] = True
    """Does an entry hold a whole value? Otherwise it is a part (a difference, an element, a leaf),
    what the parts make together is validated, and a new row's default is written as parts."""

    text: ClassVar[bool] = False
    """Is the value the string in the field's text root, rather than in the entries?"""

    joins: ClassVar[bool] = False
    """Do a writer's entries, while none is sent, become one by `combine`, although the later one
    does not replace the earlier?"""

    nullable: ClassVar[bool] = True
    """Can the rule hold `None`?"""

    # Values

    def check(self, value: Any) -> None:
        """Raise `ValueError` if the rule cannot hold this (whole) value."""
        if value is None and not self.nullable:
            raise ValueError(f"a {self.name} cannot be null.")

    def encode(self, kind: str, value: Any) -> Any:
        """One entry's value as it travels; raises `ValueError` if it cannot.

        Of a rule whose entries are parts, `None` is a removal.
        """
        return values.encode(kind, value)

    def decode(self, kind: str, wire: Any) -> Any:
        """One entry's value from what came; raises `ValueError` if it is none."""
        return values.decode(kind, wire)

    def same(self, kind: str, a: Any, b: Any) -> bool:
        """Do two whole values mean the same, so that one for the other is no edit?"""
        return same_value(kind, a, b)

    # Writing

    def write(self, live: Sequence[Live], old: Any, new: Any) -> list[Write]:
        """What to append so that a writer who saw `old` writes `new`: by default one entry that
        replaces every live one.
        """
        return [Write(new, tuple(entry.dot for entry in live))]

    def write_at(self, dot: Dot, live: Sequence[Live], old: Any, new: Any) -> list[Write]:
        """The same, for rules that name things after who wrote them: `dot` is the first entry's,
        and the following ones count up from there.
        """
        return self.write(live, old, new)

    def restamped(self, value: Any, move: Callable[[int], int]) -> Any:
        """One entry's value, with what `move` makes of each stamp in it: those of earlier edits of
        what the entry is about.
        """
        return value

    def combine(self, earlier: Any, later: Any) -> Any:
        """What two values, written one after the other and not sent yet, become as one."""
        return later

    # Reading

    def read(self, live: Sequence[Live]) -> Any:
        """The field's value: deterministic, and the same for every order of `live`."""
        raise NotImplementedError(f"{type(self).__name__} does not say how to read a field.")

    # On the server

    def refuses(self, pushed: Pushed) -> Refusal | None:
        """Why a client may not write this entry, or `None`. That it names no other field's entries
        and nothing unseen, and that the value is one, is checked already.
        """
        return None

    def fold(self, live: Sequence[Live]) -> Write | None:
        """One entry by which the server may stand in for all of `live`, or `None` to leave them."""
        return None

    def spent(self, live: Sequence[Live]) -> Iterable[Dot]:
        """Live entries that mean nothing any more, and that the server may delete; never all."""
        return ()

    # For schemas

    def describe(self) -> dict[str, Any]:
        """The rule as JSON, for the schema sent to clients."""
        return {"name": self.name}

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and self.describe() == other.describe()

    def __hash__(self) -> int:
        return hash(type(self))

    def __repr__(self) -> str:
        given = [f"{name}={value!r}" for name, value in self.describe().items() if name != "name"]
        return f"{type(self).__name__}({', '.join(given)})"


def check_list(rule: MergeRule, value: Any) -> None:
    """Raise `ValueError` unless the value is a list."""
    if type(value) not in {list, tuple}:
        raise ValueError(f"the rule {rule.name} holds lists, not {type(value).__name__}.")


def written(live: Sequence[Live]) -> Sequence[Live]:
    """The entries that somebody wrote; where nobody did, those that were filled in."""
    return [entry for entry in live if entry.stamp != FILLED] or live


def latest(live: Iterable[Live]) -> Live:
    """The entry with the greatest (stamp, replica, clock)."""
    return max(live, key=_rank)


def ranked(live: Iterable[Live]) -> list[Live]:
    """The entries, the latest first."""
    return sorted(live, key=_rank, reverse=True)


def _rank(entry: Live) -> tuple[int, Dot]:
    return entry.stamp, entry.dot
