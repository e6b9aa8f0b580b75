"""Paths: the relations on the way from rows to their users, and what follows when one changes.

What is noted of a change is an outbox row; see `access` for what notices them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from django.db import models, transaction

from ..changefeed import feed, hints
from ..sql import insert_many
from ..tables import Outbox
from . import scopes
from .audience import Audience, Hop

__all__ = ["Link", "LinkColumn", "around", "attnames", "changed", "columns", "concrete", "ends"]
__all__ += ["move", "nodes", "note", "of", "tell", "through"]

TOLD_AT_ONCE = 1_000
"""Users who are told of one change at once. Beyond that they find out by the next live message, or
by the timer: a hint to each of a hundred thousand would keep the channel layer from all else."""

Model = type[models.Model]


@dataclass(frozen=True, slots=True)
class Link:
    """A relation on the path of an audience, `place` hops from the rows of `model`."""

    model: Any
    audience: Audience
    place: int

    @property
    def hop(self) -> Hop:
        """The relation itself."""
        return self.audience.hops[self.place]

    @property
    def prefix(self) -> str:
        """The lookup from the anchor to where the relation begins."""
        return "__".join(hop.name for hop in self.audience.hops[1 : self.place])

    @property
    def suffix(self) -> str:
        """The lookup from where it ends to the users."""
        return "__".join(hop.name for hop in self.audience.hops[self.place + 1 :])


@dataclass(frozen=True, slots=True)
class LinkColumn:
    """A foreign key that makes up a relation: does its own model stand at the relation's beginning,
    at its end, or between the two?
    """

    link: Link
    begins: models.ForeignKey[Any, Any] | None
    ends: models.ForeignKey[Any, Any] | None


columns: dict[Model, list[LinkColumn]] = {}
"""What is watched, by the model whose foreign key makes up a relation."""

nodes: dict[Model, list[Link]] = {}
"""By the models at both ends of a relation."""

through: dict[Model, list[Link]] = {}
"""By the model of the table between."""


def changed(link: Link, using: str, begins: Collection[Any], ends: Collection[Any]) -> None:
    """A relation between these rows was made, or ended."""
    begins = [pk for pk in begins if pk is not None]
    ends = [pk for pk in ends if pk is not None]
    if link.place:
        note(link.audience, using, _anchors(link, using, begins), _users(link, using, ends))
    else:
        move(link, using, begins)


def move(link: Link, using: str, rows: Collection[Any]) -> None:
    """Write that these rows, where the path begins, may be in other scopes now."""
    from ..writes.absorbing import absorb_rows  # which asks here what follows from what it writes

    if rows:
        with transaction.atomic(using=using):
            absorb_rows(link.model, using, sorted(rows))


def note(audience: Audience, using: str, anchors: Collection[Any], users: Collection[Any]) -> None:
    """Note that other users read the scopes of these anchors, and tell those concerned."""
    if anchors:
        keys = sorted({scopes.key_of(using, audience, anchor) for anchor in anchors})
        with transaction.atomic(using=using):
            rows = [(feed.ACCESS, key, b"") for key in keys]
            insert_many(Outbox, using, ("document", "scope", "update"), rows)
            feed.stamp_after_commit(using)
    tell(users, using)


def tell(users: Collection[Any], using: str) -> None:
    """Have these users' sockets ask again, once it is committed, what they may read."""
    channels = [scopes.channel_of(pk) for pk in sorted(set(users), key=str)[:TOLD_AT_ONCE]]
    if channels:
        transaction.on_commit(lambda: hints.call(channels), using=using, robust=True)


def _anchors(link: Link, using: str, begins: Collection[Any]) -> list[Any]:
    """The keys of the anchors from which the path leads to these rows."""
    key = link.audience.hops[0].key
    if not begins or (not link.prefix and key == "pk"):
        return list(begins)
    rows = link.audience.anchor._base_manager.using(using)
    wanted = rows.filter(**{f"{link.prefix or 'pk'}__in": begins})
    return list(wanted.order_by().values_list(key, flat=True).distinct())


def _users(link: Link, using: str, ends: Collection[Any]) -> list[Any]:
    """The users to whom the path leads from these rows; a few more than are told at once."""
    if not ends or not link.suffix:
        return list(ends)
    rows = link.hop.target._base_manager.using(using).filter(pk__in=ends)
    found = rows.order_by().values_list(f"{link.suffix}__pk", flat=True).distinct()
    return [pk for pk in found[: TOLD_AT_ONCE + 1] if pk is not None]


def around(link: Link, using: str, sender: Model, pk: Any) -> tuple[list[Any], list[Any]]:
    """The anchors (or the rows) before a row on the path, and the users behind it."""
    at_end = issubclass(sender, link.hop.target)
    users = _users(link, using, [pk]) if at_end else []
    if not link.place:
        rows = link.model._base_manager.using(using).filter(**{link.hop.name: pk})
        return list(rows.values_list("pk", flat=True)), []
    if at_end:
        before = link.hop.model._base_manager.using(using).filter(**{link.hop.name: pk})
        return _anchors(link, using, list(before.values_list("pk", flat=True))), users
    behind = link.hop.model._base_manager.using(using).filter(pk=pk)
    ends = behind.exclude(**{link.hop.name: None}).values_list(f"{link.hop.name}__pk", flat=True)
    return _anchors(link, using, [pk]), _users(link, using, list(ends))


def ends(
    column: LinkColumn, pk: Any, states: Iterable[dict[str, Any]]
) -> tuple[set[Any], set[Any]]:
    """What stands at the beginning and at the end of a relation, in any of these states."""
    states = list(states)
    begins = {pk} if column.begins is None else {state[column.begins.attname] for state in states}
    ends = {pk} if column.ends is None else {state[column.ends.attname] for state in states}
    return begins, ends


def attnames(column: LinkColumn) -> list[str]:
    """The attributes that hold it."""
    return [field.attname for field in (column.begins, column.ends) if field is not None]


def of(found: dict[Model, list[Any]], sender: Model) -> Iterator[Any]:
    """What is watched of a model, or of those it descends from."""
    for model, each in found.items():
        if issubclass(sender, model):
            yield from each


def concrete(model: Model) -> Model:
    """The model whose table a proxy shows."""
    return model._meta.concrete_model or model
