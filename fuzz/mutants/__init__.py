"""Planted bugs: patches of our own code, each of which a run of the kit must notice.

patches    reading and applying them    trying    each in a process of its own
planting   that process                 catching  what looks for them
kept       those that were no plants once, but found

A patch begins with a sentence on what goes wrong. One that nothing notices is a missing check.
"""

from .kept import KEPT
from .patches import DoesNotFit, Mutant
from .trying import MUTANTS, ROOT, Verdict, try_all

__all__ = ["KEPT", "MUTANTS", "ROOT", "DoesNotFit", "Mutant", "Verdict", "try_all"]
