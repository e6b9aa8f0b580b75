"""Access: who may read a scope changes with the models between it and its users.

Laws:

1. Whatever the ORM does to a relation on an audience's path is noted in the same transaction:
   saving and deleting on either side of a foreign key, adding to and removing from a many-to-many
   field, rows of its `through` model. What sends no signal (`update()`, raw SQL) is found by the
   timer.
2. A note is an outbox row, as every change is: it waits for nobody and holds no lock. The stamper
   counts it in `Scope.access`, which live messages carry: whoever last asked under another count
   asks again before he passes one on.
3. The users whom a change lets in or shuts out are told at once, as far as the channel layer does.
4. Where the first hop is no column of the row itself, a change of it moves rows between scopes:
   that is written as any other change of these rows.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from django.apps import apps
from django.contrib.auth import get_user_model
from django.contrib.auth.signals import user_logged_out
from django.core.exceptions import ImproperlyConfigured
from django.db import models, transaction
from django.db.models.signals import m2m_changed, post_delete, post_save, pre_delete, pre_save

from . import feed, hints, scopes
from .audience import Audience, Hop, audience_of
from .auth import name_of_session
from .columns import sets_of
from .schema import syncs
from .sql import insert_many
from .tables import Outbox
from .writes.absorbing import absorb_rows

__all__ = ["watch"]

TOLD_AT_ONCE = 1_000
"""Users who are told of one change at once. Beyond that they find out by the next live message, or
by the timer: a hint to each of a hundred thousand would keep the channel layer from all else."""

_OLD = "_pulse_access"
"""Where an instance keeps, between two signals, what its row held before."""

Model = type[models.Model]


@dataclass(frozen=True, slots=True)
class _Link:
    """A relation on the path of an audience, `place` hops from the rows of `model`."""

    model: Any
    audience: Audience
    place: int

    @property
    def hop(self) -> Hop:
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
class _Column:
    """A foreign key that makes up a relation: does its own model stand at the relation's beginning,
    at its end, or between the two?
    """

    link: _Link
    begins: models.ForeignKey[Any, Any] | None
    ends: models.ForeignKey[Any, Any] | None


_columns: dict[Model, list[_Column]] = {}
_nodes: dict[Model, list[_Link]] = {}
_through: dict[Model, list[_Link]] = {}


def watch() -> None:
    """Listen to everything on the paths of the audiences of all models; to be called once they are
    loaded, and harmless when called again.
    """
    for found in (_columns, _nodes, _through):
        found.clear()
    try:
        get_user_model()
    except ImproperlyConfigured:
        return  # a system check says so
    for model in apps.get_models():
        audience = audience_of(model) if syncs(model) else None
        for place in range(len(audience.hops) if audience is not None else 0):
            assert audience is not None
            _watch(_Link(model, audience, place))
    for sender in _kin(_columns):
        pre_save.connect(_before_save, sender=sender, dispatch_uid=f"pulse.access.{sender!r}")
        post_save.connect(_after_save, sender=sender, dispatch_uid=f"pulse.access.{sender!r}")
    for sender in _kin({**_columns, **_nodes}):
        pre_delete.connect(_before_delete, sender=sender, dispatch_uid=f"pulse.access.{sender!r}")
        post_delete.connect(_after_delete, sender=sender, dispatch_uid=f"pulse.access.{sender!r}")
    for sender in _through:
        m2m_changed.connect(_members_changed, sender=sender, dispatch_uid="pulse.access")
    _watch_users()


def _watch(link: _Link) -> None:
    hop = link.hop
    if link.place == 0 and (hop.attname is not None or hop.name in sets_of(link.model)):
        return  # the row's own field: written as all others
    if hop.through is not None:
        _through.setdefault(hop.through, []).append(link)
        if not hop.through._meta.auto_created:
            _add(hop.through, _Column(link, *_sides(hop)))
    elif hop.attname is not None:
        _add(hop.model, _Column(link, None, hop.field))
    elif isinstance(remote := getattr(hop.field, "field", None), models.ForeignKey):
        _add(hop.target, _Column(link, remote, None))
    _nodes.setdefault(_concrete(hop.target), []).append(link)
    if link.place:
        _nodes.setdefault(_concrete(hop.model), []).append(link)


def _add(model: Model, column: _Column) -> None:
    _columns.setdefault(_concrete(model), []).append(column)


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
    names = {name for column in _of(_columns, sender) for name in _attnames(column)}
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
    for column in _of(_columns, sender):
        before = {name: (old or {}).get(name) for name in _attnames(column)}
        after = {name: getattr(instance, name) for name in _attnames(column)}
        if before != after:
            _changed(column.link, using, *_ends(column, instance.pk, (before, after)))


def _before_delete(sender: Model, instance: Any, using: str, **kwargs: Any) -> None:
    """Who is concerned can be told only as long as the row is there."""
    found = []
    for link in _of(_nodes, sender):
        concerned = _around(link, using, sender, instance.pk)
        found.append((link, *concerned))
    instance.__dict__[_OLD] = found


def _after_delete(sender: Model, instance: Any, using: str, **kwargs: Any) -> None:
    for link, begins, ends in instance.__dict__.pop(_OLD, ()):
        if link.place:
            _note(link.audience, using, begins, ends)
        else:
            _move(link, using, begins)
    for column in _of(_columns, sender):
        here = {name: getattr(instance, name) for name in _attnames(column)}
        _changed(column.link, using, *_ends(column, instance.pk, (here,)))


def _members_changed(
    sender: Model,
    instance: Any,
    action: str,
    reverse: bool,
    using: str,
    pk_set: Collection[Any] | None = None,
    **kwargs: Any,
) -> None:
    for link in _through.get(sender, ()):
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
            _changed(link, using, *((here, other) if from_beginning else (other, here)))


def _watch_users() -> None:
    """Whoever is logged out, deleted, or made inactive is looked at again at once."""
    users = get_user_model()
    post_save.connect(_user_saved, sender=users, dispatch_uid="pulse.user")
    post_delete.connect(_user_deleted, sender=users, dispatch_uid="pulse.user")
    user_logged_out.connect(_user_left, dispatch_uid="pulse.user")


def _user_saved(
    instance: Any, using: str, created: bool, update_fields: Any, **kwargs: Any
) -> None:
    if not created and (update_fields is None or set(update_fields) - {"last_login"}):
        _tell([instance.pk], using)


def _user_deleted(instance: Any, using: str, **kwargs: Any) -> None:
    _tell([instance.pk], using)


def _user_left(request: Any, user: Any = None, **kwargs: Any) -> None:
    """Django says so before it deletes the session."""
    key = getattr(getattr(request, "session", None), "session_key", None)
    if user is not None and key:
        hints.call([scopes.channel_of(user.pk)], name_of_session(key))


# What follows


def _changed(link: _Link, using: str, begins: Collection[Any], ends: Collection[Any]) -> None:
    """A relation between these rows was made, or ended."""
    begins = [pk for pk in begins if pk is not None]
    ends = [pk for pk in ends if pk is not None]
    if link.place:
        _note(link.audience, using, _anchors(link, using, begins), _users(link, using, ends))
    else:
        _move(link, using, begins)


def _move(link: _Link, using: str, rows: Collection[Any]) -> None:
    if rows:
        with transaction.atomic(using=using):
            absorb_rows(link.model, using, sorted(rows))


def _note(audience: Audience, using: str, anchors: Collection[Any], users: Collection[Any]) -> None:
    """Note that other users read the scopes of these anchors, and tell those concerned."""
    if anchors:
        keys = sorted({scopes.key_of(using, audience, anchor) for anchor in anchors})
        with transaction.atomic(using=using):
            rows = [(feed.ACCESS, key, b"") for key in keys]
            insert_many(Outbox, using, ("document", "scope", "update"), rows)
            feed.stamp_after_commit(using)
    _tell(users, using)


def _tell(users: Collection[Any], using: str) -> None:
    channels = [scopes.channel_of(pk) for pk in sorted(set(users), key=str)[:TOLD_AT_ONCE]]
    if channels:
        transaction.on_commit(lambda: hints.call(channels), using=using, robust=True)


def _anchors(link: _Link, using: str, begins: Collection[Any]) -> list[Any]:
    """The keys of the anchors from which the path leads to these rows."""
    key = link.audience.hops[0].key
    if not begins or (not link.prefix and key == "pk"):
        return list(begins)
    rows = link.audience.anchor._base_manager.using(using)
    wanted = rows.filter(**{f"{link.prefix or 'pk'}__in": begins})
    return list(wanted.order_by().values_list(key, flat=True).distinct())


def _users(link: _Link, using: str, ends: Collection[Any]) -> list[Any]:
    """The users to whom the path leads from these rows; a few more than are told at once."""
    if not ends or not link.suffix:
        return list(ends)
    rows = link.hop.target._base_manager.using(using).filter(pk__in=ends)
    found = rows.order_by().values_list(f"{link.suffix}__pk", flat=True).distinct()
    return [pk for pk in found[: TOLD_AT_ONCE + 1] if pk is not None]


def _around(link: _Link, using: str, sender: Model, pk: Any) -> tuple[list[Any], list[Any]]:
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


def _ends(column: _Column, pk: Any, states: Iterable[dict[str, Any]]) -> tuple[set[Any], set[Any]]:
    """What stands at the beginning and at the end of a relation, in any of these states."""
    states = list(states)
    begins = {pk} if column.begins is None else {state[column.begins.attname] for state in states}
    ends = {pk} if column.ends is None else {state[column.ends.attname] for state in states}
    return begins, ends


def _attnames(column: _Column) -> list[str]:
    return [field.attname for field in (column.begins, column.ends) if field is not None]


def _touches(sender: Model, attnames: Collection[str], update_fields: Collection[str]) -> bool:
    names = {field.name for field in sender._meta.concrete_fields if field.attname in attnames}
    return bool((names | set(attnames)) & set(update_fields))


def _of(found: dict[Model, list[Any]], sender: Model) -> Iterator[Any]:
    """What is watched of a model, or of those it descends from."""
    for model, each in found.items():
        if issubclass(sender, model):
            yield from each


def _concrete(model: Model) -> Model:
    return model._meta.concrete_model or model
