"""Scopes: who sees a row.

A scope is named by its key: database, what it belongs to, and which. A row that belongs to nobody
in particular is everybody's who is signed in, and where its model is `anonymous`, also of those who
are not; a row with a foreign key to its user is that user's,
and nobody's where it is null; a row with an `audience` belongs to what that leads to (`audience`).
A row marked `is_local_only` is in no scope.

Laws:

1. Which scopes a row is in depends on the row and its own relations alone, never on who belongs to
   what: people come and go without a row being written.
2. Which scopes a user reads is asked of the database each time, by the path that `audience` says.
3. Two databases, two anchors or two paths never share a key.
4. Who is not signed in reads the scopes of the models that are `anonymous` now, and no other: a
   model that is none any more hides its rows at once.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.conf import settings
from django.contrib.auth import get_user_model
from django.db import connections, router
from django.db.models import QuerySet

from ..mapping import schema
from ..prepared import Prepared, is_fixed
from .audience import Audience, audience_of
from .ownership import OWNER, owner_field

if TYPE_CHECKING:
    from django.contrib.auth.base_user import AbstractBaseUser
    from django.contrib.auth.models import AnonymousUser

    from ..sync_model import SyncModel

__all__ = ["channel_of", "database_of", "databases", "everybody", "key_of", "of_row", "of_rows"]
__all__ += ["of_user", "owner_field", "personal", "public"]


def everybody(using: str) -> str:
    """The scope of rows that every signed-in user sees."""
    return f"{using}/*"


def public(using: str, model: type[SyncModel]) -> str:
    """The scope of a model's rows for those who are not signed in."""
    return f"{using}/*/{schema.names_in(model).label}"


def personal(using: str, user_pk: object, owner: str = OWNER) -> str:
    """The scope of one user's rows of those models whose foreign key to him is called `owner`."""
    return f"{using}/{settings.AUTH_USER_MODEL.lower()}/{owner}/{user_pk}"


def key_of(using: str, audience: Audience, anchor: object) -> str:
    """The scope of what the anchor with this key belongs to."""
    return f"{using}/{audience.key}/{anchor}"


def channel_of(user_pk: object) -> str:
    """Where the sockets of one user are told to ask again what he reads; no scope is called so."""
    return f"@{user_pk}"


def of_row(row: SyncModel, using: str) -> list[str]:
    """The keys of the scopes a row is in."""
    return of_rows([row], using)[0]


def of_rows(
    rows: Sequence[SyncModel],
    using: str,
    *,
    model: type[SyncModel] | None = None,
    sought: Collection[UUID] = (),
) -> list[list[str]]:
    """The same for rows of one model, in order; at most one query for all of them.

    With what was `sought` of a `model` there are as many queries, whether rows were found or not.
    """
    if not rows and not sought:
        return []
    audience = audience_of(model or type(rows[0]))
    if audience is None:
        return [[] for _ in rows]
    shown = [row for row in rows if not row.is_local_only]
    if audience.is_everybody:
        return [[] if row.is_local_only else _of_everybody(type(row), using) for row in rows]
    if audience.function is not None:
        anchors: dict[Any, list[Any]] = {
            row.pk: sorted(map(_pk, audience.function(row)), key=str) for row in shown
        }
    elif audience.hops[0].attname is not None:
        return _of_columns(rows, using, audience)
    else:
        anchors = _related(audience, using, shown, sought)
    return [
        []
        if row.is_local_only
        else [key_of(using, audience, anchor) for anchor in anchors.get(row.pk, ())]
        for row in rows
    ]


def of_user(user: AbstractBaseUser | AnonymousUser) -> dict[str, str]:
    """The scopes that a user reads, each with the alias of the database it is in.

    One query for each anchor and path that there is among the models.
    """
    if user.is_anonymous:
        return _of_anybody()
    found: dict[str, str] = {}
    asked: set[tuple[str, str]] = set()
    for model in schema.sync_models():
        using = database_of(model)
        audience = audience_of(model)
        found[everybody(using)] = using
        if audience is None or audience.is_everybody or (using, audience.key) in asked:
            continue
        asked.add((using, audience.key))
        for anchor in _anchors_of(user.pk, using, audience):
            found[key_of(using, audience, anchor)] = using
    return dict(sorted(found.items()))


def database_of(model: type[SyncModel]) -> str:
    """The alias of the database in which the model's rows, and their documents, are written."""
    return router.db_for_write(model)


def databases() -> list[str]:
    """The aliases of the databases that have any, in the order of the settings."""
    found = {database_of(model) for model in schema.sync_models()}
    return [alias for alias in connections if alias in found]


def _of_everybody(model: type[SyncModel], using: str) -> list[str]:
    return [everybody(using), *([public(using, model)] if _is_public(model) else [])]


def _of_anybody() -> dict[str, str]:
    found = {}
    for model in filter(_is_public, schema.sync_models()):
        using = database_of(model)
        found[public(using, model)] = using
    return dict(sorted(found.items()))


def _is_public(model: type[SyncModel]) -> bool:
    """Do those read it who are not signed in? Only where nothing else is said of who does."""
    return model._sync.anonymous and model._sync.everyone


def _of_columns(rows: Sequence[SyncModel], using: str, audience: Audience) -> list[list[str]]:
    attname, start = audience.hops[0].attname, key_of(using, audience, "")
    assert attname is not None, "whoever asks looked"
    anchors = (None if row.is_local_only else getattr(row, attname) for row in rows)
    return [[] if anchor is None else [f"{start}{anchor}"] for anchor in anchors]


def _related(
    audience: Audience, using: str, rows: Sequence[SyncModel], sought: Collection[UUID]
) -> dict[Any, list[Any]]:
    """What the first hop leads to from each row, where that is no column of the row."""
    stored = [row.pk for row in rows if row.pk is not None]
    wanted = {"sync_id__in": sought} if sought else {"pk__in": stored}
    anchors: dict[Any, list[Any]] = {}
    if stored or sought:
        name = f"{audience.hops[0].name}__pk"
        pairs = (
            audience.model._base_manager.using(using)
            .filter(**wanted)
            .exclude(**{name: None})
            .order_by(name)
            .values_list("pk", name)
            .distinct()
        )
        for pk, anchor in pairs:
            anchors.setdefault(pk, []).append(anchor)
    return anchors


def _anchors_of(user: Any, using: str, audience: Audience) -> Iterable[Any]:
    """The keys of the anchors to which the user with this key belongs."""
    if not audience.rest:
        return [user]
    if not is_fixed(audience.anchor._base_manager):
        return [anchor for (anchor,) in _anchors(audience, user).using(using)]
    key = get_user_model()._meta.pk.get_db_prep_value(user, connections[using])
    return [anchor for (anchor,) in _prepared_anchors(audience).rows(using, key)]


@cache
def _prepared_anchors(audience: Audience) -> Prepared:
    return Prepared(lambda user: _anchors(audience, user))


def _anchors(audience: Audience, user: Any) -> QuerySet[Any, Any]:
    rows = audience.anchor._base_manager.filter(**{audience.rest: user})
    return rows.order_by().values_list(audience.hops[0].key).distinct()


def _pk(user: Any) -> Any:
    return getattr(user, "pk", user)
