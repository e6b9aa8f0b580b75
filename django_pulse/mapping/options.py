"""`class Sync:` inside a model, read once when the class is prepared, as Django reads `Meta`.

    class Sync:
        merge = {"notes": Text(), "votes": Counter()}
        audience = "project__members"
        anonymous = False
        read_only = ["reviewed_by"]
        prefetch = ["project__team"]
        filters = ["project"]
        deletes = "last_action_wins"
        renamed = {"title": "headline"}
        formerly = "todo.task"

A child's replaces its parent's as a whole. What is wrong in it is remembered, not raised: the
system checks report it, with the model's name and a hint.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from crdt.rules import DeleteWins, LastActionWins, MergeRule, RowRule

__all__ = ["ATTRIBUTES", "DELETES", "ON_UNIQUE", "Mistake", "SyncOptions", "parse"]

# Everything that `class Sync` may say.
ATTRIBUTES = (
    "merge",
    "audience",
    "anonymous",
    "read_only",
    "prefetch",
    "filters",
    "deletes",
    "on_unique",
    "renamed",
    "formerly",
)

# What `deletes` may say: who wins, where one deletes a row and another edits it.
DELETES: Mapping[str, RowRule] = MappingProxyType(
    {rule.name: rule for rule in (DeleteWins(), LastActionWins())}
)

# What `on_unique` may say: what becomes of a device's new row whose unique value is taken.
ON_UNIQUE = ("park", "merge", "rename")

_NO_RULES: Mapping[str, MergeRule] = MappingProxyType({})
_NO_RENAMES: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Mistake:
    """An attribute of `class Sync` that could not be used: what is wrong, and what to write.

    `check` is the id under which the system checks report it.
    """

    attribute: str
    message: str
    hint: str
    check: str = "pulse.E011"


@dataclass(frozen=True, slots=True)
class SyncOptions:
    """How a model syncs.

    `audience` is the lookup from the row to its users, or a function that gives a row's users; None
    stands for the foreign key called "user". `everyone` is set where `audience = None` was written:
    every signed-in user; with `anonymous`, whoever is not signed in reads the rows as well.
    `prefetch` are the relations that rows are read with before `can_sync` is asked, `filters` what
    clients may subscribe by. `deletes` is the rule of the row itself, `on_unique` what becomes of a
    new row whose unique value is taken. `renamed` says what fields were called before, `formerly`
    the model ("app.model"), if no migration does.
    """

    merge: Mapping[str, MergeRule] = field(default_factory=lambda: _NO_RULES)
    audience: str | Callable[[Any], Iterable[Any]] | None = None
    everyone: bool = False
    anonymous: bool = False
    read_only: frozenset[str] = frozenset()
    prefetch: tuple[str, ...] = ()
    filters: frozenset[str] = frozenset()
    deletes: RowRule = field(default_factory=DeleteWins)
    on_unique: str = "park"
    renamed: Mapping[str, str] = field(default_factory=lambda: _NO_RENAMES)
    formerly: str | None = None
    unknown: tuple[str, ...] = ()
    mistakes: tuple[Mistake, ...] = ()


def parse(declared: type | None) -> SyncOptions:
    """The options a `class Sync` stands for; None stands for the defaults."""
    said = {} if declared is None else _attributes(declared)
    mistakes: list[Mistake] = []
    return SyncOptions(
        merge=_merge(said.get("merge"), mistakes),
        audience=_audience(said.get("audience"), mistakes),
        everyone="audience" in said and said["audience"] is None,
        anonymous=_anonymous(said.get("anonymous", False), mistakes),
        read_only=frozenset(_names("read_only", said.get("read_only"), "field", mistakes)),
        prefetch=_names("prefetch", said.get("prefetch"), "relation", mistakes),
        filters=frozenset(_names("filters", said.get("filters"), "field", mistakes)),
        deletes=_deletes(said.get("deletes", DeleteWins.name), mistakes),
        on_unique=_on_unique(said.get("on_unique", "park"), mistakes),
        renamed=_renamed(said.get("renamed"), mistakes),
        formerly=_formerly(said.get("formerly"), mistakes),
        unknown=tuple(sorted(set(said) - set(ATTRIBUTES))),
        mistakes=tuple(mistakes),
    )


def _attributes(declared: type) -> dict[str, Any]:
    """Also those of the classes it inherits from: `class Sync(Parent.Sync)` extends them."""
    said: dict[str, Any] = {}
    for cls in reversed(declared.__mro__[:-1]):
        said.update(vars(cls))
    return {name: value for name, value in said.items() if not name.startswith("_")}


def _merge(value: Any, mistakes: list[Mistake]) -> Mapping[str, MergeRule]:
    if value is None:
        return _NO_RULES
    if not isinstance(value, Mapping):
        mistakes.append(
            Mistake(
                "merge",
                f"`merge` is {value!r}, not a dictionary.",
                'Write merge = {"field": Text()}.',
            )
        )
        return _NO_RULES
    rules = {}
    for name, rule in value.items():
        if isinstance(name, str) and isinstance(rule, MergeRule):
            rules[name] = rule
        else:
            mistakes.append(_not_a_rule(name, rule))
    return MappingProxyType(rules)


def _not_a_rule(name: Any, rule: Any) -> Mistake:
    called = f"{rule.__name__}()" if isinstance(rule, type) else "Latest()"
    return Mistake(
        "merge",
        f"`merge` gives {rule!r} for {name!r}, which is not a merge rule.",
        f'Write merge = {{"{name}": {called}}}, an instance of a MergeRule.',
    )


def _audience(value: Any, mistakes: list[Mistake]) -> Any:
    if value is None or (isinstance(value, str) and value) or callable(value):
        return value
    mistakes.append(
        Mistake(
            "audience",
            f"`audience` is {value!r}, neither a lookup nor a function.",
            'Write audience = "owner", or "project__members": how to get from a row to its users.',
        )
    )
    return None


def _anonymous(value: Any, mistakes: list[Mistake]) -> bool:
    if isinstance(value, bool):
        return value
    message = f"`anonymous` is {value!r}, neither True nor False."
    mistakes.append(Mistake("anonymous", message, "Write anonymous = True, or leave it out."))
    return False


def _names(attribute: str, value: Any, kind: str, mistakes: list[Mistake]) -> tuple[str, ...]:
    """A list of names; a `kind` is what each of them names."""
    if value is None:
        return ()
    if isinstance(value, Iterable) and not isinstance(value, (str, bytes)):
        names = tuple(value)
        if all(isinstance(name, str) for name in names):
            return names
    mistakes.append(
        Mistake(
            attribute,
            f"`{attribute}` is {value!r}, not a list of {kind} names.",
            f"Write {attribute} = [{value!r}]."
            if isinstance(value, str)
            else f'Write {attribute} = ["{kind}"].',
        )
    )
    return ()


def _deletes(value: Any, mistakes: list[Mistake]) -> RowRule:
    if isinstance(value, str) and value in DELETES:
        return DELETES[value]
    policies = " or ".join(f'"{name}"' for name in DELETES)
    message = f"`deletes` is {value!r}, not {policies}."
    mistakes.append(
        Mistake("deletes", message, f'Write deletes = "{LastActionWins.name}".', "pulse.E050")
    )
    return DELETES[DeleteWins.name]


def _on_unique(value: Any, mistakes: list[Mistake]) -> str:
    if value in ON_UNIQUE:
        return str(value)
    policies = ", ".join(f'"{name}"' for name in ON_UNIQUE)
    message = f"`on_unique` is {value!r}, not one of {policies}."
    mistakes.append(Mistake("on_unique", message, 'Write on_unique = "park".', "pulse.E040"))
    return "park"


def _renamed(value: Any, mistakes: list[Mistake]) -> Mapping[str, str]:
    if value is None:
        return _NO_RENAMES
    if isinstance(value, Mapping) and all(
        isinstance(name, str) for pair in value.items() for name in pair
    ):
        return MappingProxyType(dict(value))
    mistakes.append(
        Mistake(
            "renamed",
            f"`renamed` is {value!r}, not a dictionary of names.",
            'Write renamed = {"new_name": "old_name"}.',
        )
    )
    return _NO_RENAMES


def _formerly(value: Any, mistakes: list[Mistake]) -> str | None:
    if value is None:
        return None
    if isinstance(value, str) and value.count(".") == 1:
        return value.lower()
    mistakes.append(
        Mistake(
            "formerly",
            f"`formerly` is {value!r}, not the label of a model.",
            'Write formerly = "old_app.OldModel".',
        )
    )
    return None
