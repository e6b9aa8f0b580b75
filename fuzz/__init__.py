"""The convergence kit: what tries to break documents, for our tests and for those of users.

`fuzz.hostile` makes the updates that an attacker might send.
"""

from .hostile import Case, hostile_cases

__all__ = ["Case", "hostile_cases"]
