"""Planted bugs: patches of our own code, each of which a run of the kit must notice.

patches    reading and applying them    trying    each in a process of its own
planting   that process                 catching  what looks for them

A patch begins with a sentence on what goes wrong. One that nothing notices is a missing check.
"""

from .patches import DoesNotFit, Mutant
from .trying import MUTANTS, ROOT, Verdict, try_all

__all__ = ["MUTANTS", "ROOT", "DoesNotFit", "Mutant", "Verdict", "try_all"]
