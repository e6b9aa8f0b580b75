"""The rules that every client knows, and how a rule is found by its description."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from ..entry import Live, Write
from ..errors import LocalFault
from .base import MergeRule
from .lists import List
from .numbers import Counter, Max, Min
from .replacing import Conflicts, First, Flag, Latest, ServerOnly, Text
from .row import DeleteWins, LastActionWins
from .sets import AddWinsSet
from .trees import DeepMerge

__all__ = ["BUILT_IN", "check_name", "rule_from_description"]

_RULES: Final[tuple[MergeRule, ...]] = (
    Latest(),
    First(),
    Max(),
    Min(),
    Counter(),
    AddWinsSet(),
    Flag(wins=True),
    Flag(wins=False),
    Conflicts(),
    Text(),
    List(),
    DeepMerge(lists="leaf"),
    DeepMerge(lists="merge"),
    ServerOnly(),
    DeleteWins(),
    LastActionWins(),
)
"""Every built-in rule with every argument it may have."""

BUILT_IN: Final[dict[str, MergeRule]] = {rule.name: rule for rule in reversed(_RULES)}
"""The built-in rules by name; of those that take arguments, as they are without any."""


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
    described = dict(description)
    for rule in (*rules, *_RULES):
        if rule.name == described.get("name") and rule.describe() == described:
            return rule
    return _UnknownRule(description)
