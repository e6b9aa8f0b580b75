"""Access: who may read a scope changes with the models between it and its users.

Laws:

1. Whatever the ORM does to a relation on an audience's path is noted in the same transaction:
   saving and deleting on either side of a foreign key, adding to and removing from a many-to-many
   field, rows of its `through` model. So is what anybody writes to models that sync, devices too
   (see `writes.following`). What neither does nor sends a signal (`update()` of other models, raw
   SQL) is found by the timer.
2. A note is an outbox row, as every change is: it waits for nobody and holds no lock. The stamper
   counts it in `Scope.access`, which live messages carry: whoever last asked under another count
   asks again before he passes one on.
3. The users whom a change lets in or shuts out are told at once, as far as the channel layer does.
4. Where the first hop is no column of the row itself, a change of it moves rows between scopes:
   that is written as any other change of these rows.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from typing import Any

from django.apps import apps
from django.contrib.auth import get_user_model
from django.contrib.auth.signals import user_logged_out
from django.core.exceptions import ImproperlyConfigured
from django.db import models
from django.db.models.signals import m2m_changed, post_delete, post_save, pre_delete, pre_save

from ..changefeed import hints
from ..mapping.columns import sets_of
from ..mapping.schema import syncs
from ..sign_in.auth import name_of_session
from ..signals import DEVICE
from . import paths, scopes
from .audience import Hop, audience_of
from .paths import Link, LinkColumn

__all__ = ["watch"]

_OLD = "_pulse_access"
"""Where an instance keeps, between two signals, what its row held before."""

Model = type[models.Model]


def watch() -> None:
    """Listen to everything on the paths of the audiences of all models; to be called once they are
    loaded, and harmless when called again.
    """
    for found in (paths.columns, paths.nodes, paths.through):
        found.clear()
    try:
        get_user_model()
    except ImproperlyConfigured:
        return  # a system check says so
    for model in apps.get_models():
        audience = audience_of(model) if syncs(model) else None
        for place in range(len(audience.hops) if audience is not None else 0):
            assert audience is not None
            _watch(Link(model, audience, place))
    for sender in _kin(paths.columns):
        if syncs(sender):
            continue  # `writes.following` sees whatever is written to it
        pre_save.connect(_before_save, sender=sender, dispatch_uid=f"pulse.access.{sender!r}")
        post_save.connect(_after_save, sender=sender, dispatch_uid=f"pulse.access.{sender!r}")
    for sender in _kin({**paths.columns, **paths.nodes}):
        pre_delete.connect(_before_delete, sender=sender, dispatch_uid=f"pulse.access.{sender!r}")
        post_delete.connect(_after_delete, sender=sender, dispatch_uid=f"pulse.access.{sender!r}")
    for sender in paths.through:
        m2m_changed.connect(_members_changed, sender=sender, dispatch_uid="pulse.access")
    _watch_users()


def _watch(link: Link) -> None:
    hop = link.hop
    if link.place == 0 and (hop.attname is not None or hop.name in sets_of(link.model)):
        return  # the row's own field: written as all others
    if hop.through is not None:
        paths.through.setdefault(hop.through, []).append(link)
        if not hop.through._meta.auto_created:
            _add(hop.through, LinkColumn(link, *_sides(hop)))
    elif hop.attname is not None:
        _add(hop.model, LinkColumn(link, None, hop.field))
    elif isinstance(remote := getattr(hop.field, "field", None), models.ForeignKey):
        _add(hop.target, LinkColumn(link, remote, None))
    paths.nodes.setdefault(paths.concrete(hop.target), []).append(link)
    if link.place:
        paths.nodes.setdefault(paths.concrete(hop.model), []).append(link)


def _add(model: Model, column: LinkColumn) -> None:
    paths.columns.setdefault(paths.concrete(model), []).append(column)


def _sides(hop: Hop) -> tuple[Any, Any]:
    """The foreign keys of a `through` model to where the relation begins, and to where it ends."""
    forward = isinstance(hop.field, models.ManyToManyField)
    field = hop.field if forward else hop.field.field
    names = [field.m2m_field_name(), field.m2m_reverse_field_name()]
    begins, ends = (field.remote_field.through._meta.get_field(name) for name in names)
    return (begins, ends) if forward else (ends, begins)


def _kin(watched: Iterable[Model]) -> Iterator[Model]:
    """The models watched, their proxies and their children: each sends signals of its own."""
    known = tuple(watched)
    return (model for model in apps.get_models() if issubclass(model, known)) if known else iter(())


# Signals


def _before_save(
    sender: Model, instance: Any, using: str, update_fields: Any = None, **kwargs: Any
) -> None:
    names = {name for column in paths.of(paths.columns, sender) for name in paths.attnames(column)}
    skipped = update_fields is not None and not _touches(sender, names, update_fields)
    instance.__dict__.pop(_OLD, None)
    if skipped or instance._state.adding or instance.pk is None:
        return
    rows = sender._base_manager.using(using).filter(pk=instance.pk)
    instance.__dict__[_OLD] = rows.values(*names).first() or {}


def _after_save(
    sender: Model,
    instance: Any,
    using: str,
    created: bool = False,
    update_fields: Any = None,
    **kwargs: Any,
) -> None:
    old = instance.__dict__.pop(_OLD, None)
    if old is None and not created and update_fields is not None:
        return
    for column in paths.of(paths.columns, sender):
        before = {name: (old or {}).get(name) for name in paths.attnames(column)}
        after = {name: getattr(instance, name) for name in paths.attnames(column)}
        if before != after:
            paths.changed(column.link, using, *paths.ends(column, instance.pk, (before, after)))


def _before_delete(sender: Model, instance: Any, using: str, **kwargs: Any) -> None:
    """Who is concerned can be told only as long as the row is there."""
    found = []
    for link in paths.of(paths.nodes, sender):
        concerned = paths.around(link, using, sender, instance.pk)
        found.append((link, *concerned))
    instance.__dict__[_OLD] = found


def _after_delete(sender: Model, instance: Any, using: str, **kwargs: Any) -> None:
    for link, begins, ends in instance.__dict__.pop(_OLD, ()):
        if link.place:
            paths.note(link.audience, using, begins, ends)
        else:
            paths.move(link, using, begins)
    for column in paths.of(paths.columns, sender):
        here = {name: getattr(instance, name) for name in paths.attnames(column)}
        paths.changed(column.link, using, *paths.ends(column, instance.pk, (here,)))


def _members_changed(
    sender: Model,
    instance: Any,
    action: str,
    reverse: bool,
    using: str,
    pk_set: Collection[Any] | None = None,
    origin: Any = None,
    **kwargs: Any,
) -> None:
    if origin == DEVICE:
        return  # noted with what was merged: see `writes.following`
    for link in paths.through.get(sender, ()):
        forward = isinstance(link.hop.field, models.ManyToManyField)
        from_beginning = forward is not reverse
        if action == "pre_clear":
            begins, ends = _sides(link.hop)
            mine, others = (begins, ends) if from_beginning else (ends, begins)
            rows = sender._base_manager.using(using).filter(**{mine.name: instance.pk})
            instance.__dict__[_OLD] = set(rows.values_list(others.attname, flat=True))
        if action in {"post_add", "post_remove", "post_clear"}:
            other = instance.__dict__.get(_OLD, set()) if pk_set is None else set(pk_set)
            here = {instance.pk}
            paths.changed(link, using, *((here, other) if from_beginning else (other, here)))


def _watch_users() -> None:
    """Whoever is logged out, deleted, made inactive or loses a token is looked at again at once."""
    users = get_user_model()
    post_save.connect(_user_saved, sender=users, dispatch_uid="pulse.user")
    post_delete.connect(_user_deleted, sender=users, dispatch_uid="pulse.user")
    user_logged_out.connect(_user_left, dispatch_uid="pulse.user")
    if apps.is_installed("rest_framework.authtoken"):
        for name in ("Token", "TokenProxy"):  # the admin deletes the latter
            sender = apps.get_model("authtoken", name)
            post_delete.connect(_token_deleted, sender=sender, dispatch_uid="pulse.user")


def _user_saved(
    instance: Any, using: str, created: bool, update_fields: Any, **kwargs: Any
) -> None:
    if not created and (update_fields is None or set(update_fields) - {"last_login"}):
        paths.tell([instance.pk], using)


def _user_deleted(instance: Any, using: str, **kwargs: Any) -> None:
    paths.tell([instance.pk], using)


def _token_deleted(instance: Any, using: str, **kwargs: Any) -> None:
    paths.tell([instance.user_id], using)


def _user_left(request: Any, user: Any = None, **kwargs: Any) -> None:
    """Django says so before it deletes the session."""
    key = getattr(getattr(request, "session", None), "session_key", None)
    if user is not None and key:
        hints.call([scopes.channel_of(user.pk)], name_of_session(key))


def _touches(sender: Model, attnames: Collection[str], update_fields: Collection[str]) -> bool:
    names = {field.name for field in sender._meta.concrete_fields if field.attname in attnames}
    return bool((names | set(attnames)) & set(update_fields))
