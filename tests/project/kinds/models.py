"""Rules on fields of kinds that no other app has them on."""

from __future__ import annotations

from typing import Any

from django.db import models

from crdt.rules import DeepMerge, MergeRule, Text
from django_pulse.models import SyncModel

from .fields import FieldType
from .rules import PAIRS

__all__ = ["EveryPair", "Rhyme", "fields_of"]


class Rhyme(SyncModel):
    """Text that merges, in a column that is short."""

    line = models.CharField(max_length=10, blank=True)

    class Sync:
        merge = {"line": Text()}

    def __str__(self) -> str:
        return self.line


def fields_of(name: str, known: FieldType, rule: MergeRule) -> dict[str, Any]:
    """What a model's body says of one pair."""
    if rule.name in {"add_wins_set", "list"}:
        return known.fields(name, default=list, blank=True)
    if isinstance(rule, DeepMerge):
        return known.fields(name, default=dict, blank=True)
    if rule.nullable:
        return known.fields(name, null=True, blank=True)
    start: Any = {"text": known.start, "flag": False}.get(rule.name, known.zero)
    return known.fields(name, default=start, blank=True)


class EveryPair(SyncModel):
    """A field of every type for every rule that can serve it."""

    for _name, (_known, _rule) in PAIRS.items():
        locals().update(fields_of(_name, _known, _rule))
    del _name, _known, _rule

    class Sync:
        merge = {name: rule for name, (_, rule) in PAIRS.items()}

    def __str__(self) -> str:
        return f"pair {self.pk}"
