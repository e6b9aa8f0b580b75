"""Conflicts: fields that several writers wrote, not knowing of each other.

Laws:

1. A field is in conflict while it has live values that differ, and that its rule keeps. It reads
   one of them; the others stay until somebody who saw them writes the field.
2. Only fields whose writes replace each other can be: what adds up, what merges by character or by
   element, keeps every writer's part in its one value.
"""

from dataclasses import dataclass
from typing import Any

from .document import Document
from .entry import Dot, Live
from .rules import MergeRule, ranked
from .schema import Field, Schema

__all__ = ["Alive", "can_conflict", "conflicts"]


@dataclass(frozen=True, slots=True)
class Alive:
    """One of the values of a field in conflict: a Python value, and the stamp it was written with.

    `replica` is who wrote it, `dot` the entry that says so (the server's own, where it rewrote a
    stamp). `current` marks the one that the field reads as.
    """

    value: Any
    stamp: int
    replica: int
    dot: Dot
    current: bool = False


def conflicts(document: Document, schema: Schema) -> dict[str, list[Alive]]:
    """The fields in conflict, by name, each with its live values, the latest first."""
    found = {}
    for wire, entries in document.fields().items():
        known = schema.get(wire)
        if known is None or len(entries) < 2 or schema.fields.get(known.name) is not known:
            continue  # one value, or a field that the row does not show
        if not can_conflict(known.rule):
            continue
        live = known.live(entries)
        settled = set(known.rule.spent(live)) if live else ()  # the rule itself has chosen
        live = ranked(each for each in live if each.dot not in settled)
        if any(not known.same(each.value, live[0].value) for each in live[1:]):
            written_by = {each.dot: (each.stands_for or each.dot).replica for each in entries}
            found[known.name] = _alive(known, live, written_by)
    return found


def can_conflict(rule: MergeRule) -> bool:
    """Does a write by this rule replace all that is live, as `MergeRule.write` does?"""
    return type(rule).write is MergeRule.write and rule.whole and not rule.text


def _alive(known: Field, live: list[Live], written_by: dict[Dot, int]) -> list[Alive]:
    value = known.rule.read(sorted(live, key=lambda each: each.dot))
    current = next((each.dot for each in live if known.same(each.value, value)), None)
    return [
        Alive(each.value, each.stamp, written_by[each.dot], each.dot, each.dot == current)
        for each in live
    ]
