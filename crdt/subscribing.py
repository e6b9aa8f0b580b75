"""Subscriptions: which part of what its user may see a replica wants.

Laws:

1. What is wanted is stored at once, and so is that everything has to be listed by it: a change made
   offline, or cut off anywhere, is carried out later.
2. Nothing that was sent under an earlier subscription moves a cursor once another is asked for.
3. No edit is lost by wanting less: a row with edits that were not pushed stays until they are.
4. While a replica catches up with a restored database it wants everything: it has to know what the
   server has of rows that may have been elsewhere when the backup was made.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from typing import Any, Final

from .errors import LocalFault
from .header import MAX_WANTED
from .messages import Subscribe, Subscribed, Subscription
from .schema import Field, Schema
from .shelf import Shelf

__all__ = ["Subscribing", "Wanted", "relist", "subscription_of"]

Wanted = Mapping[str, Mapping[str, Any]] | Iterable[str]
"""What an app asks for: models, or models with the values that fields must have: one each, or a
list, tuple or set of which any will do."""

FILTER: Final = "filter"
"""The option of a field by which the server says that a subscription may go by it."""


class Subscribing:
    """What the server was told on this connection, beside what is wanted."""

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf
        self._last = 0
        self.reset()

    def reset(self) -> None:
        """The connection is gone."""
        self._told: Subscription | None = None
        self._asked: int | None = None

    @property
    def is_settled(self) -> bool:
        """Does what the server sends go by what is wanted?"""
        return self._asked is None and self._told == self._wanted

    @property
    def _wanted(self) -> Subscription | None:
        standing = self._shelf.standing
        return None if standing.catching_up else standing.subscription

    def hello(self) -> Subscription | None:
        """What a hello says."""
        self._told = self._wanted
        return self._told

    def next(self) -> Subscribe | None:
        """What to tell the server now, if it does not know yet."""
        if self._told == self._wanted:
            return None
        self._last += 1
        self._told, self._asked = self._wanted, self._last
        return Subscribe(self._last, self._told)

    def answered(self, answer: Subscribed) -> bool:
        """Is this the answer to the latest that was asked?"""
        if answer.id != self._asked:
            return False
        self._asked = None
        return True


def relist(shelf: Shelf) -> None:
    """From here on a row has to be named again to stay.

    Every scope is read from its beginning; with the last page, what was not named goes.
    """
    standing = shelf.standing
    found = list(shelf.all_records())
    held = {scope for _, record in found for scope in record.scopes}
    begun = {scope: at for scope, at in standing.cursors.items() if at or scope in held}
    cursors = dict.fromkeys(standing.cursors, 0)
    shelf.stand(replace(standing, cursors=cursors, listings={**standing.listings, **begun}))
    for key, record in found:
        for scope in record.scopes & begun.keys():
            shelf.doubt(key, scope)


def subscription_of(models: Mapping[str, Schema], wanted: Wanted) -> Subscription:
    """What is asked for, in the words that documents use; `models` are known by all their names.

    Raises `LocalFault` for a model or a field that there is not, or that nobody may subscribe by,
    and `ValueError` for a value that its field cannot hold.
    """
    asked = wanted if isinstance(wanted, Mapping) else {model: {} for model in wanted}
    found: dict[str, dict[str, tuple[Any, ...]]] = {}
    for name, fields in asked.items():
        schema = models.get(name.lower())
        if schema is None:
            raise LocalFault(f"There is no model {name!r} to subscribe to.")
        found[schema.label] = dict(_condition(schema, *pair) for pair in fields.items())
    size = sum(1 + sum(1 + len(one) for one in fields.values()) for fields in found.values())
    if size > MAX_WANTED:
        raise LocalFault(
            f"A subscription names at most {MAX_WANTED} models and values, not {size}."
        )
    return found


def _condition(schema: Schema, name: str, values: Any) -> tuple[str, tuple[Any, ...]]:
    known = schema.named(name)
    if known is None or not known.options.get(FILTER):
        there = sorted(each.name for each in schema.fields.values() if each.options.get(FILTER))
        raise LocalFault(
            f"One cannot subscribe to {schema.name} by {name!r}, "
            + (f"only by {', '.join(there)}." if there else "only as a whole.")
            + ' The server says by what: `filters = ["..."]` in the model\'s `class Sync`.'
        )
    return known.wire, tuple(_encoded(known, values if _are_several(known, values) else [values]))


def _are_several(known: Field, values: Any) -> bool:
    """A natural key is a list itself."""
    if not isinstance(values, Collection) or isinstance(values, str | bytes | Mapping):
        return False
    return known.kind != "json" or all(isinstance(one, list | tuple) for one in values)


def _encoded(known: Field, values: Iterable[Any]) -> list[Any]:
    """Each once, in a fixed order, so that asking for the same again is no change."""
    found = {repr(wire): wire for wire in map(known.encode, values)}
    return [found[name] for name in sorted(found)]
