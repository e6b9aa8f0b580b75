"""Audiences: from a row to the users who see it.

`audience` in `class Sync` is a lookup path, as in a filter: "project__members". Where its first hop
leads to something else than users, the row is in the scope of that (the project), and the rest of
the path says who reads the scope: when people join the project, no row moves. Where the first hop
leads to users, the row is in the scope of each of them.

A model without `audience` goes by its foreign key called `user`; see `ownership`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from django.contrib.auth import get_user_model
from django.core.exceptions import FieldDoesNotExist
from django.db import models

from ..mapping import schema
from .ownership import is_unclear, owner_field

if TYPE_CHECKING:
    from ..sync_model import SyncModel

__all__ = ["Audience", "Hop", "audience_of", "follow"]

Model = type[models.Model]


@dataclass(frozen=True, slots=True)
class Hop:
    """One relation of a path: from `model`, by the name it has in lookups, to `target`."""

    model: Model
    name: str
    field: Any
    target: Model

    @property
    def attname(self) -> str | None:
        """The attribute with the target's key, where the relation is a column of the row itself."""
        return self.field.attname if isinstance(self.field, models.ForeignKey) else None

    @property
    def through(self) -> Model | None:
        """The table between the two, where there is one."""
        forward = self.field if isinstance(self.field, models.ManyToManyField) else None
        forward = forward or (self.field.field if self.field.many_to_many else None)
        return forward.remote_field.through if forward is not None else None

    @property
    def called(self) -> str:
        """What the relation was called first."""
        called = schema.names_in(self.model).fields.get(self.name)
        return self.name if called is None else called.wire

    @property
    def key(self) -> str:
        """The attribute of a target by which a scope names it: what a foreign key refers to."""
        if isinstance(self.field, models.ForeignKey):
            return str(self.field.target_field.attname)
        return "pk"


@dataclass(frozen=True, slots=True)
class Audience:
    """Who sees the rows of a model: everybody, if there are neither hops nor a function."""

    model: Model
    hops: tuple[Hop, ...] = ()
    function: Callable[[Any], Iterable[Any]] | None = None

    @property
    def is_everybody(self) -> bool:
        """Does every signed-in user see the rows?"""
        return not self.hops and self.function is None

    @property
    def anchor(self) -> Model:
        """What the scopes belong to: users, or what the first hop leads to."""
        target: Model = self.hops[0].target if self.hops else get_user_model()
        return target._meta.concrete_model or target

    @property
    def rest(self) -> str:
        """The lookup from the anchor to its users; empty where the anchor is the user."""
        return "__".join(hop.name for hop in self.hops[1:])

    @property
    def key(self) -> str:
        """What the scopes' keys have between their database and the anchor's key.

        The members and the admins of one project are two scopes. Models and relations are called
        what documents call them: renaming one moves no rows.
        """
        if self.function is not None:
            return f"{schema.names_in(self.anchor).label}/{schema.names_in(self.model).label}()"
        way = "__".join(hop.called for hop in self.hops[1:]) or self.hops[0].called
        return f"{schema.names_in(self.anchor).label}/{way}"


@cache
def audience_of(model: type[SyncModel]) -> Audience | None:
    """Who sees the rows of `model`; None where that is left open: then nobody does."""
    options = model._sync
    if options.everyone:
        return Audience(model)
    if callable(options.audience):
        return Audience(model, function=options.audience)
    if isinstance(options.audience, str):
        found = follow(model, options.audience)
        return None if isinstance(found, str) else Audience(model, found)
    owner = owner_field(model)
    if owner is not None:
        return Audience(model, (_hop(model, owner.name, owner),))
    return None if is_unclear(model) else Audience(model)


def follow(model: Model, path: str) -> tuple[Hop, ...] | str:
    """The relations that a lookup path takes from `model` to users; what is wrong with it, if it
    does not.
    """
    hops: list[Hop] = []
    here = model
    for name in path.split("__"):
        try:
            field = here._meta.get_field(name)
        except FieldDoesNotExist:
            return f"{here._meta.label} has no relation {name!r}"
        if not isinstance(field.related_model, type):
            return f"{name!r} of {here._meta.label} does not lead to one model"
        hops.append(_hop(here, name, field))
        here = hops[-1].target
    users = get_user_model()._meta.concrete_model
    if here._meta.concrete_model is not users:
        return f"it ends at {here._meta.label}, not at {get_user_model()._meta.label}"
    return tuple(hops)


def _hop(model: Model, name: str, field: Any) -> Hop:
    return Hop(model, name, field, field.related_model)
