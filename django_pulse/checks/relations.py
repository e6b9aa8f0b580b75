"""System checks of relations: many-to-many fields that no document holds, open references."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast

from django.core import checks
from django.db import models, router

from crdt.rules import AddWinsSet

from ..mapping.columns import columns_of, sets_of
from ..mapping.relations import is_made_of_pairs, needed_by_links
from ..visibility import scopes
from ..visibility.audience import audience_of

__all__ = ["check_relations"]

_LINK_MODEL = "Give it a `through` model that is a SyncModel: then each link is a row that syncs."


def check_relations(model: Any) -> Iterator[checks.CheckMessage]:
    """E035, E036, E037, E038, W035, W036, W037."""
    for name in sets_of(model).keys() & model._sync.merge.keys():
        if not isinstance(model._sync.merge[name], AddWinsSet):
            yield checks.Error(
                f"{name!r} is a many-to-many field, a set, and cannot be merged by "
                f"{type(model._sync.merge[name]).__name__}.",
                hint="Remove it from `merge`: it merges by AddWinsSet.",
                obj=model,
                id="pulse.E035",
            )
    yield from _check_databases(model)
    yield from _check_primary_key(model)
    for field in model._meta.many_to_many:
        yield from _check_links(model, field)
    for field in model._meta.private_fields:
        yield from _check_generic(model, field)


def _check_databases(model: Any) -> Iterator[checks.CheckMessage]:
    """Nothing waits for rows of another database, nor is told of them."""
    own = scopes.database_of(model)
    for name, column in columns_of(model).items():
        target = column.target
        if target is not None and target.syncs:
            other = scopes.database_of(cast("Any", target.model))
            if other != own:
                yield checks.Error(
                    f"{name!r} refers to rows of {target.model._meta.label}, which are in the "
                    f"database {other!r}, not in {own!r}: no device could point it at one.",
                    hint="Have DATABASE_ROUTERS put both models into one database, or hold the "
                    "other row's sync_id in a UUIDField.",
                    obj=model,
                    id="pulse.E036",
                )
    audience = audience_of(model)
    for hop in audience.hops[:-1] if audience is not None else ():
        other = router.db_for_write(hop.target)
        if other != own:
            yield checks.Error(
                f"The audience leads over {hop.target._meta.label}, whose rows are in the database "
                f"{other!r}, not in {own!r}: nobody would see the rows.",
                hint="Have DATABASE_ROUTERS put everything between the rows and their users into "
                "one database; only the users may be in another.",
                obj=model,
                id="pulse.E037",
            )


def _check_primary_key(model: Any) -> Iterator[checks.CheckMessage]:
    """Numbers that one database gave its rows are in no document."""
    for field in model._meta.pk_fields:
        if field.remote_field is not None and not field.remote_field.parent_link:
            yield checks.Error(
                f"{field.name!r} refers to {field.remote_field.model._meta.label} and is the "
                "primary key, or a part of it, which documents do not hold: devices could neither "
                "see what it refers to nor make a row.",
                hint=f"Leave the primary key to Django: {field.name} = models.OneToOneField(...) "
                "without primary_key=True, or a UniqueConstraint over the fields, says the same.",
                obj=model,
                id="pulse.E038",
            )


def _check_links(
    model: Any, field: models.ManyToManyField[Any, Any]
) -> Iterator[checks.CheckMessage]:
    if hasattr(field.remote_field.through, "_sync"):
        return
    if is_made_of_pairs(field):
        yield checks.Warning(
            f"{field.name!r} reaches no device: every link of it is two rows of its `through` "
            "model, which may differ.",
            hint=f"Remove `through`, or write symmetrical=False. {_LINK_MODEL}",
            obj=model,
            id="pulse.W036",
        )
    elif needed := needed_by_links(field):
        yield checks.Warning(
            f"{field.name!r} reaches no device: every link of it needs a value for "
            f"{', '.join(needed)}, which a set does not have.",
            hint=f"Give these fields defaults. {_LINK_MODEL}",
            obj=model,
            id="pulse.W035",
        )


def _check_generic(model: Any, field: Any) -> Iterator[checks.CheckMessage]:
    kind = getattr(field, "ct_field", None)
    if kind is None or not hasattr(field, "fk_field"):
        return
    if not model._meta.get_field(kind).get_limit_choices_to():
        yield checks.Warning(
            f"Devices may point {field.name!r} at a row of any model, and learn that it is there.",
            hint=f"Give {kind!r} limit_choices_to: the content types that it is meant for.",
            obj=model,
            id="pulse.W037",
        )
