"""Every merge rule with every argument, one of a user's own among them, and what each can serve."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from crdt.entry import Live
from crdt.rules import MergeRule
from crdt.sameness import canonical
from fuzz.rule_cases import RULE_CASES

from .fields import FIELD_TYPES, FieldType

__all__ = ["PAIRS", "RULES", "Shortest", "length"]


class Shortest(MergeRule):
    """A rule of a user's own, on any kind of field: the value that is shortest to write."""

    name = "shortest"

    def read(self, live: Sequence[Live]) -> Any:
        return min((entry.value for entry in live), key=length)


def length(value: Any) -> tuple[int, str]:
    """By what `Shortest` compares values; no two that differ are equally short."""
    text = canonical(value) if isinstance(value, (dict, list, str, int)) else repr(value)
    return len(text), text


RULES: dict[str, MergeRule] = {
    "_".join(str(part).lower() for part in rule.describe().values()): rule
    for rule in (*(case.rule for case in RULE_CASES), Shortest())
}


def _pairs() -> Iterator[tuple[str, tuple[FieldType, MergeRule]]]:
    for name, known in FIELD_TYPES.items():
        for rule_name, rule in RULES.items():
            fits = rule.kinds is None or known.kind in rule.kinds
            if fits and (known.takes_parts or (rule.whole and not rule.text)):
                yield f"{name}_{rule_name}", (known, rule)


PAIRS: dict[str, tuple[FieldType, MergeRule]] = dict(_pairs())
"""Every field type with every rule that can serve it, and a name for a field."""
