"""Since when a user reads which scopes: what makes one number a cursor that misses nothing.

A client of the text protocol remembers a position for a table, not for a scope. Rows of a scope
that it may read since yesterday were changed long before that position; so the user's coming to a
scope gets a position of its own, at which its older rows are told, and so does his leaving.

Laws:

1. A position noted here is no change's, and later than every change that was there before it.
2. It is noted when it is first noticed, which is before anything of the scope is told.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.db import transaction

from .. import identity
from ..changefeed import feed
from ..tables import Reading
from .reminding import own_scope

if TYPE_CHECKING:
    from django.contrib.auth.base_user import AbstractBaseUser

    from ..changefeed.pages import Heads

__all__ = ["Readings", "observe"]

OWN_POSITIONS = 2
"""Positions of a coming or leaving: at the first all rows are told, the last of them at the second.
So a client that was cut off in between has not passed the second, and is told all of them again."""


@dataclass(frozen=True, slots=True)
class Readings:
    """The scopes that a user reads, and those he read once, each with the position of that; and the
    name under which he is reminded of rows.
    """

    own: str
    heads: Heads
    reads: Mapping[str, int]
    left: Mapping[str, int]

    def of(self, using: str) -> Readings:
        """Those of one database."""
        start = f"{using}/"
        reads = {key: at for key, at in self.reads.items() if key.startswith(start)}
        left = {key: at for key, at in self.left.items() if key.startswith(start)}
        return Readings(self.own, self.heads, reads, left)


def observe(user: AbstractBaseUser) -> Readings:
    """What the user reads now; what has changed is noted. To be called outside a transaction."""
    heads = feed.scope_heads(user)
    keys: dict[str, set[str]] = {}
    for key in heads:
        keys.setdefault(key.partition("/")[0], set()).add(key)
    reads: dict[str, int] = {}
    left: dict[str, int] = {}
    for using, present in keys.items():
        known = _known(using, user)
        if {key for key, (_, is_present) in known.items() if is_present} != present:
            known = _noted(using, user, present)
        for key, (position, is_present) in known.items():
            (reads if is_present else left)[key] = position
    return Readings(own_scope(user), heads, reads, left)


Known = dict[str, tuple[int, bool]]
"""By scope: the position, and whether the user reads it since, or no more."""


def _known(using: str, user: AbstractBaseUser) -> Known:
    rows = Reading.objects.using(using).filter(user=str(user.pk))
    return {
        key: (at, present) for key, at, present in rows.values_list("scope", "position", "present")
    }


def _noted(using: str, user: AbstractBaseUser, present: set[str]) -> Known:
    """Note what has changed, under the clock's lock. Whoever comes first has missed nothing."""
    with transaction.atomic(using=using):
        identity.clock(using, lock=True)
        known = _known(using, user)
        owner, rows = str(user.pk), Reading.objects.using(using)
        new = not known
        for key in sorted(present | known.keys()):
            if known.get(key, (0, False))[1] == (key in present):
                continue
            position = 0 if new else identity.advance(using, OWN_POSITIONS)
            known[key] = position, key in present
            values = {"position": position, "present": key in present}
            rows.update_or_create(user=owner, scope=key, defaults=values)
    return known
